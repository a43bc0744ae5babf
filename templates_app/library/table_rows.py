"""The rows of a CSV file or a workbook as fields of scenarios, edge cases or options. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lib.same_text import find_match
from lib.tables.formulas import describe_unguarded, remove_guard
from lib.tables.header import MOST_SUGGESTIONS, suggest_name
from lib.tables.reading import Table, read_table
from templates_app.library.checks import KINDS, clean_fields, parse_weight, split_tags
from templates_app.library.columns import PARAMETER, REQUIRED, find_columns, list_columns
from templates_app.library.sheet import BOUNDS, FileRow, Sheet
from templates_app.states import EntryKind


def read_table_rows(content: bytes, *, kind: EntryKind, sheet_name: str) -> Sheet:
    """The rows of a table. Raises RowsError when nothing can be read."""
    table = read_table(content, known=find_columns(kind), bounds=BOUNDS, sheet=sheet_name)
    sheet = Sheet(
        problems=list(table.problems),
        columns=table.columns,
        header_row=table.header_row,
        notes=list(table.notes),
    )
    _check_columns(sheet, table, kind)
    if not set(REQUIRED[kind]) <= set(table.columns):
        return sheet
    unguarded = 0
    for row in table.rows:
        cells = {name: remove_guard(row.cells.get(name, "")) for name in table.columns}
        unguarded += sum(row.cells.get(name, "") != cell for name, cell in cells.items())
        sheet.rows.append(
            FileRow(row.number, clean_fields(kind, _read_fields(sheet, row.number, cells, kind)))
        )
        if sheet.is_full:
            break
    sheet.notes += describe_unguarded(unguarded)
    sheet.notes += sheet.respellings.describe()
    return sheet


def _check_columns(sheet: Sheet, table: Table, kind: EntryKind) -> None:
    known = list_columns(kind)
    for name in REQUIRED[kind]:
        if name not in table.columns:
            message = f"is missing: each row needs one.{suggest_name(name, table.columns)}"
            sheet.add_problem(table.header_row, name, message)
    unknown = [
        (name, label)
        for name, label in zip(table.columns, table.labels, strict=True)
        if name not in known and not (kind != EntryKind.OPTION and name.startswith(PARAMETER))
    ]
    for place, (name, label) in enumerate(unknown):
        guess = suggest_name(name, known) if place < MOST_SUGGESTIONS else ""
        sheet.add_problem(table.header_row, label, f"{describe_unknown(kind)}{guess}")


def describe_unknown(kind: EntryKind) -> str:
    """What is said of a column that is not one of these."""
    more = f", and {PARAMETER}NAME for another variable" if kind != EntryKind.OPTION else ""
    return f"is not known; known are {', '.join(list_columns(kind))}{more}."


def _read_fields(sheet: Sheet, number: int, cells: Mapping[str, str], kind: EntryKind) -> dict[str, Any]:
    fields: dict[str, Any] = {name: cells[name] for name in list_columns(kind) if name in cells}
    if "tags" in fields:
        fields["tags"] = split_tags(fields["tags"])
    if "weight" in fields:
        fields["weight"] = read_weight(sheet, number, fields["weight"])
    if "template" in fields:
        fields["template"] = fields["template"].strip()
    if "kind" in fields:
        fields["kind"] = find_kind(sheet, fields["kind"])
    if parameters := [name for name in cells if name.startswith(PARAMETER)]:
        fields["parameters"] = {name.removeprefix(PARAMETER): cells[name] for name in parameters}
    return fields


def find_kind(sheet: Sheet, word: str) -> str:
    """The option list that a word names, in any case and also in the plural; the word itself if it names none."""
    found = find_match(word, KINDS) or find_match(word.strip().removesuffix("s").removesuffix("S"), KINDS)
    if found is None:
        return word.strip()
    sheet.respellings.add("kind", word, found)
    return found


def read_weight(sheet: Sheet, number: int, text: str) -> Decimal:
    """The weight in a text, or 1 and a problem."""
    try:
        return parse_weight(text)
    except ValueError as wrong:
        sheet.add_problem(number, "weight", f"{wrong}.")
        return Decimal(1)
