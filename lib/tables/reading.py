"""Reads a table that people upload, CSV, a workbook or JSON, into rows of filled cells. Every cell stays exact. No database.

What is certain is read, and a note tells what was done; what is not is reported with its row, its column and the remedy.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lib.row_problems import RowProblem, RowsError, make_file_error
from lib.tables.columns import choose_columns, describe_bad_byte
from lib.tables.delimited import (
    DELIMITERS,
    MOST_CELLS_OF_A_LINE,
    DelimitedRecords,
    replace_backslash_quotes,
    split_separator_line,
)
from lib.tables.encoding import NOT_UTF8, decode_text
from lib.tables.file_kinds import is_json, is_workbook, refuse_markup, refuse_other_kinds
from lib.tables.header import FoundHeader, KnownColumns, Record, find_header, has_key, label_column
from lib.tables.json_table import read_json_table
from lib.tables.limits import (
    BLANK_ROWS,
    ROWS_TO_DELIMITER,
    ROWS_TO_HEADER,
    TableBounds,
    check_size,
    make_too_many_rows,
)
from lib.tables.notes import describe_error_cells, describe_header, describe_repeated_headers
from lib.tables.workbook import read_workbook


@dataclass(frozen=True)
class Row:
    """A row with values. `number` is its number in a spreadsheet; `cells` are the filled cells by column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The rows that have a value, every problem of the file's form, and notes that tell how the file was read.

    `columns` are the names of the columns with values or a known name, `labels` the same for messages.
    """

    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    header_row: int = 1
    rows: list[Row] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_table(content: bytes, *, known: KnownColumns, bounds: TableBounds, sheet: str = "") -> Table:
    """The table in a file. `sheet` chooses one of a workbook by its name or number; without it, the first with a table.

    Raises RowsError if nothing can be read, or if the file is larger than its bounds.
    """
    check_size(content, bounds.bytes)
    refuse_other_kinds(content)
    if is_workbook(content):
        book = read_workbook(content, sheet=sheet, bounds=bounds)
        return _build(_collect(book.rows, bounds), known=known, bounds=bounds, notes=book.notes)
    decoded = decode_text(content)
    refuse_markup(decoded.text)
    notes = list(decoded.notes)
    if is_json(decoded.text):
        return _read_json(decoded.text, known=known, bounds=bounds, notes=notes)
    if sheet:
        notes.append("The file is not a workbook, so it has no sheet to choose.")
    return _read_text(decoded.text, known=known, bounds=bounds, notes=notes)


def _read_json(text: str, *, known: KnownColumns, bounds: TableBounds, notes: list[str]) -> Table:
    found = read_json_table(text, known=known, bounds=bounds)
    records = _collect(found.records, bounds)
    table = Table(
        columns=tuple(found.names),
        labels=tuple(label_column(name, place) for name, place in found.names.items()),
        problems=found.problems,
        notes=[*notes, *found.notes],
    )
    names = {place: name for name, place in found.names.items()}
    table.rows.extend(
        Row(record.number, {names[place]: text for place, text in record.cells.items()}) for record in records
    )
    return table


def _read_text(text: str, *, known: KnownColumns, bounds: TableBounds, notes: list[str]) -> Table:
    separated = split_separator_line(text)
    if separated.line:
        notes.append(f"The first line, {separated.line!r}, names the delimiter and is not a row.")
    table = _read_delimited(
        separated.text, separated.delimiter, known=known, bounds=bounds, notes=list(notes)
    )
    replaced = replace_backslash_quotes(separated.text)
    if table.problems and replaced != separated.text:
        again = _read_delimited(replaced, separated.delimiter, known=known, bounds=bounds, notes=notes)
        if not again.problems:
            again.notes.append('Quotes inside cells are written as \\" and were read as ".')
            return again
    return table


def _read_delimited(
    text: str, delimiter: str, *, known: KnownColumns, bounds: TableBounds, notes: list[str]
) -> Table:
    cells = DelimitedRecords(text, delimiter or _choose_delimiter(text, known))
    records = _collect(_find_filled(cells, bounds), bounds)
    if not records and cells.problems:
        raise RowsError(cells.problems)
    table = _build(records, known=known, bounds=bounds, notes=notes)
    table.problems.extend(cells.problems)
    return table


def _choose_delimiter(text: str, known: KnownColumns) -> str:
    """The delimiter with which the header has the key column, or else most known columns, or else most cells."""
    begun = text.lstrip()
    return max(DELIMITERS, key=lambda mark: _rate_delimiter(begun, mark, known))


def _rate_delimiter(text: str, mark: str, known: KnownColumns) -> tuple[bool, int, int]:
    cells = DelimitedRecords(text, mark)
    records = _find_filled(itertools.islice(cells, ROWS_TO_DELIMITER))
    found = find_header(list(itertools.islice(records, ROWS_TO_HEADER)), known)
    if found is None:
        return False, 0, MOST_CELLS_OF_A_LINE if cells.is_too_wide else 0
    return has_key(found, known), found.matched, found.record.width


def _find_filled(rows: Iterable[list[str]], bounds: TableBounds | None = None) -> Iterator[Record]:
    """The rows that are not blank, numbered from 1. Spreadsheets leave blank rows behind, which are counted."""
    for number, cells in enumerate(rows, 1):
        filled = {place: cell for place, cell in enumerate(cells) if cell and not cell.isspace()}
        if filled:
            yield Record(number, filled, len(cells))
        elif bounds is not None and number > bounds.rows + ROWS_TO_HEADER + BLANK_ROWS:
            raise make_too_many_rows(bounds)


def _collect(found: Iterable[Record], bounds: TableBounds) -> list[Record]:
    """The records with a value, each checked against the bounds before the next one is read."""
    records: list[Record] = []
    cells = 0
    for record in found:
        records.append(record)
        cells += len(record.cells)
        if max(record.cells) >= bounds.columns:
            message = f"Row {record.number} has more than {bounds.columns:,} columns; at most {bounds.columns:,} are allowed."
            raise make_file_error(message)
        if cells > bounds.cells:
            message = f"The file has more than {bounds.cells:,} cells with a value, which is the most allowed. Split it."
            raise make_file_error(message)
        if len(records) > bounds.rows + ROWS_TO_HEADER:
            raise make_too_many_rows(bounds)
    return records


def _build(records: list[Record], *, known: KnownColumns, bounds: TableBounds, notes: list[str]) -> Table:
    """The table that these records are: its header, its columns, its rows."""
    found = find_header(records[:ROWS_TO_HEADER], known)
    if found is None:
        raise RowsError(_make_empty_problems(known))
    below = records[len(found.above) + 1 :]
    rows = [record for record in below if record.cells != found.record.cells]
    if len(rows) > bounds.rows:
        raise make_too_many_rows(bounds)
    columns = choose_columns(found, rows)
    notes += [
        *describe_header(found, columns),
        *columns.notes,
        *describe_repeated_headers(len(below) - len(rows)),
        *describe_error_cells(rows, columns.names),
    ]
    table = Table(
        columns=tuple(columns.names.values()),
        labels=tuple(label_column(name, place) for place, name in columns.names.items()),
        header_row=found.record.number,
        problems=columns.problems,
        notes=notes,
    )
    for record in rows:
        _add_row(table, record, columns.names, found)
    return table


def _add_row(table: Table, record: Record, names: Mapping[int, str], found: FoundHeader) -> None:
    filled: dict[str, str] = {}
    beyond = [place for place in record.cells if place >= found.record.width and place not in names]
    if beyond:
        message = f'has {max(beyond) + 1} cells, the header has {found.record.width}. Put a value with a delimiter in it into quotes (").'
        table.problems.append(RowProblem(record.number, "", message))
    for place, name in names.items():
        cell = record.cells.get(place)
        if cell is None:
            continue
        if wrong := describe_bad_byte(cell):
            table.problems.append(RowProblem(record.number, label_column(name, place), wrong))
            cell = NOT_UTF8.sub("\ufffd", cell)
        filled.setdefault(name, cell)
    if filled:
        table.rows.append(Row(record.number, filled))


def _make_empty_problems(known: KnownColumns) -> list[RowProblem]:
    message = f"The file is empty: its first row holds the column names, {known.key} among them."
    return [RowProblem(None, "", message)]
