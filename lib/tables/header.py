"""Finds the header of a table among its first rows, and which known column each of its names means."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lib.likeness import suggest
from lib.same_text import compose, make_match_key
from lib.tables.limits import LONGEST_SHOWN_NAME

_SEPARATORS = re.compile(r"[\s_\-\ufeff\u200b]+")
_MARKS = "*:"
MOST_SUGGESTIONS = 10
LONGEST_NAME = 1_000  # characters; where a file is read with a wrong delimiter, its first line is one cell


class Record(NamedTuple):
    """A row of the file: its number as a spreadsheet counts, from 1, its cells that have a value by place, and its width.

    Places count from 0. The width counts the cells without a value, too.
    """

    number: int
    cells: Mapping[int, str]
    width: int


class KnownColumns:
    """The columns that a place reads: `names`, and those that begin with `prefix`, such as `parameters.`."""

    def __init__(self, names: Iterable[str], *, key: str, prefix: str = "") -> None:
        self.names = tuple(names)
        self.key, self.prefix = key, prefix
        self._by_key: dict[str, str | None] = {}
        for name in self.names:
            folded = make_column_key(name)
            self._by_key[folded] = None if folded in self._by_key else name

    def find(self, name: str) -> str | None:
        """The known column that a cell of the header means. Case, spaces, `_`, `-` and a final `*` or `:` do not count."""
        if len(name) > LONGEST_NAME:
            return None
        plain = compose(name.strip())
        if plain in self.names:
            return plain
        if self.prefix and (rest := self._find_rest(plain)):
            return f"{self.prefix}{rest}"
        return self._by_key.get(make_column_key(plain))

    def _find_rest(self, name: str) -> str:
        stem = re.escape(self.prefix.rstrip(".").rstrip("s"))
        found = re.match(rf"{stem}s?\s*\.\s*", name, re.IGNORECASE)
        return name[found.end() :].strip() if found else ""


def make_column_key(name: str) -> str:
    """What two spellings of one name of a column have in common."""
    return _SEPARATORS.sub("", make_match_key(name).strip(_MARKS))


@dataclass(frozen=True)
class FoundHeader:
    """The record that is the header, the known column of each of its places, and the records above it."""

    record: Record
    columns: Mapping[int, str | None]
    above: Sequence[Record]

    @property
    def matched(self) -> int:
        return sum(name is not None for name in self.columns.values())


def find_header(records: Sequence[Record], known: KnownColumns) -> FoundHeader | None:
    """The first record that names the key column below nothing but titles, else the one with most known columns.

    `records` are the first ones of the file that are not blank. None if there are none.
    """
    best: FoundHeader | None = None
    for index, record in enumerate(records):
        columns = {place: known.find(cell) for place, cell in record.cells.items()}
        found = FoundHeader(record, columns, records[:index])
        if known.key in columns.values() and _is_header(found):
            return found
        if best is None or (found.matched > best.matched and found.matched > 1):
            best = found
    return best


def has_key(found: FoundHeader, known: KnownColumns) -> bool:
    return known.key in found.columns.values()


def _is_header(found: FoundHeader) -> bool:
    """Below titles only: at least half of its names are known, and no row above has as many cells, or just one."""
    if not found.above:
        return True
    size = len(found.record.cells)
    titles = all(len(each.cells) == 1 or len(each.cells) < size for each in found.above)
    return titles and found.matched * 2 >= size


def suggest_name(name: str, known: Iterable[str]) -> str:
    """` Is it 'topic'?` for the known name that is closest to a misspelt one; empty if none is close."""
    if len(name) > LONGEST_SHOWN_NAME:
        return ""
    meant = suggest(name, (each for each in known if len(each) <= LONGEST_SHOWN_NAME))
    return f" Is it {meant!r}?" if meant else ""


def label_column(name: str, index: int) -> str:
    """The name of a column if it can be shown, else its letter."""
    if name and name.isprintable() and len(name) <= LONGEST_SHOWN_NAME:
        return name
    return make_column_letters(index)


def make_column_letters(index: int) -> str:
    """The name of a column in a spreadsheet: A to Z, AA, AB, ..."""
    letters = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
