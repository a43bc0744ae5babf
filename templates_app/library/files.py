"""Reads files of scenarios, edge cases and options: CSV, workbooks, JSON and JSON Lines, told apart by content. Pure.

`load` reads back exactly what `dump_csv` and `dump_json` wrote.
"""

from lib.row_problems import make_file_error
from lib.tables.encoding import decode_strictly, decode_text
from lib.tables.file_kinds import is_json, is_workbook, refuse_other_kinds
from lib.tables.limits import check_size
from templates_app.library.checks import find_problems
from templates_app.library.json_rows import read_json_rows
from templates_app.library.sheet import BOUNDS, Sheet
from templates_app.library.table_rows import read_table_rows
from templates_app.states import EntryKind

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")


def load(content: bytes, *, name: str, kind: EntryKind, sheet_name: str = "") -> Sheet:
    """The rows of a file, cleaned and checked one by one. Raises RowsError when nothing can be read.

    `sheet_name` chooses a sheet of a workbook. A missing column leaves its field unchanged; an empty cell empties it.
    """
    check_size(content, BOUNDS.bytes)
    sheet = _read(content, name=name, kind=kind, sheet_name=sheet_name)
    if not sheet.rows and not sheet.problems:
        raise make_file_error("The file has no rows below its header: add one for each entry.")
    for row in sheet.rows:
        for problem in find_problems(kind, row.fields):
            sheet.add_problem(row.number, problem.name, f"{problem.message}.")
        if sheet.is_full:
            break
    return sheet


def _read(content: bytes, *, name: str, kind: EntryKind, sheet_name: str) -> Sheet:
    refuse_other_kinds(content)
    if is_workbook(content) or not (
        name.lower().endswith(JSON_ENDINGS) or is_json(decode_text(content).text)
    ):
        return read_table_rows(content, kind=kind, sheet_name=sheet_name)
    decoded = decode_strictly(content)
    sheet = read_json_rows(decoded.text, kind=kind)
    sheet.notes[:0] = decoded.notes
    return sheet
