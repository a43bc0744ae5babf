"""The problems of the rows of a file or a plan: all of them at once, each with its row and column."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lib.untrusted.json_bodies import MOST_PROBLEMS

MOST_SHOWN_ROWS = 5


@dataclass(frozen=True)
class RowProblem:
    """One problem of a row: where it is, and what to do about it. `row` counts as people see it, from 1.

    `more_rows` are the further rows, in order, that have the same problem in the same column (`group_problems`).
    """

    row: int | None
    column: str
    message: str
    more_rows: tuple[int, ...] = ()

    @property
    def rows_text(self) -> str:
        """The number of its row; of several rows their count and the first of them; empty without a row."""
        if self.row is None:
            return ""
        if not self.more_rows:
            return f"{self.row}"
        return f"{len(self.more_rows) + 1:,} rows ({_format_ranges((self.row, *self.more_rows))})"

    def __str__(self) -> str:
        rows = f"row {self.rows_text}" if self.row is not None and not self.more_rows else self.rows_text
        place = ", ".join(part for part in (rows, f"column {self.column}" if self.column else "") if part)
        return f"{place}: {self.message}" if place else self.message


class RowsError(ValueError):
    """The rows cannot be used. Holds every problem that was found."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def make_file_error(message: str) -> RowsError:
    """The refusal of a whole file."""
    return RowsError([RowProblem(None, "", message)])


def group_problems(problems: Iterable[RowProblem]) -> list[RowProblem]:
    """The same problem of several rows as one, at the place of its first row."""
    groups: dict[tuple[bool, str, str], list[RowProblem]] = {}
    for problem in problems:
        groups.setdefault((problem.row is None, problem.column, problem.message), []).append(problem)
    return [_unite(group) for group in groups.values()]


def limit_problems(problems: Iterable[RowProblem]) -> list[RowProblem]:
    """`order_problems`, as people are to read them: at most 20, and a line that counts the others."""
    return cut_problems(order_problems(problems))


def order_problems(problems: Iterable[RowProblem]) -> list[RowProblem]:
    """The first problem of each cell in the order of the rows, grouped."""
    first: dict[tuple[int | None, str], RowProblem] = {}
    for problem in problems:
        first.setdefault((problem.row, problem.column or problem.message), problem)
    return group_problems(sorted(first.values(), key=lambda problem: problem.row or 0))


def cut_problems(problems: Sequence[RowProblem]) -> list[RowProblem]:
    """The first 20, and a line that counts the others."""
    rest = [RowProblem(None, "", words) for words in count_rest(problems)]
    return [*problems[:MOST_PROBLEMS], *rest]


def count_rest(problems: Sequence[object]) -> list[str]:
    """A line for those after the first 20, if there are any."""
    more = len(problems) - MOST_PROBLEMS
    return [f"... and {more:,} more problem{'s' if more > 1 else ''}."] if more > 0 else []


def _unite(group: Sequence[RowProblem]) -> RowProblem:
    rows = sorted({row for each in group for row in (each.row, *each.more_rows) if row is not None})
    return replace(group[0], row=rows[0], more_rows=tuple(rows[1:])) if rows else group[0]


def _format_ranges(rows: Sequence[int]) -> str:
    """The first five runs of row numbers: `2 to 40, 42, 50 to 51, ...`."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        elif len(runs) == MOST_SHOWN_ROWS:
            runs.append([])
            break
        else:
            runs.append([row, row])
    return ", ".join(_format_run(*run) if run else "..." for run in runs)


def _format_run(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"
