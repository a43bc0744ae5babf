"""What differs between two versions of a conversation, turn by turn and word by word. Pure Python."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from conversations.parsing import TurnDraft
from lib.likeness import find_edits
from templates_app.text.differences import DiffRow, compare_texts


class TurnChange(NamedTuple):
    """A turn of both versions, or a run of turns that are the same in both (`kind` same, with `unchanged`).

    Numbers count from 1 and are None on the side where the turn is not there. `kind`: same, changed, removed, added.
    """

    kind: str
    role: str = ""
    left_number: int | None = None
    right_number: int | None = None
    rows: Sequence[DiffRow] = ()
    unchanged: Sequence[TurnDraft] = ()

    @property
    def last(self) -> int | None:
        """The number of the last of the unchanged turns, in the newer version."""
        return self.right_number + len(self.unchanged) - 1 if self.right_number else None


def compare_turns(old: Sequence[TurnDraft], new: Sequence[TurnDraft]) -> list[TurnChange]:
    """The turns of both in order. A turn that is replaced stands beside the one of its place, where both have its role."""
    found: list[TurnChange] = []
    for kind, i, i_end, j, j_end in find_edits(old, new):
        if kind == "equal":
            found.append(TurnChange("same", "", i + 1, j + 1, unchanged=new[j:j_end]))
        else:
            found += _pair(old[i:i_end], new[j:j_end], i, j)
    return found


def _pair(old: Sequence[TurnDraft], new: Sequence[TurnDraft], i: int, j: int) -> Iterator[TurnChange]:
    for n in range(max(len(old), len(new))):
        before, after = _at(old, n), _at(new, n)
        if before and after and before.role == after.role:
            rows = compare_texts(before.content, after.content)
            yield TurnChange("changed", after.role, i + n + 1, j + n + 1, rows)
            continue
        if before:
            yield TurnChange("removed", before.role, i + n + 1, None, _keep_side(before.content, added=False))
        if after:
            yield TurnChange("added", after.role, None, j + n + 1, _keep_side(after.content, added=True))


def _at(turns: Sequence[TurnDraft], n: int) -> TurnDraft | None:
    return turns[n] if n < len(turns) else None


def _keep_side(text: str, *, added: bool) -> list[DiffRow]:
    """Every line of a turn that only one version has."""
    rows = compare_texts("", text) if added else compare_texts(text, "")
    return [_drop_other_side(row, added=added) if row.kind in ("changed", "same") else row for row in rows]


def _drop_other_side(row: DiffRow, *, added: bool) -> DiffRow:
    """Beside one of the lines, an empty one if there is any, stands the empty line that a text without any line has."""
    if added:
        return row._replace(kind="added", left=(), left_number=None)
    return row._replace(kind="removed", right=(), right_number=None)
