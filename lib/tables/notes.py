"""Sentences that tell how a table was read where it was not simply as it stands."""

import re
from collections.abc import Mapping, Sequence

from lib.tables.columns import ChosenColumns
from lib.tables.header import FoundHeader, Record, label_column

MOST_SHOWN = 5
LONGEST_SHOWN = 60
# What spreadsheets write into a cell whose formula failed: #REF!, #N/A, #DIV/0!, #NAME?, #NV, #BEZUG!, Err:502, ...
_ERROR_CELL = re.compile(r"\s*(?:#[A-ZÀ-Ý_/0]{2,12}[!?]|#N/A|#NV|#N/D|Err:\d{3})\s*")


class Respellings:
    """Cells that were read as another spelling of a known word: without outer spaces, in its case, with its letters."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], int] = {}

    def add(self, column: str, given: str, meant: str) -> None:
        """Note a cell, if its text is not exactly what it means."""
        if given != meant:
            place = (column, given, meant)
            self._found[place] = self._found.get(place, 0) + 1

    def describe(self) -> list[str]:
        if not self._found:
            return []
        count = sum(self._found.values())
        pairs = [f"{_quote(given)} as {_quote(meant)} ({column})" for column, given, meant in self._found]
        more = "; ..." if len(pairs) > MOST_SHOWN else ""
        words = f"{count:,} cell{'' if count == 1 else 's'} {_was(count)} read by another spelling"
        return [f"{words}: {'; '.join(pairs[:MOST_SHOWN])}{more}."]


def describe_header(found: FoundHeader, columns: ChosenColumns) -> list[str]:
    """Where the header was found, if not in the first row, and which of its names were read by another spelling."""
    notes = []
    if found.above:
        shown = "; ".join(_quote(next(iter(record.cells.values()))) for record in found.above[:MOST_SHOWN])
        notes.append(
            f"The header was found in row {found.record.number}. What stands above it was left out: {shown}."
        )
    elif found.record.number > 1:
        notes.append(f"The header was found in row {found.record.number}, below blank rows.")
    if columns.respelt:
        pairs = [f"{_quote(given)} as {name}" for given, name in columns.respelt.items()]
        notes.append(f"Columns were read by another spelling: {', '.join(pairs[: MOST_SHOWN * 4])}.")
    return notes


def describe_repeated_headers(count: int) -> list[str]:
    if not count:
        return []
    return [f"{count:,} row{' repeats' if count == 1 else 's repeat'} the header and {_was(count)} left out."]


def describe_error_cells(rows: Sequence[Record], names: Mapping[int, str]) -> list[str]:
    """The cells that hold an error of the spreadsheet. They are kept as text."""
    found = [
        f"{cell.strip()} in row {row.number}, column {label_column(names[place], place)}"
        for row in rows
        for place, cell in row.cells.items()
        if len(cell) < LONGEST_SHOWN
        and ("#" in cell or ":" in cell)
        and place in names
        and _ERROR_CELL.fullmatch(cell)
    ]
    if not found:
        return []
    shown = "; ".join(found[:MOST_SHOWN]) + ("; ..." if len(found) > MOST_SHOWN else "")
    count = len(found)
    return [
        f"{count:,} cell{' holds an error' if count == 1 else 's hold errors'} of the spreadsheet, kept as text: {shown}."
    ]


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _quote(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "...")
