"""The content of a file of scenarios, edge cases or options, as its readers fill it. Pure."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lib.row_problems import RowProblem
from lib.tables.limits import TableBounds
from lib.tables.notes import Respellings

BOUNDS = TableBounds(bytes=5_000_000, rows=5_000, columns=200, cells=200_000)
# No more problems are looked for in a file that has so many.
MOST_COLLECTED = 20_000


class FileRow(NamedTuple):
    """One row of the file: `number` as a spreadsheet counts (in JSON the place in the list or the line), and its fields."""

    number: int
    fields: dict[str, Any]


@dataclass
class Sheet:
    """The content of a file. `notes` tell how it was read; `columns` is empty for JSON, `header_row` is that of a table."""

    rows: list[FileRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    header_row: int = 1
    notes: list[str] = field(default_factory=list)
    respellings: Respellings = field(default_factory=Respellings)

    def add_problem(self, row: int | None, column: str, message: str) -> None:
        self.problems.append(RowProblem(row, column, message))

    @property
    def is_full(self) -> bool:
        """Whether there are so many problems that no more are looked for."""
        return len(self.problems) >= MOST_COLLECTED
