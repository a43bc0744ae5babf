"""Scenarios, edge cases and options as CSV or JSON files. Pure: `load` reads back exactly what `dump_*` wrote.

A spreadsheet would run a cell that looks like a formula. Such a CSV cell gets a `'` in front when it is written, and
loses it when it is read. No other `'` is removed (docs/templates.md). JSON needs no such guard.
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

from lib.amounts import format_number
from lib.csv_table import HEADER_ROW, Table, label_column, read_table
from lib.row_problems import RowProblem, RowsError
from templates_app.library.checks import (
    BETWEEN_TAGS,
    SITUATION_TEXTS,
    find_problems,
    parse_weight,
    quote_short,
)
from templates_app.library.checks import clean_fields as cleaned_row
from templates_app.states import EntryKind
from templates_app.text.variables import describe_value

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
    """One row of the file: `number` as a spreadsheet counts (in JSON the place in the list, from 1), and its fields."""

    number: int
    fields: dict[str, Any]


@dataclass
class Sheet:
    """The content of a file. `unguarded` counts the cells from which the `'` of an export was removed."""

    rows: list[FileRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    unguarded: int = 0

    def add_problem(self, row: int | None, column: str, message: str) -> None:
        self.problems.append(RowProblem(row, column, message))


def list_columns(kind: EntryKind) -> tuple[str, ...]:
    return OPTION_COLUMNS if kind == EntryKind.OPTION else SITUATION_COLUMNS


def limit_problems(problems: Sequence[RowProblem]) -> list[RowProblem]:
    """The first 200 problems in the order of the file, one for each cell, and a line with the number of the others."""
    first: dict[tuple[int | None, str], RowProblem] = {}
    for problem in problems:
        first.setdefault((problem.row, problem.column or problem.message), problem)
    ordered = sorted(first.values(), key=lambda problem: problem.row or 0)
    more = len(ordered) - MOST_PROBLEMS
    rest = [RowProblem(None, "", f"... and {more:,} more problems.")] if more > 0 else []
    return [*ordered[:MOST_PROBLEMS], *rest]


# --- reading -----------------------------------------------------------------------------------------


def load(content: bytes, *, name: str, kind: EntryKind) -> Sheet:
    """The rows of a file, cleaned and checked one by one. Raises RowsError when nothing can be read.

    A file whose name ends in .json is read as JSON, every other file as CSV. A missing column leaves its field
    unchanged; an empty cell empties the field.
    """
    if len(content) > LARGEST:
        raise RowsError(
            [
                _file_problem(
                    f"The file has {len(content):,} bytes; at most {LARGEST:,} are allowed. Split it."
                )
            ]
        )
    sheet = _read_json(content, kind) if name.lower().endswith(".json") else _read_csv(content, kind)
    if len(sheet.rows) > MOST_ROWS:
        raise RowsError(
            [
                _file_problem(
                    f"The file has {len(sheet.rows):,} rows; at most {MOST_ROWS:,} are allowed. Split it."
                )
            ]
        )
    if not sheet.rows and not sheet.problems:
        raise RowsError([_file_problem("The file has no rows below its header: add one for each entry.")])
    for row in sheet.rows:
        for problem in find_problems(kind, row.fields):
            sheet.add_problem(row.number, problem.name, f"{problem.message}.")
    return sheet


def _read_csv(content: bytes, kind: EntryKind) -> Sheet:
    table = read_table(content, key="name")
    sheet = Sheet(problems=list(table.problems), columns=table.columns)
    _check_columns(sheet, table, kind)
    if not _REQUIRED[kind] <= set(table.columns):
        return sheet
    for row in table.rows:
        cells = {name: _remove_guard(sheet, row.cells.get(name, "")) for name in table.columns}
        fields = _read_fields(sheet, row.number, cells, kind)
        sheet.rows.append(FileRow(row.number, cleaned_row(kind, fields)))
    return sheet


_REQUIRED = {
    EntryKind.SCENARIO: {"name"},
    EntryKind.EDGE_CASE: {"name"},
    EntryKind.OPTION: {"kind", "name"},
}


def _check_columns(sheet: Sheet, table: Table, kind: EntryKind) -> None:
    known = list_columns(kind)
    for name in known:
        if name in _REQUIRED[kind] and name not in table.columns:
            sheet.add_problem(
                HEADER_ROW, name, f"is missing: each row needs one.{_suggest(name, table.columns)}"
            )
    for index, name in enumerate(table.columns):
        if name and name not in known and not _is_parameter(name, kind):
            sheet.add_problem(HEADER_ROW, label_column(name, index), _describe_unknown(name, kind))


def _is_parameter(name: str, kind: EntryKind) -> bool:
    return kind != EntryKind.OPTION and name.startswith(PARAMETER)


def _describe_unknown(name: str, kind: EntryKind) -> str:
    known = list_columns(kind)
    more = f", and {PARAMETER}NAME for another variable" if kind != EntryKind.OPTION else ""
    return f"is not known; known are {', '.join(known)}{more}.{_suggest(name, known)}"


def _suggest(name: str, known: Iterable[str]) -> str:
    by_folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f" Is it {quote_short(by_folded[close[0]])}?" if close else ""


def _remove_guard(sheet: Sheet, cell: str) -> str:
    if not _GUARDED.match(cell):
        return cell
    sheet.unguarded += 1
    return cell[1:]


def _read_fields(sheet: Sheet, number: int, cells: Mapping[str, str], kind: EntryKind) -> dict[str, Any]:
    fields: dict[str, Any] = {name: cells[name] for name in list_columns(kind) if name in cells}
    if "tags" in fields:
        fields["tags"] = _TAGS.split(fields["tags"])
    if "weight" in fields:
        fields["weight"] = _read_weight(sheet, number, fields["weight"])
    for name in ("kind", "template"):
        if name in fields:
            fields[name] = fields[name].strip()
    if parameters := [name for name in cells if name.startswith(PARAMETER)]:
        fields["parameters"] = {name.removeprefix(PARAMETER): cells[name] for name in parameters}
    return fields


def _read_weight(sheet: Sheet, number: int, cell: str) -> Decimal:
    try:
        return parse_weight(cell)
    except ValueError as wrong:
        sheet.add_problem(number, "weight", f"{wrong}.")
        return Decimal(1)


# --- reading JSON ------------------------------------------------------------------------------------


class _JsonObject(dict[str, Any]):
    """A JSON object of the file, with the keys that appear more than once in it."""

    repeated: tuple[str, ...] = ()

    @classmethod
    def from_pairs(cls, pairs: list[tuple[str, Any]]) -> "_JsonObject":
        found = cls(pairs)
        found.repeated = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return found


def _read_json(content: bytes, kind: EntryKind) -> Sheet:
    parsed = _parse_json(content)
    if not isinstance(parsed, list):
        raise RowsError([_file_problem("The file must hold a list of objects, written [{...}, {...}].")])
    sheet = Sheet()
    for number, given in enumerate(parsed, start=1):
        if isinstance(given, _JsonObject):
            fields = dict(_read_json_fields(sheet, number, given, kind))
            if missing := [name for name in _REQUIRED[kind] if name not in given]:
                for name in sorted(missing):
                    sheet.add_problem(number, name, "is missing: each row needs one.")
                continue
            sheet.rows.append(FileRow(number, cleaned_row(kind, fields)))
        else:
            sheet.add_problem(number, "", f"must be an object, not {describe_value(given)}; write {{...}}.")
    return sheet


def _parse_json(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
        return json.loads(
            text,
            object_pairs_hook=_JsonObject.from_pairs,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as wrong:
        message = f"The file is not UTF-8 (byte {wrong.start + 1:,}): save it as UTF-8."
    except json.JSONDecodeError as wrong:
        message = f"This is not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}."
        message = "The file is empty." if not content.strip() else message
    except RecursionError:
        message = "This JSON is nested too deeply."
    except ValueError as wrong:
        message = f"This is not JSON: {wrong}."
    raise RowsError([_file_problem(message)])


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number")


def _read_json_fields(
    sheet: Sheet, number: int, given: _JsonObject, kind: EntryKind
) -> Iterator[tuple[str, Any]]:
    known = (*list_columns(kind), *(("parameters",) if kind != EntryKind.OPTION else ()))
    for key in given.repeated:
        sheet.add_problem(number, _label_key(key), "is there twice; remove one of them.")
    for key, value in given.items():
        if key not in known:
            sheet.add_problem(
                number, _label_key(key), f"is not known; known are {', '.join(known)}.{_suggest(key, known)}"
            )
        elif message := _find_type_problem(key, value):
            sheet.add_problem(number, key, f"{message}.")
        elif key == "weight":
            yield key, Decimal(1) if value is None else Decimal(value)
        elif key == "tags":
            yield key, value or []
        elif key == "parameters":
            yield key, value or {}
        else:
            yield key, (value or "").strip() if key in ("kind", "template") else value or ""


def _label_key(key: str) -> str:
    return key if key.isprintable() and len(key) <= 60 else quote_short(key)


def _find_type_problem(key: str, value: Any) -> str:
    """What is wrong with the type of a value; empty when it is right."""
    if value is None:
        return ""
    if key == "weight":
        fits = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return "" if fits else f"must be a number, not {describe_value(value)}; write 1 or 2.5 without quotes"
    if key == "tags":
        fits = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return "" if fits else f'must be a list of texts, not {describe_value(value)}; write ["one", "two"]'
    if key == "parameters":
        if not isinstance(value, dict):
            return f"must be an object, not {describe_value(value)}; write {{...}}"
        wrong = [name for name, text in value.items() if not isinstance(text, str)]
        return f"{quote_short(wrong[0])} must be text; put it in quotes" if wrong else ""
    return "" if isinstance(value, str) else f"must be text, not {describe_value(value)}; put it in quotes"


def _file_problem(message: str) -> RowProblem:
    return RowProblem(None, "", message)


# --- writing -----------------------------------------------------------------------------------------


def dump_csv(kind: EntryKind, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A CSV file: UTF-8 with a byte order mark for spreadsheets, CR LF after each row, a column for each parameter."""
    names = sorted({f"{PARAMETER}{name}" for row in rows for name in row.get("parameters", {})})
    columns = (*list_columns(kind), *names)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_add_guard(_format_cell(row, column)) for column in columns] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _format_cell(row: Mapping[str, Any], column: str) -> str:
    if column.startswith(PARAMETER):
        return str(row["parameters"].get(column.removeprefix(PARAMETER), ""))
    value = row[column]
    if isinstance(value, list):
        return "; ".join(value)
    return format_number(value) if isinstance(value, Decimal) else str(value)


def _add_guard(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def dump_json(kind: EntryKind, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A JSON list of objects in UTF-8, with one field a line."""
    keys = (*list_columns(kind), *(("parameters",) if kind != EntryKind.OPTION else ()))
    listed = [{key: _format_json_value(row[key]) for key in keys} for row in rows]
    return (json.dumps(listed, ensure_ascii=False, indent=1) + "\n").encode()


def _format_json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
