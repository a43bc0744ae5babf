"""A table from a JSON text: each object is a row, each key a column. Numbers and true or false become text."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from lib.row_problems import RowProblem
from lib.tables.header import KnownColumns, Record
from lib.tables.json_records import read_json_records
from lib.tables.limits import TableBounds, make_too_many_rows

NESTED = "parameters"


class JsonTable:
    """The names of the columns, the records with a value, and what is wrong with the others."""

    def __init__(self, most_keys: int) -> None:
        self.most_keys = most_keys
        self.names: dict[str, int] = {}
        self.records: list[Record] = []
        self.problems: list[RowProblem] = []
        self.notes: list[str] = []

    def add(self, number: int, given: Any, known: KnownColumns) -> None:
        if not isinstance(given, dict):
            self.problems.append(RowProblem(number, "", "must be an object, written {...}."))
            return
        if len(given) > self.most_keys:
            message = f"has {len(given):,} keys; at most {self.most_keys:,} are allowed."
            self.problems.append(RowProblem(number, "", message))
            return
        cells: dict[int, str] = {}
        for key, value in _flatten(given):
            name = known.find(key) or key
            try:
                text = _format_value(value)
            except TypeError as wrong:
                self.problems.append(RowProblem(number, name[:60], f"{wrong}."))
                continue
            if text.strip():
                cells.setdefault(self.names.setdefault(name, len(self.names)), text)
        if cells:
            self.records.append(Record(number, cells, len(cells)))


def read_json_table(text: str, *, known: KnownColumns, bounds: TableBounds) -> JsonTable:
    """The rows of a list of objects, of JSON Lines, or of one object. Empty objects are no rows.

    Raises RowsError for what is not JSON, and for more rows than `bounds` allow, before any of them is looked at.
    """
    found = read_json_records(text, key=known.key)
    filled = [(number, given) for number, given in found.records if given != {}]
    if len(filled) > bounds.rows:
        raise make_too_many_rows(bounds)
    table = JsonTable(bounds.columns)
    table.notes += found.notes
    for number, given in filled:
        table.add(number, given, known)
    return table


def _flatten(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of an object, those under the key `parameters` among them."""
    for key, value in given.items():
        if key == NESTED and isinstance(value, dict):
            yield from value.items()
        else:
            yield key, value


def _format_value(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return " | ".join(value)
    raise TypeError('must be text; put it in quotes ("...")')
