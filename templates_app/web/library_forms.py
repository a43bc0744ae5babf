"""The forms of a scenario, an edge case and an option. The values are checked by `library.checks`, as everywhere."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from templates_app.library.checks import BETWEEN_TAGS, SITUATION_TEXTS, WrongEntry, parse_weight
from templates_app.models import LibraryEntry, OptionKind, PromptTemplate, Situation
from templates_app.states import EntryKind
from templates_app.text.rendering import Problem
from templates_app.web.editor_forms import normalize_line_ends
from workspaces.models import Workspace

# These fields have one line; the others are text areas.
SINGLE_LINES = frozenset({"name", "topic", "persona", "emotion", "intent", "tone"})
_LINE_END = re.compile(r"\r\n|\r|\n")
NOT_THERE = "is not in this workspace any more; choose another"


class EntryForm(forms.Form):
    """Holds the labels and the errors. The values are read by `read_fields`."""

    name = forms.CharField(label="Name", required=False)
    kind = forms.ChoiceField(label="List", required=False, choices=OptionKind.choices)
    topic = forms.CharField(label="Topic", required=False)
    persona = forms.CharField(label="Persona", required=False)
    emotion = forms.CharField(label="Emotion", required=False)
    intent = forms.CharField(label="Intent", required=False)
    tone = forms.CharField(label="Tone", required=False)
    context = forms.CharField(label="Context", required=False)
    expected_behaviour = forms.CharField(label="Expected behaviour", required=False)
    tags = forms.CharField(label="Tags", required=False)
    template = forms.CharField(label="Template", required=False)
    parameters = forms.CharField(label="Other variables", required=False)
    position = forms.CharField(label="Place in a plan", required=False)
    description = forms.CharField(label="Description", required=False)
    weight = forms.CharField(label="Weight", required=False)

    def add_problems(self, wrong: WrongEntry) -> None:
        """Show each problem at its field."""
        self.is_valid()
        for problem in wrong.problems:
            field, _, inner = problem.name.partition(".")
            known = field in self.fields
            message = f"{inner}: {problem.message}" if inner else problem.message
            self.add_error(field if known else None, message)


def read_fields(kind: EntryKind, data: QueryDict, *, workspace: Workspace) -> dict[str, Any]:
    """The values of the form as they are stored. Raises WrongEntry for a bad number and an unknown template."""
    return _read_option(data) if kind == EntryKind.OPTION else _read_situation(data, workspace)


def _read_option(data: QueryDict) -> dict[str, Any]:
    fields = {name: normalize_line_ends(data.get(name, "")) for name in ("kind", "name", "description")}
    try:
        return {**fields, "weight": parse_weight(data.get("weight", ""))}
    except ValueError as wrong:
        raise WrongEntry([Problem("weight", str(wrong))]) from wrong


def _read_situation(data: QueryDict, workspace: Workspace) -> dict[str, Any]:
    fields: dict[str, Any] = {name: normalize_line_ends(data.get(name, "")) for name in SITUATION_TEXTS}
    fields["tags"] = split_tags(data.get("tags", ""))
    fields["parameters"] = dict(read_parameters(data))
    fields["template"] = _find_template(data.get("template", ""), workspace)
    if place := data.get("position", "").strip():
        if not (place.isascii() and place.isdigit() and len(place) < 10):
            raise WrongEntry([Problem("position", "must be a whole number, such as 12")])
        fields["position"] = int(place)
    return fields


def split_tags(text: str) -> list[str]:
    for mark in BETWEEN_TAGS[1:] + ",":
        text = text.replace(mark, BETWEEN_TAGS[0])
    return text.split(BETWEEN_TAGS[0])


def read_parameters(data: QueryDict) -> list[tuple[str, str]]:
    """The pairs of names and values. A value without a name is kept, so that the empty name is reported."""
    names, values = data.getlist("parameter-name"), data.getlist("parameter-value")
    pairs = zip((name.strip() for name in names), map(normalize_line_ends, values), strict=False)
    return [(name, value) for name, value in pairs if name or value.strip()]


def _find_template(text: str, workspace: Workspace) -> PromptTemplate | None:
    if not text:
        return None
    try:
        return PromptTemplate.objects.get(workspace=workspace, pk=UUID(text))
    except (ValueError, PromptTemplate.DoesNotExist) as gone:
        raise WrongEntry([Problem("template", NOT_THERE)]) from gone


def keep_changed(entry: LibraryEntry, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that differ from the entry in more than line ends, which a browser changes."""
    return {
        name: value
        for name, value in fields.items()
        if _normalize(name, value) != _normalize(name, getattr(entry, name))
    }


def _normalize(name: str, value: Any) -> Any:
    """The value as a browser would send it: text areas have one kind of line end, single-line fields have none."""
    if isinstance(value, dict):
        return {key: _normalize("", text) for key, text in value.items()}
    if not isinstance(value, str):
        return value
    return _LINE_END.sub("" if name in SINGLE_LINES else "\n", value)


def read_stored(entry: LibraryEntry) -> dict[str, Any]:
    """The values of an entry as its form shows them."""
    given = {name: getattr(entry, name) for name in entry.CONTENT_FIELDS if name != "template_id"}
    if isinstance(entry, Situation):
        given |= {
            "tags": "; ".join(entry.tags),
            "template": str(entry.template_id or ""),
            "parameters": list(entry.parameters.items()),
        }
    else:
        given["weight"] = entry.weight_text  # type: ignore[attr-defined]
    return given | {"seen": entry.updated_at.isoformat()}


def read_given(data: QueryDict) -> dict[str, Any]:
    """The values that were sent, as the form shows them again."""
    return {**data.dict(), "parameters": read_parameters(data)}
