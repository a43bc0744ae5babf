"""Which places of a table are its columns, and which only look like one: empty columns, and columns that count the rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lib.row_problems import RowProblem
from lib.tables.encoding import NOT_UTF8, SAVE_AS_UTF8
from lib.tables.header import FoundHeader, Record, label_column, make_column_key, make_column_letters

# Names of columns that count the rows, as programs and people write them.
_COUNTING = frozenset(
    ("", "#", "no", "no.", "nr", "nr.", "n°", "№", "num", "number", "row", "index", "idx", "id")
)
_UNNAMED = "unnamed"


@dataclass
class ChosenColumns:
    """The name of each place whose values are read, in the order of the file; what was left out; what is wrong."""

    names: dict[int, str] = field(default_factory=dict)
    respelt: dict[str, str] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def choose_columns(found: FoundHeader, rows: Sequence[Record]) -> ChosenColumns:
    """The columns of a table with this header and these rows below it."""
    chosen = ChosenColumns()
    used = {place for row in rows for place in row.cells}
    empty: list[str] = []
    for place in sorted({*range(min(found.record.width, max(used, default=0) + 1)), *used, *found.columns}):
        given = found.record.cells.get(place, "").strip()
        known = found.columns.get(place)
        if known is None and place not in used:
            empty.append(given)
        elif known is None and _counts_rows(given, place, rows):
            label = label_column(given, place)
            chosen.notes.append(f"Column {label} only counts the rows and was left out.")
        elif given:
            _add_column(chosen, place, given, known, row=found.record.number)
        elif place < found.record.width:
            problem = RowProblem(
                found.record.number, make_column_letters(place), _describe_unnamed(place, rows)
            )
            chosen.problems.append(problem)
    chosen.notes += _describe_empty([name for name in empty if name])
    return chosen


def _add_column(chosen: ChosenColumns, place: int, given: str, known: str | None, *, row: int) -> None:
    name = known or NOT_UTF8.sub("\ufffd", given)
    label = label_column(name, place)
    if name in chosen.names.values():
        chosen.problems.append(RowProblem(row, label, "is there twice; remove one of them."))
    if wrong := describe_bad_byte(given):
        chosen.problems.append(RowProblem(row, label, wrong))
    if known is not None and known != given:
        chosen.respelt[given] = known
    chosen.names[place] = name


def _counts_rows(given: str, place: int, rows: Sequence[Record]) -> bool:
    """Whether a column that nobody knows has the numbers 0, 1, 2 ... or 1, 2, 3 ... in its rows, and nothing else."""
    key = make_column_key(given)
    if key not in _COUNTING and not key.startswith(_UNNAMED):
        return False
    if not given and place > 0 and len(rows) == 1:
        return False
    try:
        numbers = [float(row.cells.get(place, "")) for row in rows]
    except ValueError:
        return False
    return bool(numbers) and numbers[0] in (0, 1) and numbers == [numbers[0] + n for n in range(len(numbers))]


def _describe_unnamed(place: int, rows: Sequence[Record]) -> str:
    first = next(row.number for row in rows if place in row.cells)
    return f"has no name, but values (the first one in row {first}). Name the column, or empty its cells."


def _describe_empty(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(repr(name) for name in names[:10]) + (", ..." if len(names) > 10 else "")
    return [
        f"Left out, because no row has a value there: {'column' if len(names) == 1 else 'columns'} {shown}."
    ]


def describe_bad_byte(cell: str) -> str:
    """What is wrong with a cell that has a byte without a meaning; empty if there is none."""
    match = NOT_UTF8.search(cell) if not cell.isascii() else None
    if match is None:
        return ""
    byte = ord(match.group()) - 0xDC00
    return f"holds a byte (0x{byte:02X}) that is not UTF-8. The file has another encoding: {SAVE_AS_UTF8}."
