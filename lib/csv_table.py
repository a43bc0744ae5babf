"""Reads a CSV file into rows of filled cells, and reports where it is broken. Every cell stays exact. No database."""

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
# "surrogateescape" turns a byte that is not UTF-8 into one of these. Valid UTF-8 never contains them.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_reading = threading.Lock()


@dataclass(frozen=True)
class Row:
    """A row with values. `number` is its number in a spreadsheet (the header is 1); `cells` are the filled cells."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


def read_table(content: bytes, *, key: str) -> Table:
    """The rows that have a value, and every problem of the file's form.

    The delimiter is a comma, `;`, `|` or a tab: the one with which the header has a column named `key`. Raises
    RowsError if nothing can be read.
    """
    text = _decode(content)
    if not text.strip():
        raise RowsError(
            [
                _make_file_problem(
                    f"The file is empty: its first row holds the column names, {key} among them."
                )
            ]
        )
    with _allow_long_cells(len(text)):
        records = _Records(text, _find_delimiter(text, key))
        header = next(iter(records), [])
        table = Table(tuple(_make_printable(name.strip()) for name in header))
        table.problems.extend(_find_header_problems(table.columns, header))
        for number, cells in enumerate(records, HEADER_ROW + 1):
            _add_row(table, number, cells)
    table.problems.extend(records.problems)
    return table


def label_column(name: str, index: int) -> str:
    """The name of a column if it can be shown, else its letter."""
    return (
        name
        if name and name.isprintable() and len(name) <= LONGEST_SHOWN_NAME
        else _make_column_letters(index)
    )


class _Records:
    """The records of the file. They end at a quoting mistake, because everything after it would be misread."""

    def __init__(self, text: str, delimiter: str) -> None:
        # newline="" keeps CR LF inside cells; strict=True finds a quote that is never closed.
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
            self.problems.append(
                RowProblem(self._number, "", _describe_quoting_error(error, self._reader.line_num))
            )
            raise StopIteration from error


def _describe_quoting_error(error: csv.Error, line: int) -> str:
    if "unexpected end" in str(error):
        return 'A cell begins with a quote (") that is never closed. Close it, and double the quotes inside a cell ("").'
    return (
        f'The quotes are not right near line {line} ({error}). Double the quotes inside a quoted cell ("").'
    )


@contextlib.contextmanager
def _allow_long_cells(length: int) -> Iterator[None]:
    """Raise the csv module's limit of 131,072 characters a cell, and restore it afterwards.

    The limit is global. Without the lock, a thread that is done would restore it while another one reads a long cell.
    """
    with _reading:
        before = csv.field_size_limit(length + 1)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise RowsError([_make_file_problem(f"The file is UTF-16, not UTF-8: {SAVE_AS_UTF8}.")])
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", errors="surrogateescape")


def _find_delimiter(text: str, key: str) -> str:
    headers = {delimiter: next(_Records(text, delimiter), []) for delimiter in DELIMITERS}
    named = [mark for mark, names in headers.items() if key in (name.strip() for name in names)]
    return named[0] if named else max(DELIMITERS, key=lambda mark: len(headers[mark]))


def _find_header_problems(columns: Sequence[str], header: Sequence[str]) -> list[RowProblem]:
    found = []
    for index, name in enumerate(columns):
        label = label_column(name, index)
        if not name:
            found.append(RowProblem(HEADER_ROW, label, "has no name; name it or remove the column."))
        elif name in columns[:index]:
            found.append(RowProblem(HEADER_ROW, label, "is there twice; remove one of them."))
        found += _find_bad_bytes(HEADER_ROW, label, header[index])
    return found


def _add_row(table: Table, number: int, cells: Sequence[str]) -> None:
    """Add a row. Blank rows, which spreadsheets leave behind, are counted but not added."""
    filled: dict[str, str] = {}
    for index, cell in enumerate(cells):
        if not cell.strip():
            continue
        if index >= len(table.columns):
            table.problems.append(_make_too_many_problem(number, len(cells), len(table.columns)))
            break
        name = table.columns[index]
        table.problems.extend(_find_bad_bytes(number, label_column(name, index), cell))
        filled.setdefault(name, _make_printable(cell))
    if filled:
        table.rows.append(Row(number, filled))


def _make_too_many_problem(number: int, cells: int, columns: int) -> RowProblem:
    return RowProblem(
        number,
        "",
        f'has {cells} cells, the header has {columns}. Put a value with a delimiter in it into quotes (").',
    )


def _find_bad_bytes(number: int, label: str, cell: str) -> list[RowProblem]:
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


def _make_printable(cell: str) -> str:
    """The cell without bytes that could not be printed or stored. They have been reported already."""
    return _NOT_UTF8.sub("\ufffd", cell)


def _make_column_letters(index: int) -> str:
    """The name of a column in a spreadsheet: A to Z, AA, AB, ..."""
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _make_file_problem(message: str) -> RowProblem:
    return RowProblem(None, "", message)
