"""Reads a CSV file into rows of filled cells, and says where it is broken. Every cell stays byte-exact. No database."""

import codecs
import contextlib
import csv
import io
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lib.row_problems import RowProblem, RowsError

DELIMITERS = (",", ";", "\t", "|")
HEADER_ROW = 1
LONGEST_SHOWN_NAME = 60
SAVE_AS_UTF8 = "save it as UTF-8 (in Excel: Save as, 'CSV UTF-8')"
# How "surrogateescape" keeps a byte that is not UTF-8; real surrogates cannot come out of UTF-8.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_reading = threading.Lock()


@dataclass(frozen=True)
class Row:
    """One row with values. `number` is the row as a spreadsheet counts it (the header is 1); `cells` holds the filled ones."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


def read_table(content: bytes, *, key: str) -> Table:
    """The rows that have a value, and every problem of the file's form, beside what could be read of it.

    Comma, or `;`, `|` or a tab where the header says so: one that makes `key` a column name decides. Raises RowsError when nothing can be read.
    """
    text = _decoded(content)
    if not text.strip():
        raise RowsError(
            [_whole_file(f"The file is empty: its first row holds the column names, {key} among them.")]
        )
    with _long_cells(len(text)):
        records = _Records(text, _delimiter(text, key))
        header = next(iter(records), [])
        table = Table(tuple(_shown(name.strip()) for name in header))
        table.problems.extend(_header_problems(table.columns, header))
        for number, cells in enumerate(records, HEADER_ROW + 1):
            _add(table, number, cells)
    table.problems.extend(records.problems)
    return table


def column_label(name: str, index: int) -> str:
    """A column's name where it can be shown, else its letter."""
    return name if name and name.isprintable() and len(name) <= LONGEST_SHOWN_NAME else _letter(index)


class _Records:
    """The records of the file; a mistake in its quoting ends them, because all that follows would be misread."""

    def __init__(self, text: str, delimiter: str) -> None:
        # newline="" keeps CRLF inside cells; strict finds a quote that is never closed.
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self._number = 0
        self.problems: list[RowProblem] = []

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        if self.problems:
            raise StopIteration
        self._number += 1
        try:
            return next(self._reader)
        except csv.Error as error:
            self.problems.append(RowProblem(self._number, "", _quoting(error, self._reader.line_num)))
            raise StopIteration from error


def _quoting(error: csv.Error, line: int) -> str:
    if "unexpected end" in str(error):
        return 'A cell begins with a quote (") that is never closed. Close it, and double the quotes inside a cell ("").'
    return (
        f'The quotes are not right near line {line} ({error}). Double the quotes inside a quoted cell ("").'
    )


@contextlib.contextmanager
def _long_cells(length: int) -> Iterator[None]:
    """The csv module refuses cells over 131,072 characters. Its limit is global: one file at a time, and it is put back.

    Without the lock a short file that ends puts the limit back while another thread is in the middle of a long cell.
    """
    with _reading:
        before = csv.field_size_limit(length + 1)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise RowsError([_whole_file(f"The file is UTF-16, not UTF-8: {SAVE_AS_UTF8}.")])
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="surrogateescape")


def _delimiter(text: str, key: str) -> str:
    headers = {delimiter: next(_Records(text, delimiter), []) for delimiter in DELIMITERS}
    named = [mark for mark, names in headers.items() if key in (name.strip() for name in names)]
    return named[0] if named else max(DELIMITERS, key=lambda mark: len(headers[mark]))


def _header_problems(columns: Sequence[str], header: Sequence[str]) -> list[RowProblem]:
    found = []
    for index, name in enumerate(columns):
        label = column_label(name, index)
        if not name:
            found.append(RowProblem(HEADER_ROW, label, "has no name; name it or remove the column."))
        elif name in columns[:index]:
            found.append(RowProblem(HEADER_ROW, label, "is there twice; remove one of them."))
        found += _undecoded(HEADER_ROW, label, header[index])
    return found


def _add(table: Table, number: int, cells: Sequence[str]) -> None:
    """Blank rows and rows of empty cells are what spreadsheets leave behind: they count, but hold nothing."""
    filled: dict[str, str] = {}
    for index, cell in enumerate(cells):
        if not cell.strip():
            continue
        if index >= len(table.columns):
            table.problems.append(_too_many(number, len(cells), len(table.columns)))
            break
        name = table.columns[index]
        table.problems.extend(_undecoded(number, column_label(name, index), cell))
        filled.setdefault(name, _shown(cell))
    if filled:
        table.rows.append(Row(number, filled))


def _too_many(number: int, cells: int, columns: int) -> RowProblem:
    return RowProblem(
        number,
        "",
        f'has {cells} cells, the header has {columns}. Put a value with a delimiter in it into quotes (").',
    )


def _undecoded(number: int, label: str, cell: str) -> list[RowProblem]:
    match = _NOT_UTF8.search(cell)
    if match is None:
        return []
    byte = ord(match.group()) - 0xDC00
    return [
        RowProblem(
            number,
            label,
            f"holds a byte (0x{byte:02X}) that is not UTF-8. The file has another encoding: {SAVE_AS_UTF8}.",
        )
    ]


def _shown(cell: str) -> str:
    """Nothing that could not be printed or stored leaves here; what was wrong with it has been noted."""
    return _NOT_UTF8.sub("\ufffd", cell)


def _letter(index: int) -> str:
    """As a spreadsheet names its columns: A to Z, AA, AB ..."""
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _whole_file(message: str) -> RowProblem:
    return RowProblem(None, "", message)
