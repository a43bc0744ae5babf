"""The problems of the rows of a file or a plan: all of them at once, each with its row and column."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RowProblem:
    """One problem of a row: where it is, and what to do about it. `row` counts as people see it, from 1."""

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
    """The rows cannot be used. Holds every problem that was found."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
