"""A file to begin a plan with, and what its columns are: both from the templates that the workspace has."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from batches.planning.sources.csv_file import ALWAYS, find_plan_columns
from templates_app.models import TemplateVersion
from templates_app.text.variables import Variable, is_blank

MOST_TEMPLATES = 3
_TEXTS = {
    "topic": "what the conversation is about",
    "tier": "template, scenario or edge_case",
    "category": "words with ; or | between them",
    "template": "the name of a template; empty: the one that you choose for the other rows",
}


def describe_plan_columns(versions: Mapping[str, TemplateVersion]) -> list[dict[str, Any]]:
    """The columns of a plan for these templates: name, whether each row needs it, and what it holds."""
    needed: dict[str, list[str]] = {}
    used: dict[str, list[str]] = {}
    for name, version in sorted(versions.items()):
        for variable in version.typed_variables():
            used.setdefault(variable.name, []).append(name)
            if variable.required and is_blank(variable.default):
                needed.setdefault(variable.name, []).append(name)
    return [
        {
            "name": column,
            "required": column == "topic",
            "about": _TEXTS.get(column) or _describe(used.get(column, []), needed.get(column, [])),
        }
        for column in find_plan_columns(versions).names
    ]


def _describe(used: list[str], needed: list[str]) -> str:
    words = f"a variable of {_join(used)}"
    return f"{words}; required by {_join(needed)}" if needed else words


def _join(names: list[str]) -> str:
    more = f" and {len(names) - MOST_TEMPLATES} more" if len(names) > MOST_TEMPLATES else ""
    return ", ".join(names[:MOST_TEMPLATES]) + more


def dump_plan_sample(versions: Mapping[str, TemplateVersion]) -> bytes:
    """A CSV file with a row for each of three templates, one of each tier if there are, that can be read as it is."""
    chosen = _choose_versions(versions)
    columns = [
        *ALWAYS,
        *dict.fromkeys(name for each in chosen for name in _list_names(each) if name not in ALWAYS),
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_make_row(version) for version in chosen)
    if not chosen:
        writer.writerow({"topic": "what the conversation is about"})
    return text.getvalue().encode("utf-8-sig")


def _choose_versions(versions: Mapping[str, TemplateVersion]) -> list[TemplateVersion]:
    ordered = sorted(versions.values(), key=lambda each: each.template.name)
    one_a_tier = {version.template.tier: version for version in reversed(ordered)}
    others = [version for version in ordered if version not in one_a_tier.values()]
    return [*one_a_tier.values(), *others][:MOST_TEMPLATES]


def _list_names(version: TemplateVersion) -> list[str]:
    return [variable.name for variable in version.typed_variables()]


def _make_row(version: TemplateVersion) -> dict[str, str]:
    values = {variable.name: _make_value(variable) for variable in version.typed_variables()}
    return {
        **values,
        "topic": values.get("topic", "") or "what the conversation is about",
        "tier": version.template.tier,
        "template": version.template.name,
    }


def _make_value(variable: Variable) -> str:
    if not is_blank(variable.default):
        return (
            " | ".join(variable.default)
            if isinstance(variable.default, list | tuple)
            else str(variable.default)
        )
    if variable.options:
        return variable.options[0]
    if variable.type == "number":
        bound = variable.minimum if variable.minimum is not None else variable.maximum
        return "1" if bound is None else f"{bound:g}"
    return f"Write the {variable.name} here"[: variable.max_length]
