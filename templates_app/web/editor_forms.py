"""The editor's form: the template's fields, and a row for each variable that its texts name.

The rows are in the request (`variable`, repeated, names them; `type-<name>`, `help-<name>`, ... describe each), so
that the page works without script: "Check" and "Save" send the same.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from templates_app.states import Tier
from templates_app.text.content import Content, extracted, used_names
from templates_app.text.syntax import NAME
from templates_app.text.variables import TYPES, is_blank

WHOLE = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})", re.ASCII)
TYPE_CHOICES = (("text", "Text"), ("number", "Number"), ("dropdown", "Dropdown"), ("list", "List"))
TEXT_FIELDS = ("text", "system_prompt", "training_system_prompt")


def line_ends(text: str) -> str:
    """As they were typed: browsers send every line end of a text area as CR LF."""
    return text.replace("\r\n", "\n")


class TemplateForm(forms.Form):
    """Name, tier and texts. What is stored is checked by `checks`, the same for every way in."""

    name = forms.CharField(label="Name", required=False)
    tier = forms.ChoiceField(label="Tier", choices=Tier.choices)
    text = forms.CharField(label="Text", required=False, strip=False)
    system_prompt = forms.CharField(label="System prompt", required=False, strip=False)
    training_system_prompt = forms.CharField(label="Training system prompt", required=False, strip=False)
    language = forms.CharField(label="Language", required=False)
    model = forms.CharField(label="Model", required=False)
    turns_min = forms.CharField(label="Fewest turns", required=False)
    turns_max = forms.CharField(label="Most turns", required=False)
    variables = forms.CharField(label="Variables", required=False)  # only for what is wrong with them
    seen = forms.CharField(required=False)

    def content(self) -> Content:
        """What the form says, with a variable for each new name in the texts."""
        data: Any = self.data
        texts: dict[str, Any] = {name: line_ends(data.get(name, "")) for name in TEXT_FIELDS}
        typed = Content(
            **texts,
            variables=[definition_of(data, name) for name in self._kept(texts)],
            language=data.get("language", "").strip() or "en",
            model=data.get("model", "").strip(),
            turns_min=turns_in(data.get("turns_min", "")),
            turns_max=turns_in(data.get("turns_max", "")),
        )
        return Content(**{**typed.as_fields(), "variables": extracted(typed)})

    def _kept(self, texts: Mapping[str, Any]) -> list[str]:
        """Rows whose name the texts still use, and others that nobody has ticked for removal or that say something."""
        data: Any = self.data
        used = used_names(Content(**texts))
        names = dict.fromkeys(name for name in data.getlist("variable") if NAME.fullmatch(name))
        return [
            name for name in names if name in used or not (f"remove-{name}" in data or untouched(data, name))
        ]

    def samples(self) -> dict[str, str]:
        """The values to try the template with."""
        data: Any = self.data
        return {name: line_ends(data.get(f"try-{name}", "")) for name in data.getlist("variable")}


def turns_in(text: str) -> Any:
    """A number, None for nothing, or what was written, for the check to name."""
    return as_number(text) if text.strip() else None


def untouched(data: QueryDict, name: str) -> bool:
    """A row that was found in the text and never edited goes with its name: half-typed names leave no rows behind."""
    return definition_of(data, name) == {"name": name, "type": "text", "required": True} and not data.get(
        f"kept-{name}"
    )


def definition_of(data: QueryDict, name: str) -> dict[str, Any]:
    """One row as a definition. What its type does not have is left out."""
    kind = data.get(f"type-{name}", "text")
    found: dict[str, Any] = {
        "name": name,
        "type": kind if kind in TYPES else "text",
        "required": f"required-{name}" in data or f"type-{name}" not in data,
    }
    found |= {key: value for key, value in _optional(data, name, kind) if not is_blank(value)}
    return found


def _optional(data: QueryDict, name: str, kind: str) -> Iterator[tuple[str, Any]]:
    default = line_ends(data.get(f"default-{name}", ""))
    if kind == "list":
        yield "default", [line for line in default.split("\n") if line.strip()]
    else:
        yield "default", as_number(default) if kind == "number" else default
    yield "help", line_ends(data.get(f"help-{name}", ""))
    if kind in ("dropdown", "list"):
        options = line_ends(data.get(f"options-{name}", ""))
        yield "options", [line for line in options.split("\n") if line.strip()]
    if kind == "number":
        yield "minimum", as_number(data.get(f"minimum-{name}", ""))
        yield "maximum", as_number(data.get(f"maximum-{name}", ""))
    yield "max_length", as_number(data.get(f"max_length-{name}", ""))


def as_number(text: str) -> int | float | str:
    """A number where the text is one and says the same back, else the text, for the check to name."""
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


def variable_rows(
    content: Content, *, samples: Mapping[str, str], kept: set[str] | frozenset[str] = frozenset()
) -> list[VariableRow]:
    used = set(used_names(content))
    return [_row(each, samples=samples, used=used, kept=kept) for each in content.variables]


def _row(
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
            key: _written(definition.get(key))
            for key in ("default", "help", "options", "minimum", "maximum", "max_length")
        },
    )


def _written(value: Any) -> str:
    if value is None:
        return ""
    return "\n".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)
