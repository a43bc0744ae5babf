"""What two sequences have in common, and which of some names a misspelt one means. `rapidfuzz` does the work.

difflib needs cubic time for some inputs: two lines of 1,600 characters each took 28 s in the web process.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel

LEAST_ALIKE = 60.0  # of 100, see `suggest`
LONGEST_NAME = 200  # characters


class Edit(NamedTuple):
    """A part of both sequences, from `i` to before `i_end` and from `j` to before `j_end`. `kind`: equal, insert, delete or replace."""

    kind: str
    i: int
    i_end: int
    j: int
    j_end: int


def find_edits(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[Edit]:
    """How the one becomes the other with the fewest insertions and deletions. Time: length times length, by 64.

    What is removed and added at one place is one replacement.
    """
    found: list[Edit] = []
    for each in Indel.opcodes(old, new):
        edit = Edit(each.tag, each.src_start, each.src_end, each.dest_start, each.dest_end)
        if edit.kind != "equal" and found and found[-1].kind != "equal":
            before = found.pop()
            both = (before.i, edit.i_end, before.j, edit.j_end)
            kind = edit.kind if edit.kind == before.kind else "replace"
            edit = Edit(kind, *both)
        found.append(edit)
    return found


def suggest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, if any is: at least 60 of 100 by `fuzz.ratio`, case ignored."""
    if len(name) > LONGEST_NAME:
        return None
    names = list(known)
    folded = [each.casefold() for each in names]
    best = process.extractOne(name.casefold(), folded, scorer=fuzz.ratio, score_cutoff=LEAST_ALIKE)
    return None if best is None else names[best[2]]
