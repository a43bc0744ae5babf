"""CSV for spreadsheets: a row for each turn. It is for reading, not for training."""

import csv
import io
import json
from typing import Any

from exports.formats.records import METADATA_KEYS, Example, Record, refuse
from exports.formats.writing import Writer, check_turns, get_system
from lib.tables.formulas import add_guard

COLUMNS = ("conversation_id", "turn", "role", "content", *METADATA_KEYS)


class CsvWriter(Writer):
    r"""Columns `COLUMNS`, each cell in quotation marks, "\r\n" after a row, UTF-8 with a byte order mark, as Excel needs it.

    The system prompt is turn 0. A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """

    always_metadata = True

    def start(self) -> None:
        self._write([list(COLUMNS)], first="\ufeff")

    def write_rows(self, record: Record) -> int:
        if not isinstance(record, Example):
            refuse(record, "it is a pair of versions, and this file takes conversations")
        turns = [(turn.role, turn.content) for turn in check_turns(record).turns]
        system = get_system(record, self.options)
        numbered = [*([(0, ("system", system))] if system else []), *enumerate(turns, start=1)]
        rest = [make_cell(record.metadata.get(key)) for key in METADATA_KEYS]
        self._write([[record.id, number, role, content, *rest] for number, (role, content) in numbered])
        return len(numbered)

    def _write(self, rows: list[list[Any]], *, first: str = "") -> None:
        text = io.StringIO(first, newline="")
        text.seek(0, io.SEEK_END)
        csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(
            [add_guard(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
        )
        self.stream.write(text.getvalue().encode())


def make_cell(value: Any) -> str:
    """A plain JSON value in a cell: a list of texts joined by commas, what is nested as JSON, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
