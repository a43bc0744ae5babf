"""Scenarios, edge cases and options as CSV or JSON files. Pure: what `dump_*` writes, `load` reads back exactly.

A CSV cell that a spreadsheet would take for a formula is written with a `'` before it, and read without: only a `'`
that stands before such a cell is ever taken away (docs/templates.md). JSON needs no such guard.
"""

import csv
import difflib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from lib.csv_table import HEADER_ROW, Table, column_label, read_table
from lib.row_problems import RowProblem, RowsError
from templates_app.library.checks import BETWEEN_TAGS, SITUATION_TEXTS, row_problems, shown, weight_of
from templates_app.library.checks import cleaned as cleaned_row
from templates_app.states import RowKind
from templates_app.text.variables import kind_of

LARGEST = 5_000_000  # bytes
MOST_ROWS = 5_000
MOST_PROBLEMS = 200
PARAMETER = "parameters."
SITUATION_COLUMNS = (*SITUATION_TEXTS, "tags", "template")
OPTION_COLUMNS = ("kind", "name", "description", "weight")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_TAGS = re.compile(f"[{BETWEEN_TAGS}]")


class FileRow(NamedTuple):
    """One row: `number` as a spreadsheet counts (in JSON: the place in the list, from 1), `fields` those that it has."""

    number: int
    fields: dict[str, Any]


