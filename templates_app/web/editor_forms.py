"""The editor's form: the template's fields, and a row of the table for each variable that its texts use.

The rows are part of the request: `variable` is repeated for each name, and `type-<name>`, `help-<name>`, ... describe
it. So the page works without script; "Check" and "Save" send the same fields.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from templates_app.states import Tier
from templates_app.text.content import Content, extract_variables, find_used_names
from templates_app.text.names import NAME
from templates_app.text.variables import TYPES, is_blank

WHOLE = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})", re.ASCII)
TYPE_CHOICES = (("text", "Text"), ("number", "Number"), ("dropdown", "Dropdown"), ("list", "List"))
TEXT_FIELDS = ("text", "system_prompt", "training_system_prompt")


def normalize_line_ends(text: str) -> str:
    """The line ends as they were typed. Browsers send every line end of a text area as CR LF."""
    return text.replace("\r\n", "\n")


class TemplateForm(forms.Form):
    """Name, tier and texts. The values are checked by `prompts.checks`, as everywhere."""

    name = forms.CharField(label="Name", required=False)
    tier = forms.ChoiceField(label="Tier", choices=Tier.choices)
    text = forms.CharField(label="Text", required=False, strip=False)
    system_prompt = forms.CharField(label="System prompt", required=False, strip=False)
    training_system_prompt = forms.CharField(label="Training system prompt", required=False, strip=False)
    language = forms.CharField(label="Language", required=False)
    model = forms.CharField(label="Model", required=False)
    turns_min = forms.CharField(label="Fewest turns", required=False)
    turns_max = forms.CharField(label="Most turns", required=False)
    variables = forms.CharField(label="Variables", required=False)  # holds only their errors
    seen = forms.CharField(required=False)

    def content(self) -> Content:
        """The content that was sent, with a variable for each new name in the texts."""
        data: Any = self.data
        texts: dict[str, Any] = {name: normalize_line_ends(data.get(name, "")) for name in TEXT_FIELDS}
        typed = Content(
            **texts,
            variables=[read_definition(data, name) for name in self._choose_names(texts)],
            language=data.get("language", "").strip() or "en",
            model=data.get("model", "").strip(),
            turns_min=parse_turns(data.get("turns_min", "")),
            turns_max=parse_turns(data.get("turns_max", "")),
        )
        return Content(**{**typed.as_fields(), "variables": extract_variables(typed)})

    def _choose_names(self, texts: Mapping[str, Any]) -> list[str]:
        """The variables to keep: those that the texts use, and edited ones that are not ticked for removal."""
        data: Any = self.data
        used = find_used_names(Content(**texts))
        names = dict.fromkeys(name for name in data.getlist("variable") if NAME.fullmatch(name))
        return [
            name
            for name in names
            if name in used or not (f"remove-{name}" in data or is_untouched(data, name))
        ]

    def samples(self) -> dict[str, str]:
        """The values to try the template with."""
        data: Any = self.data
        return {name: normalize_line_ends(data.get(f"try-{name}", "")) for name in data.getlist("variable")}


def parse_turns(text: str) -> Any:
    """A number, None for an empty text, or else the text itself, which the check will report."""
    return parse_number(text) if text.strip() else None


def is_untouched(data: QueryDict, name: str) -> bool:
    """Whether nobody has described the variable. Such a row is dropped with its name, for example a half-typed one."""
    definition = {**read_definition(data, name), "required": True}
    return definition == {"name": name, "type": "text", "required": True} and not data.get(f"kept-{name}")


def read_definition(data: QueryDict, name: str) -> dict[str, Any]:
    """The definition of one variable. Settings that do not belong to its type are left out."""
    kind = data.get(f"type-{name}", "text")
    found: dict[str, Any] = {
        "name": name,
        "type": kind if kind in TYPES else "text",
        "required": f"required-{name}" in data or f"type-{name}" not in data,
    }
    found |= {key: value for key, value in _read_optional(data, name, kind) if not is_blank(value)}
    return found


def _read_optional(data: QueryDict, name: str, kind: str) -> Iterator[tuple[str, Any]]:
    default = normalize_line_ends(data.get(f"default-{name}", ""))
    if kind == "list":
        yield "default", [line for line in default.split("\n") if line.strip()]
    else:
        yield "default", parse_number(default) if kind == "number" else default
    yield "help", normalize_line_ends(data.get(f"help-{name}", ""))
    if kind in ("dropdown", "list"):
        options = normalize_line_ends(data.get(f"options-{name}", ""))
        yield "options", [line for line in options.split("\n") if line.strip()]
    if kind == "number":
        yield "minimum", parse_number(data.get(f"minimum-{name}", ""))
        yield "maximum", parse_number(data.get(f"maximum-{name}", ""))
    yield "max_length", parse_number(data.get(f"max_length-{name}", ""))


def parse_number(text: str) -> int | float | str:
    """The number if the text is one in its usual form, else the text itself, which the check will report."""
    text = text.strip()
    if WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if repr(number) == text else text


@dataclass(frozen=True, kw_only=True)
class VariableRow:
    """A row of the variables table, as the page shows it."""

    name: str
    kind: str
    required: bool
    default: str
    help: str
    options: str
    minimum: str
    maximum: str
    max_length: str
    sample: str
    used: bool
    kept: bool


def build_variable_rows(
    content: Content, *, samples: Mapping[str, str], kept: set[str] | frozenset[str] = frozenset()
) -> list[VariableRow]:
    used = set(find_used_names(content))
    return [_build_row(each, samples=samples, used=used, kept=kept) for each in content.variables]


def _build_row(
    definition: Mapping[str, Any],
    *,
    samples: Mapping[str, str],
    used: set[str],
    kept: set[str] | frozenset[str],
) -> VariableRow:
    name = str(definition.get("name"))
    return VariableRow(
        name=name,
        kind=str(definition.get("type", "text")),
        required=bool(definition.get("required", True)),
        sample=samples.get(name, ""),
        used=name in used,
        kept=name in kept,
        **{
            key: _format_value(definition.get(key))
            for key in ("default", "help", "options", "minimum", "maximum", "max_length")
        },
    )


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    return "\n".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)
