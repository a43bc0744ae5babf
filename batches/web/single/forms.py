"""The form of one conversation: a field for each variable of its template, and a person's own details."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar

from django.http import QueryDict
from django.urls import reverse

from batches.actions.single import plan_one
from batches.models import BatchItem
from batches.planning.plan import PlanError, PlannedItem
from batches.web.fields import normalize_line_ends
from conversations.details import DetailsError, format_details, parse_details
from templates_app.models import Option, TemplateVersion
from templates_app.models.situations import OptionKind
from templates_app.text.variables import Variable, split_entries

MOST_BOXES = 30  # options that are shown as boxes to tick
MOST_CHOICES = 500  # names of an option list
MOST_VALUES = 200  # variables whose values a form brings along


@dataclass(kw_only=True)
class SingleForm:
    """The values as texts, by the name of their variable. `wrong` holds messages by name; those of no field are under ""."""

    # The fields beside those of the variables: the column of a problem, the field's label and its id.
    own_fields: ClassVar[Mapping[str, tuple[str, str]]] = {}
    verb: ClassVar[str] = "Generate"

    version: TemplateVersion
    values: Mapping[str, str] = field(default_factory=dict)
    # What was typed for variables that this template does not have; another one may.
    others: Mapping[str, str] = field(default_factory=dict)
    # Names to choose from beside the free text, by the name of the variable: the option lists of the workspace.
    lists: Mapping[str, list[str]] = field(default_factory=dict)
    details_text: str = ""
    wrong: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def from_post(cls, version: TemplateVersion, data: QueryDict) -> "SingleForm":
        """The form as a browser sends it: several ticked boxes come under one name.

        A choice from an option list counts where no text of one's own is written beside it.
        """
        known = list_variable_names(version)
        sent = [key.removeprefix("value-") for key in data if key.startswith("value-")][:MOST_VALUES]
        given = {
            name: _read(data, f"value-{name}") or _read(data, f"pick-{name}") for name in (*known, *sent)
        }
        return cls(
            version=version,
            values={name: text for name, text in given.items() if text and name in known},
            others={name: text for name, text in given.items() if text and name not in known},
            details_text=_read(data, "details"),
        )

    @classmethod
    def from_item(cls, version: TemplateVersion, item: BatchItem) -> "SingleForm":
        """The form filled with the values of an item. Values that the template no longer asks for are left out."""
        known = list_variable_names(version)
        values = {name: format_value(value) for name, value in item.parameters.items() if name in known}
        return cls(version=version, values=values, details_text=format_details(item.details))

    @property
    def address(self) -> str:
        return reverse("generate_one")

    @property
    def preview_address(self) -> str:
        return reverse("generate_preview")

    def build_plan(self) -> list[PlannedItem] | None:
        """The plan of this one item. None when it cannot be made; the problems then stand at their fields."""
        try:
            return plan_one(self.version, self.values, details=self.read_details())
        except DetailsError:
            return None

    def list_refusals(self) -> list[str]:
        """Why the preview cannot be brought up to date."""
        return list(self.wrong.get("details", []))

    def read_details(self) -> dict[str, str]:
        """The details as a mapping. Raises DetailsError, and then the problems also stand at the field."""
        try:
            return parse_details(self.details_text)
        except DetailsError as problem:
            self.wrong["details"] = [str(each) for each in problem.problems]
            raise

    def add_problems(self, wrong: Exception) -> None:
        """Add one of `CANNOT_PRICE`: what a plan says about a variable stands at its field."""
        if not isinstance(wrong, PlanError):
            self.wrong.setdefault("", []).append(str(wrong))
            return
        for problem in wrong.problems:
            label = self.own_fields[problem.column][0] if problem.column in self.own_fields else ""
            self.wrong.setdefault(problem.column if problem.row else label, []).append(problem.message)

    def list_problems(self) -> list[dict[str, str]]:
        """Every problem with the field that it belongs to, for the list above the form."""
        fields = {name: f"value-{name}" for name in list_variable_names(self.version)}
        fields.setdefault("details", "id_details")
        fields.update(dict(self.own_fields.values()))
        return [
            {"field": fields.get(name, ""), "label": name if name in fields else "", "message": message}
            for name, messages in self.wrong.items()
            for message in messages
        ]

    def offer_lists(self) -> None:
        """Offer the option lists of the workspace for the text variables that bear their names. One query."""
        names = {each.name for each in self.version.typed_variables() if each.type == "text"}
        kinds = names.intersection(OptionKind.values)
        rows = Option.objects.filter(workspace=self.version.workspace_id, kind__in=kinds).usable()
        found = rows.order_by("kind", "position", "name").values_list("kind", "name")
        self.lists = {
            kind: [name for of, name in each][:MOST_CHOICES]
            for kind, each in groupby(found if kinds else (), key=lambda row: row[0])
        }

    def build_rows(self) -> list[dict[str, Any]]:
        return [self._build_row(variable) for variable in self.version.typed_variables()]

    def _build_row(self, variable: Variable) -> dict[str, Any]:
        value = self.values.get(variable.name, "")
        boxes = variable.type == "list" and 0 < len(variable.options) <= MOST_BOXES
        return {
            "variable": variable,
            "widget": "boxes"
            if boxes
            else "select"
            if variable.options and variable.type == "dropdown"
            else variable.type,
            "value": value,
            "choices": self.lists.get(variable.name, []) if variable.type == "text" else [],
            "ticked": split_entries(value) if boxes else [],
            "default": format_value(variable.default),
            "wrong": self.wrong.get(variable.name, []),
        }


def list_variable_names(version: TemplateVersion) -> list[str]:
    return [str(each["name"]) for each in version.variables]


def _read(data: QueryDict, name: str) -> str:
    return normalize_line_ends("\n".join(text for text in data.getlist(name) if text))


def format_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
