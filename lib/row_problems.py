"""What is wrong with the rows that somebody brings, a file's or a plan's: all of it at once, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RowProblem:
    """One thing wrong with one row: where it is, and what to do about it. `row` counts as its reader counts."""

    row: int | None
    column: str
    message: str

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (
                f"row {self.row}" if self.row else "",
                f"column {self.column}" if self.column else "",
            )
            if part
        )
        return f"{place}: {self.message}" if place else self.message


class RowsError(ValueError):
    """The rows cannot be taken; carries every problem that was found."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
