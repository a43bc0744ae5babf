"""What changed between two versions: variables first, then the texts line by line and word by word. Pure Python."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from templates_app.text.content import Content

CONTEXT = 3  # unchanged lines shown beside a change
# difflib is quadratic: what is longer than these is shown as taken out and put in, not compared further.
LONGEST_WORDS = 4_000  # characters of a pair of lines
MOST_PAIRS = 200  # pairs of lines compared word by word
MOST_COMPARED = 4_000_000  # lines of one side times lines of the other
MOST_ROWS = 2_000
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Words(NamedTuple):
    """A run of a line: `changed` is marked as taken out (left) or put in (right)."""

    text: str
    changed: bool


class Row(NamedTuple):
    """One line of both sides. `kind`: same, changed, removed, added, folded (`left_out` unchanged lines) or cut (more rows)."""

    kind: str
    left_number: int | None = None
    right_number: int | None = None
    left: tuple[Words, ...] = ()
    right: tuple[Words, ...] = ()
    left_out: int = 0


class VariableChange(NamedTuple):
    """One variable that differs; `fields` are (name, before, after) for one that was changed."""

    kind: str  # added | removed | changed | moved
    name: str
    fields: tuple[tuple[str, str, str], ...] = ()


class Difference(NamedTuple):
    """Everything between two contents; `texts` are (title, rows) of those that differ."""

    variables: list[VariableChange]
    settings: list[tuple[str, str, str]]
    texts: list[tuple[str, list[Row]]]

    @property
    def is_empty(self) -> bool:
        return not (self.variables or self.settings or self.texts)


TEXTS = (
    ("text", "Text"),
    ("system_prompt", "System prompt"),
    ("training_system_prompt", "Training system prompt"),
)
SETTINGS = (
    ("language", "Language"),
    ("model", "Model"),
    ("turns_min", "Fewest turns"),
    ("turns_max", "Most turns"),
)


def difference(old: Content, new: Content) -> Difference:
    pairs = [(title, getattr(old, name), getattr(new, name)) for name, title in TEXTS]
    settings = [(title, _setting(old, name), _setting(new, name)) for name, title in SETTINGS]
    return Difference(
        variables=list(variable_changes(old.variables, new.variables)),
        settings=[each for each in settings if each[1] != each[2]],
        texts=[(title, rows(before, after)) for title, before, after in pairs if before != after],
    )


def _setting(content: Content, name: str) -> str:
    value = getattr(content, name)
    return "" if value is None else str(value)


def variable_changes(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Iterator[VariableChange]:
    before = {str(each.get("name")): each for each in old}
    after = {str(each.get("name")): each for each in new}
    for name in before.keys() - after.keys():
        yield VariableChange("removed", name)
    for name, definition in after.items():
        if name not in before:
            yield VariableChange("added", name, tuple(_fields({}, definition)))
        elif fields := tuple(_fields(before[name], definition)):
            yield VariableChange("changed", name, fields)
    if before.keys() == after.keys() and list(before) != list(after):
        yield VariableChange("moved", "the order of the variables")


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys((*before, *after)):
        if key != "name" and before.get(key) != after.get(key):
            yield key, _shown(before.get(key)), _shown(after.get(key))


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)


def rows(before: str, after: str) -> list[Row]:
    """The two texts side by side; long unchanged stretches are folded."""
    old, new = before.split("\n"), after.split("\n")
    found: list[Row] = []
    for kind, i, i_end, j, j_end in _opcodes(old, new):
        if kind == "equal":
            found += _same(old[i:i_end], i, j, first=i == 0 and j == 0, last=i_end == len(old))
        else:
            found += _replaced(old[i:i_end], new[j:j_end], i, j)
    if len(found) > MOST_ROWS:
        return [*found[:MOST_ROWS], Row("cut", left_out=len(found) - MOST_ROWS)]
    return found


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    """difflib's, between the first and the last line that differ; one replacement where that is too much."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle[0]) * len(middle[1]) > MOST_COMPARED:
        inner = [("replace", 0, len(middle[0]), 0, len(middle[1]))]
    else:
        inner = list(SequenceMatcher(None, *middle, autojunk=False).get_opcodes())
    moved = [(kind, i + head, i_end + head, j + head, j_end + head) for kind, i, i_end, j, j_end in inner]
    first = [("equal", 0, head, 0, head)] if head else []
    last = [("equal", len(old) - tail, len(old), len(new) - tail, len(new))] if tail else []
    return [*first, *moved, *last]


def _same(lines: list[str], i: int, j: int, *, first: bool, last: bool) -> list[Row]:
    rows = [
        Row("same", i + n + 1, j + n + 1, (Words(line, False),), (Words(line, False),))
        for n, line in enumerate(lines)
    ]
    head, tail = (0 if first else CONTEXT), (0 if last else CONTEXT)
    hidden = len(rows) - head - tail
    if hidden <= 1:
        return rows
    return [*rows[:head], Row("folded", left_out=hidden), *rows[len(rows) - tail :]]


def _replaced(old: list[str], new: list[str], i: int, j: int) -> Iterator[Row]:
    for n in range(max(len(old), len(new))):
        if n >= len(new):
            yield Row("removed", left_number=i + n + 1, left=(Words(old[n], True),))
        elif n >= len(old):
            yield Row("added", right_number=j + n + 1, right=(Words(new[n], True),))
        else:
            left, right = words(old[n], new[n]) if n < MOST_PAIRS else _plain(old[n], new[n])
            yield Row("changed", i + n + 1, j + n + 1, left, right)


def words(before: str, after: str) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    """Two versions of a line, with the words that differ marked."""
    if len(before) + len(after) > LONGEST_WORDS:
        return _plain(before, after)
    old, new = _WORD.findall(before), _WORD.findall(after)
    left: list[Words] = []
    right: list[Words] = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        changed = kind != "equal"
        left += [Words("".join(old[i:i_end]), changed)] if i < i_end else []
        right += [Words("".join(new[j:j_end]), changed)] if j < j_end else []
    return tuple(left), tuple(right)


def _plain(before: str, after: str) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    return (Words(before, True),), (Words(after, True),)