@dataclass
class Sheet:
    """What a file says. `unguarded` counts the cells that lost the `'` of an export."""

    rows: list[FileRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    unguarded: int = 0

    def blame(self, row: int | None, column: str, message: str) -> None:
        self.problems.append(RowProblem(row, column, message))


def columns_of(kind: RowKind) -> tuple[str, ...]:
    return OPTION_COLUMNS if kind == RowKind.OPTION else SITUATION_COLUMNS


def bounded(problems: Sequence[RowProblem]) -> list[RowProblem]:
    """In the order of the file, one for each cell, the first 200 and how many more."""
    first: dict[tuple[int | None, str], RowProblem] = {}
    for problem in problems:
        first.setdefault((problem.row, problem.column or problem.message), problem)
    ordered = sorted(first.values(), key=lambda problem: problem.row or 0)
    more = len(ordered) - MOST_PROBLEMS
    rest = [RowProblem(None, "", f"... and {more:,} more problems.")] if more > 0 else []
    return [*ordered[:MOST_PROBLEMS], *rest]


# --- reading -----------------------------------------------------------------------------------------


def load(content: bytes, *, name: str, kind: RowKind) -> Sheet:
    """The rows of a file, each cleaned and checked by itself. Raises RowsError when nothing can be read.

    A file whose name ends in .json is JSON, every other is CSV. A column that is not there leaves its field alone; an
    empty cell empties it.
    """
    if len(content) > LARGEST:
        raise RowsError(
            [_whole(f"The file has {len(content):,} bytes; at most {LARGEST:,} are allowed. Split it.")]
        )
    sheet = _from_json(content, kind) if name.lower().endswith(".json") else _from_csv(content, kind)
    if len(sheet.rows) > MOST_ROWS:
        raise RowsError(
            [_whole(f"The file has {len(sheet.rows):,} rows; at most {MOST_ROWS:,} are allowed. Split it.")]
        )
    if not sheet.rows and not sheet.problems:
        raise RowsError([_whole("The file has no rows below its header: add one for each entry.")])
    for row in sheet.rows:
        for problem in row_problems(kind, row.fields):
            sheet.blame(row.number, problem.name, f"{problem.message}.")
    return sheet


def _from_csv(content: bytes, kind: RowKind) -> Sheet:
    table = read_table(content, key="name")
    sheet = Sheet(problems=list(table.problems), columns=table.columns)
    _check_columns(sheet, table, kind)
    if not _REQUIRED[kind] <= set(table.columns):
        return sheet
    for row in table.rows:
        cells = {name: _unguarded(sheet, row.cells.get(name, "")) for name in table.columns}
        fields = _fields(sheet, row.number, cells, kind)
        sheet.rows.append(FileRow(row.number, cleaned_row(kind, fields)))
    return sheet


_REQUIRED = {
    RowKind.SCENARIO: {"name"},
    RowKind.EDGE_CASE: {"name"},
    RowKind.OPTION: {"kind", "name"},
}


def _check_columns(sheet: Sheet, table: Table, kind: RowKind) -> None:
    known = columns_of(kind)
    for name in known:
        if name in _REQUIRED[kind] and name not in table.columns:
            sheet.blame(
                HEADER_ROW, name, f"is missing: each row needs one.{_did_you_mean(name, table.columns)}"
            )
    for index, name in enumerate(table.columns):
        if name and name not in known and not _is_parameter(name, kind):
            sheet.blame(HEADER_ROW, column_label(name, index), _unknown(name, kind))


def _is_parameter(name: str, kind: RowKind) -> bool:
    return kind != RowKind.OPTION and name.startswith(PARAMETER)


def _unknown(name: str, kind: RowKind) -> str:
    known = columns_of(kind)
    more = f", and {PARAMETER}NAME for another variable" if kind != RowKind.OPTION else ""
    return f"is not known; known are {', '.join(known)}{more}.{_did_you_mean(name, known)}"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    by_folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f" Is it {shown(by_folded[close[0]])}?" if close else ""


def _unguarded(sheet: Sheet, cell: str) -> str:
    if not _GUARDED.match(cell):
        return cell
    sheet.unguarded += 1
    return cell[1:]


def _fields(sheet: Sheet, number: int, cells: Mapping[str, str], kind: RowKind) -> dict[str, Any]:
    fields: dict[str, Any] = {name: cells[name] for name in columns_of(kind) if name in cells}
    if "tags" in fields:
        fields["tags"] = _TAGS.split(fields["tags"])
    if "weight" in fields:
        fields["weight"] = _weight(sheet, number, fields["weight"])
    for name in ("kind", "template"):
        if name in fields:
            fields[name] = fields[name].strip()
    if parameters := [name for name in cells if name.startswith(PARAMETER)]:
        fields["parameters"] = {name.removeprefix(PARAMETER): cells[name] for name in parameters}
    return fields


def _weight(sheet: Sheet, number: int, cell: str) -> Decimal:
    try:
        return weight_of(cell)
    except ValueError as wrong:
        sheet.blame(number, "weight", f"{wrong}.")
        return Decimal(1)


# --- reading JSON ------------------------------------------------------------------------------------


class _Object(dict[str, Any]):
    """An object of the file, with the keys that it has more than once."""

    repeated: tuple[str, ...] = ()

    @classmethod
    def of(cls, pairs: list[tuple[str, Any]]) -> "_Object":
        found = cls(pairs)
        found.repeated = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return found


def _from_json(content: bytes, kind: RowKind) -> Sheet:
    parsed = _parsed(content)
    if not isinstance(parsed, list):
        raise RowsError([_whole("The file must hold a list of objects, written [{...}, {...}].")])
    sheet = Sheet()
    for number, given in enumerate(parsed, start=1):
        if isinstance(given, _Object):
            fields = dict(_json_fields(sheet, number, given, kind))
            if missing := [name for name in _REQUIRED[kind] if name not in given]:
                for name in sorted(missing):
                    sheet.blame(number, name, "is missing: each row needs one.")
                continue
            sheet.rows.append(FileRow(number, cleaned_row(kind, fields)))
        else:
            sheet.blame(number, "", f"must be an object, not {kind_of(given)}; write {{...}}.")
    return sheet


def _parsed(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_Object.of, parse_float=Decimal, parse_constant=_no_number)
    except UnicodeDecodeError as wrong:
        message = f"The file is not UTF-8 (byte {wrong.start + 1:,}): save it as UTF-8."
    except json.JSONDecodeError as wrong:
        message = f"This is no JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}."
        message = "The file is empty." if not content.strip() else message
    except RecursionError:
        message = "This JSON is nested too deeply."
    except ValueError as wrong:
        message = f"This is no JSON: {wrong}."
    raise RowsError([_whole(message)])


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _json_fields(sheet: Sheet, number: int, given: _Object, kind: RowKind) -> Iterator[tuple[str, Any]]:
    known = (*columns_of(kind), *(("parameters",) if kind != RowKind.OPTION else ()))
    for key in given.repeated:
        sheet.blame(number, _label(key), "is there twice; remove one of them.")
    for key, value in given.items():
        if key not in known:
            sheet.blame(
                number, _label(key), f"is not known; known are {', '.join(known)}.{_did_you_mean(key, known)}"
            )
        elif message := _shape(key, value):
            sheet.blame(number, key, f"{message}.")
        elif key == "weight":
            yield key, Decimal(1) if value is None else Decimal(value)
        elif key == "tags":
            yield key, value or []
        elif key == "parameters":
            yield key, value or {}
        else:
            yield key, (value or "").strip() if key in ("kind", "template") else value or ""


def _label(key: str) -> str:
    return key if key.isprintable() and len(key) <= 60 else shown(key)


def _shape(key: str, value: Any) -> str:
    """What is wrong with the kind of a value; empty when nothing is."""
    if value is None:
        return ""
    if key == "weight":
        fits = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return "" if fits else f"must be a number, not {kind_of(value)}; write 1 or 2.5 without quotes"
    if key == "tags":
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return "" if fits else f'must be a list of texts, not {kind_of(value)}; write ["one", "two"]'
    if key == "parameters":
        if not isinstance(value, dict):
            return f"must be an object, not {kind_of(value)}; write {{...}}"
        wrong = [name for name, text in value.items() if not isinstance(text, str)]
        return f"{shown(wrong[0])} must be text; put it in quotes" if wrong else ""
    return "" if isinstance(value, str) else f"must be text, not {kind_of(value)}; put it in quotes"


def _whole(message: str) -> RowProblem:
    return RowProblem(None, "", message)


# --- writing -----------------------------------------------------------------------------------------


def dump_csv(kind: RowKind, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """UTF-8 with a byte order mark, for spreadsheets; CR LF between rows; a column for each parameter that a row has."""
    names = sorted({f"{PARAMETER}{name}" for row in rows for name in row.get("parameters", {})})
    columns = (*columns_of(kind), *names)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_guarded(_cell(row, column)) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _cell(row: Mapping[str, Any], column: str) -> str:
    if column.startswith(PARAMETER):
        return str(row["parameters"].get(column.removeprefix(PARAMETER), ""))
    value = row[column]
    if isinstance(value, list):
        return "; ".join(value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def dump_json(kind: RowKind, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A list of objects, UTF-8, one line a field."""
    keys = (*columns_of(kind), *(("parameters",) if kind != RowKind.OPTION else ()))
    listed = [{key: _json_value(row[key]) for key in keys} for row in rows]
    return (json.dumps(listed, ensure_ascii=False, indent=1) + "\n").encode()


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
