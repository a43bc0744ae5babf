"""CSV for spreadsheets: a row for each turn. It is for reading, not for training."""

import json
from typing import Any

from exports.formats.records import METADATA_KEYS, Example, Record, refuse
from exports.formats.writing import Writer, check_turns, get_system
from lib.tables.guarded_csv import BYTE_ORDER_MARK, encode_rows

COLUMNS = ("conversation_id", "turn", "role", "content", *METADATA_KEYS)


class CsvWriter(Writer):
    r"""Columns `COLUMNS`, each cell in quotation marks, "\r\n" after a row, UTF-8 with a byte order mark, as Excel needs it.

    The system prompt is turn 0. A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """

    always_metadata = True

    def start(self) -> None:
        self.stream.write(encode_rows([COLUMNS], first=BYTE_ORDER_MARK))

    def write_rows(self, record: Record) -> int:
        if not isinstance(record, Example):
            refuse(record, "it is a pair of versions, and this file takes conversations")
        turns = [(turn.role, turn.content) for turn in check_turns(record).turns]
        system = get_system(record, self.options)
        numbered = [*([(0, ("system", system))] if system else []), *enumerate(turns, start=1)]
        rest = [make_cell(record.metadata.get(key)) for key in METADATA_KEYS]
        rows = [[record.id, number, role, content, *rest] for number, (role, content) in numbered]
        self.stream.write(encode_rows(rows))
        return len(numbered)


def make_cell(value: Any) -> str:
    """A plain JSON value in a cell: a list of texts joined by commas, what is nested as JSON, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
