"""The form of one conversation: a field for each variable of its template, and a person's own details."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from batches.models import BatchItem
from conversations.details import DetailsError, format_lines, parse_lines
from templates_app.models import TemplateVersion
from templates_app.text.variables import Variable, split_entries

MOST_BOXES = 30  # options that are shown as boxes to tick


@dataclass(kw_only=True)
class SingleForm:
    """Values as texts by the variable's name; `wrong` says by name what is wrong, "" what belongs to no field."""

    version: TemplateVersion
    values: Mapping[str, str] = field(default_factory=dict)
    details_text: str = ""
    wrong: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def posted(cls, version: TemplateVersion, data: QueryDict) -> "SingleForm":
        """As a browser sends it: line ends as CR LF, several ticked boxes under one name."""
        return cls(
            version=version,
            values={name: text for name in names_of(version) if (text := _sent(data, f"value-{name}"))},
            details_text=_sent(data, "details"),
        )

    @classmethod
    def of_item(cls, version: TemplateVersion, item: BatchItem) -> "SingleForm":
        """The same values again; those that the template does not ask for any more are left out."""
        known = names_of(version)
        values = {name: _as_text(value) for name, value in item.parameters.items() if name in known}
        return cls(version=version, values=values, details_text=format_lines(item.details))

    def details(self) -> dict[str, str]:
        """Raises DetailsError; what is wrong then stands at the field too."""
        try:
            return parse_lines(self.details_text)
        except DetailsError as problem:
            self.wrong["details"] = [str(each) for each in problem.problems]
            raise

    def rows(self) -> list[dict[str, Any]]:
        return [self._row(variable) for variable in self.version.typed_variables()]

    def _row(self, variable: Variable) -> dict[str, Any]:
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
            "ticked": split_entries(value) if boxes else [],
            "default": _as_text(variable.default),
            "wrong": self.wrong.get(variable.name, []),
        }


def names_of(version: TemplateVersion) -> list[str]:
    return [str(each["name"]) for each in version.variables]


def _sent(data: QueryDict, name: str) -> str:
    return "\n".join(text for text in data.getlist(name) if text).replace("\r\n", "\n")


def _as_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
