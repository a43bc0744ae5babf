"""Conversations in a CSV file or a workbook: a row for each turn, as our CSV export writes it, or a row for each conversation."""

from collections.abc import Iterator, Mapping
from typing import Any

from exports.importing.reading.details import NAMES
from exports.importing.reading.records import BOUNDS, FileContent, Unreadable
from exports.importing.reading.shapes import ANSWERS, LISTS, QUESTIONS, SYSTEM_KEYS, TEXT_KEYS, WHO_KEYS
from lib.row_problems import make_file_error
from lib.tables.formulas import describe_unguarded, remove_guard
from lib.tables.header import KnownColumns, make_column_key
from lib.tables.reading import Row, Table, read_table

ID, TURN = "conversation_id", "turn"
# Other names of the columns of a row for each turn.
IDS = (ID, "conversation", "dialogue_id", "dialog_id", "chat_id", "id")
NUMBERS = (TURN, "turn_number", "turn_no", "position", "index", "step")
_PLAIN = tuple(dict.fromkeys((*LISTS, *QUESTIONS, *ANSWERS, "input", *SYSTEM_KEYS)))
_ABOUT = tuple(name for name in NAMES if name != "id")
_COLUMNS = tuple(
    {
        make_column_key(name): name for name in (*IDS, *NUMBERS, *WHO_KEYS, *TEXT_KEYS, *_PLAIN, *_ABOUT)
    }.values()
)
KNOWN = KnownColumns(_COLUMNS, key="content")


def iter_rows(content: bytes, *, sheet: str, found: FileContent) -> Iterator[tuple[int, Any]]:
    """(row, value as `read_shape` takes it) of each conversation, or what is wrong with it. Raises RowsError.

    What was noticed about the table as a whole is added to `found`.
    """
    table = read_table(content, known=KNOWN, bounds=BOUNDS, sheet=sheet)
    found.notes += table.notes
    found.problems += table.problems
    unguarded = 0
    rows: list[Row] = []
    for row in table.rows:
        cells = {name: remove_guard(cell) for name, cell in row.cells.items()}
        unguarded += sum(cells[name] != cell for name, cell in row.cells.items())
        rows.append(Row(row.number, cells))
    found.notes += describe_unguarded(unguarded)
    who, text = _find(table, WHO_KEYS), _find(table, TEXT_KEYS)
    if who and text:
        found.form = "a table with a row for each turn"
        yield from _iter_by_turn(rows, table, who, text)
    elif _find(table, (*LISTS, *QUESTIONS)):
        found.form = "a table with a row for each conversation"
        yield from ((row.number, row.cells) for row in rows)
    else:
        raise make_file_error(
            "The file must have the columns conversation_id, turn, role and content with a row for each turn, or a column "
            "messages or prompt and completion with a row for each conversation. The sample file has them."
        )


def _iter_by_turn(rows: list[Row], table: Table, who: str, text: str) -> Iterator[tuple[int, Any]]:
    """Rows of one id are one conversation, wherever they stand. Without ids one begins where the numbers begin again."""
    key, number = _find(table, IDS), _find(table, NUMBERS)
    if not key and not number:
        raise make_file_error(
            "The file needs a column conversation_id that says which rows belong together, or a column turn whose numbers "
            "begin again with each conversation."
        )
    groups: dict[Any, list[Row]] = {}
    count, last = 0, 0.0
    for row in rows:
        place = _read_number(row.cells.get(number, ""))
        if key:
            groups.setdefault(row.cells.get(key, f"\0{row.number}"), []).append(row)
        else:
            count += place is None or place <= last or not groups
            groups.setdefault(count, []).append(row)
        last = place if place is not None else 0.0
    for group in groups.values():
        yield group[0].number, _build(group, who, text, number)


def _build(group: list[Row], who: str, text: str, number: str) -> Any:
    """The conversation of these rows as an object, or what is wrong with it."""
    places = [_read_number(row.cells.get(number, "")) for row in group]
    if number and None not in places:
        if len(set(places)) < len(places):
            return Unreadable(
                "Two of its turns have the same number. Number them, or give each conversation its own id."
            )
        order = sorted(range(len(group)), key=lambda at: places[at] or 0.0)
        group = [group[at] for at in order]
    turns = [{"role": row.cells.get(who, ""), "content": row.cells.get(text, "")} for row in group]
    about: dict[str, str] = {}
    for row in group:
        for name, cell in row.cells.items():
            if name not in (who, text, number):
                about.setdefault(name, cell)
    return {**about, "messages": turns}


def _find(table: Table, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in table.columns), "")


def _read_number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def list_columns() -> list[Mapping[str, Any]]:
    """The columns of a file with a row for each turn, for a page: name, whether it is required, what it holds."""
    return [
        {"name": ID, "required": True, "about": "rows with the same id are one conversation"},
        {
            "name": TURN,
            "required": False,
            "about": "1, 2, 3 ...; 0 is the system message. Without it: the order of the rows",
        },
        {
            "name": "role",
            "required": True,
            "about": "system, user or assistant; other usual names are read, too",
        },
        {"name": "content", "required": True, "about": "the text, exactly as it is to be learned"},
        {"name": "title", "required": False, "about": "empty: persona and topic, or the first words"},
        *(
            {"name": name, "required": False, "about": "of the conversation"}
            for name in ("persona", "emotion", "topic", "intent", "tone")
        ),
        {"name": "tier", "required": False, "about": "template, scenario or edge_case"},
        {"name": "category", "required": False, "about": "words with , or ; between them"},
        {"name": "language", "required": False, "about": "such as en"},
        {"name": "model", "required": False, "about": "which one wrote it"},
        {"name": "simulated", "required": False, "about": "true: written by a simulator, and marked so"},
    ]
