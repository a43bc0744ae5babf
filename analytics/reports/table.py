"""A report: columns, and rows as dictionaries by the keys of the columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from analytics.reports.scope import Scope

Kind = Literal["word", "count", "money", "score", "day", "tier", "status", "id"]
Row = dict[str, Any]


class Column(NamedTuple):
    """`kind` says how a cell is written; money is in USD, a day in UTC, a score from 0 to 10. Ids are in the API and in files only."""

    key: str
    label: str
    kind: Kind = "word"

    @property
    def is_number(self) -> bool:
        return self.kind in ("count", "money", "score")


@dataclass(frozen=True, kw_only=True)
class Report:
    """`find` asks the database for the rows. `links` gives, by the key of a column, the address of the rows behind a cell."""

    name: str
    title: str
    about: str
    columns: Sequence[Column]
    find: Callable[[Scope], list[Row]]
    links: Mapping[str, Callable[[Row, Scope], str]] = field(default_factory=dict)

    @property
    def shown(self) -> list[Column]:
        return [each for each in self.columns if each.kind != "id"]


class Cell(NamedTuple):
    column: Column
    value: Any
    href: str


def build_cells(report: Report, rows: Sequence[Row], scope: Scope) -> list[list[Cell]]:
    """The cells of the page's table, row by row."""
    return [
        [
            Cell(
                column,
                row[column.key],
                report.links[column.key](row, scope) if column.key in report.links else "",
            )
            for column in report.shown
        ]
        for row in rows
    ]
