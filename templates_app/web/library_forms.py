"""The forms of a scenario, an edge case and an option. What is stored is checked by `row_checks`, as for every way in."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from templates_app.library.checks import BETWEEN_TAGS, SITUATION_TEXTS, WrongRow, weight_of
from templates_app.models import OptionKind, PlanRow, PromptTemplate, Situation
from templates_app.states import RowKind
from templates_app.text.rendering import Problem
from templates_app.web.editor_forms import line_ends
from workspaces.models import Workspace

# Shown as a field of one line; the others are text areas.
SINGLE_LINES = frozenset({"name", "topic", "persona", "emotion", "intent", "tone"})
_LINE_END = re.compile(r"\r\n|\r|\n")
NOT_THERE = "is not in this workspace any more; choose another"


class RowForm(forms.Form):
    """Labels, and a place for what is wrong; the values are read by `fields_of`."""

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

    def blame(self, wrong: WrongRow) -> None:
        """Each problem at its field."""
        self.is_valid()
        for problem in wrong.problems:
            field, _, inner = problem.name.partition(".")
            known = field in self.fields
            message = f"{inner}: {problem.message}" if inner else problem.message
            self.add_error(field if known else None, message)


def fields_of(kind: RowKind, data: QueryDict, *, workspace: Workspace) -> dict[str, Any]:
    """What the form says, as it is stored. Raises WrongRow for what is no number or no template."""
    return _option(data) if kind == RowKind.OPTION else _situation(data, workspace)


def _option(data: QueryDict) -> dict[str, Any]:
    fields = {name: line_ends(data.get(name, "")) for name in ("kind", "name", "description")}
    try:
        return {**fields, "weight": weight_of(data.get("weight", ""))}
    except ValueError as wrong:
        raise WrongRow([Problem("weight", str(wrong))]) from wrong


def _situation(data: QueryDict, workspace: Workspace) -> dict[str, Any]:
    fields: dict[str, Any] = {name: line_ends(data.get(name, "")) for name in SITUATION_TEXTS}
    fields["tags"] = tags_in(data.get("tags", ""))
    fields["parameters"] = dict(parameters_in(data))
    fields["template"] = _template(data.get("template", ""), workspace)
    if place := data.get("position", "").strip():
        if not (place.isascii() and place.isdigit() and len(place) < 10):
            raise WrongRow([Problem("position", "must be a whole number, such as 12")])
        fields["position"] = int(place)
    return fields


def tags_in(text: str) -> list[str]:
    for mark in BETWEEN_TAGS[1:] + ",":
        text = text.replace(mark, BETWEEN_TAGS[0])
    return text.split(BETWEEN_TAGS[0])


def parameters_in(data: QueryDict) -> list[tuple[str, str]]:
    """The rows of names and values; a value without a name is blamed on its empty name."""
    names, values = data.getlist("parameter-name"), data.getlist("parameter-value")
    pairs = zip((name.strip() for name in names), map(line_ends, values), strict=False)
    return [(name, value) for name, value in pairs if name or value.strip()]


def _template(text: str, workspace: Workspace) -> PromptTemplate | None:
    if not text:
        return None
    try:
        return PromptTemplate.objects.get(workspace=workspace, pk=UUID(text))
    except (ValueError, PromptTemplate.DoesNotExist) as gone:
        raise WrongRow([Problem("template", NOT_THERE)]) from gone


def changed_only(row: PlanRow, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the row but for line ends: a text that came from a file keeps its own in a browser."""
    return {
        name: value for name, value in fields.items() if _sent(name, value) != _sent(name, getattr(row, name))
    }


def _sent(name: str, value: Any) -> Any:
    """As a browser sends it back: a text area has one kind of line end, a field of one line has none."""
    if isinstance(value, dict):
        return {key: _sent("", text) for key, text in value.items()}
    if not isinstance(value, str):
        return value
    return _LINE_END.sub("" if name in SINGLE_LINES else "\n", value)


def given_by(row: PlanRow) -> dict[str, Any]:
    """A row as its form shows it."""
    given = {name: getattr(row, name) for name in row.SAYS if name != "template_id"}
    if isinstance(row, Situation):
        given |= {
            "tags": "; ".join(row.tags),
            "template": str(row.template_id or ""),
            "parameters": list(row.parameters.items()),
        }
    else:
        given["weight"] = row.weight_text  # type: ignore[attr-defined]
    return given | {"seen": row.updated_at.isoformat()}


def given_in(data: QueryDict) -> dict[str, Any]:
    """What was sent, as the form shows it again."""
    return {**data.dict(), "parameters": parameters_in(data)}
