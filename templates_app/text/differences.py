"""What changed between two versions: variables first, then the texts line by line and word by word. Pure Python."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from lib.likeness import Edit, find_edits
from templates_app.text.content import Content

CONTEXT = 3  # unchanged lines shown beside a change
# Texts that are longer than these are shown as removed and added, without details.
LONGEST_WORDS = 4_000  # characters of a pair of lines
MOST_PAIRS = 200  # pairs of lines compared word by word
MOST_COMPARED = 25_000_000  # lines of one side times lines of the other
MOST_ROWS = 2_000
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class TextRun(NamedTuple):
    """A part of a line. If it is `changed` it is marked as removed (left) or added (right)."""

    text: str
    changed: bool


class DiffRow(NamedTuple):
    """A line of both sides. `kind`: same, changed, removed, added, folded (`left_out` lines) or cut (more rows)."""

    kind: str
    left_number: int | None = None
    right_number: int | None = None
    left: tuple[TextRun, ...] = ()
    right: tuple[TextRun, ...] = ()
    left_out: int = 0


class VariableChange(NamedTuple):
    """A variable that differs. For a changed one, `fields` are (name, before, after)."""

    kind: str  # added | removed | changed | moved
    name: str
    fields: tuple[tuple[str, str, str], ...] = ()


class Difference(NamedTuple):
    """All differences between two contents. `texts` are (title, rows) of the texts that differ."""

    variables: list[VariableChange]
    settings: list[tuple[str, str, str]]
    texts: list[tuple[str, list[DiffRow]]]

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
    ("syntax", "Syntax"),
)


def compare_contents(old: Content, new: Content) -> Difference:
    pairs = [(title, getattr(old, name), getattr(new, name)) for name, title in TEXTS]
    settings = [(title, _format_setting(old, name), _format_setting(new, name)) for name, title in SETTINGS]
    return Difference(
        variables=list(find_variable_changes(old.variables, new.variables)),
        settings=[each for each in settings if each[1] != each[2]],
        texts=[(title, compare_texts(before, after)) for title, before, after in pairs if before != after],
    )


def _format_setting(content: Content, name: str) -> str:
    value = getattr(content, name)
    return "" if value is None else str(value)


def find_variable_changes(
    old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Iterator[VariableChange]:
    before = {str(each.get("name")): each for each in old}
    after = {str(each.get("name")): each for each in new}
    for name in before:
        if name not in after:
            yield VariableChange("removed", name)
    for name, definition in after.items():
        if name not in before:
            yield VariableChange("added", name, tuple(_find_field_changes({}, definition)))
        elif fields := tuple(_find_field_changes(before[name], definition)):
            yield VariableChange("changed", name, fields)
    if before.keys() == after.keys() and list(before) != list(after):
        yield VariableChange("moved", "the order of the variables")


def _find_field_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys((*before, *after)):
        if key != "name" and before.get(key) != after.get(key):
            yield key, _format_value(before.get(key)), _format_value(after.get(key))


def _format_value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(each) for each in value) if isinstance(value, list) else str(value)


def compare_texts(before: str, after: str) -> list[DiffRow]:
    """The two texts side by side. Long unchanged parts are folded."""
    old, new = before.split("\n"), after.split("\n")
    found: list[DiffRow] = []
    left_out = 0
    for kind, i, i_end, j, j_end in _find_opcodes(old, new):
        if kind == "equal":
            rows = _fold_unchanged(old, i, i_end, j)
            count = len(rows)
        else:
            count = max(i_end - i, j_end - j)
            rows = list(islice(_pair_changed(old[i:i_end], new[j:j_end], i, j), MOST_ROWS))
        shown = rows[: MOST_ROWS - len(found)]
        found += shown
        left_out += count - len(shown)
    return [*found, DiffRow("cut", left_out=left_out)] if left_out else found


def _find_opcodes(old: list[str], new: list[str]) -> list[Edit]:
    """The edits between the first and the last line that differ; one replacement if that is too much work."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    tail = next((n for n in range(shorter - head) if old[-1 - n] != new[-1 - n]), shorter - head)
    middle = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(middle[0]) * len(middle[1]) > MOST_COMPARED:
        inner = [Edit("replace", 0, len(middle[0]), 0, len(middle[1]))]
    else:
        inner = find_edits(*middle)
    moved = [Edit(kind, i + head, i_end + head, j + head, j_end + head) for kind, i, i_end, j, j_end in inner]
    first = [Edit("equal", 0, head, 0, head)] if head else []
    last = [Edit("equal", len(old) - tail, len(old), len(new) - tail, len(new))] if tail else []
    return [*first, *moved, *last]


def _fold_unchanged(old: list[str], i: int, end: int, j: int) -> list[DiffRow]:
    """The lines from `i` to before `end`; of many, those beside a change, and how many stand between them."""
    head, tail = (0 if i == 0 and j == 0 else CONTEXT), (0 if end == len(old) else CONTEXT)
    hidden = end - i - head - tail
    if hidden <= 1:
        return _list_same(old, i, end, j - i)
    folded = DiffRow("folded", left_out=hidden)
    return [*_list_same(old, i, i + head, j - i), folded, *_list_same(old, end - tail, end, j - i)]


def _list_same(old: list[str], i: int, end: int, shift: int) -> list[DiffRow]:
    return [
        DiffRow("same", n + 1, n + shift + 1, (TextRun(old[n], False),), (TextRun(old[n], False),))
        for n in range(i, end)
    ]


def _pair_changed(old: list[str], new: list[str], i: int, j: int) -> Iterator[DiffRow]:
    for n in range(max(len(old), len(new))):
        if n >= len(new):
            yield DiffRow("removed", left_number=i + n + 1, left=(TextRun(old[n], True),))
        elif n >= len(old):
            yield DiffRow("added", right_number=j + n + 1, right=(TextRun(new[n], True),))
        else:
            left, right = (
                compare_lines(old[n], new[n]) if n < MOST_PAIRS else _mark_all_changed(old[n], new[n])
            )
            yield DiffRow("changed", i + n + 1, j + n + 1, left, right)


def compare_lines(before: str, after: str) -> tuple[tuple[TextRun, ...], tuple[TextRun, ...]]:
    """Two versions of a line, in which the words that differ are marked."""
    if len(before) + len(after) > LONGEST_WORDS:
        return _mark_all_changed(before, after)
    old, new = _WORD.findall(before), _WORD.findall(after)
    left: list[TextRun] = []
    right: list[TextRun] = []
    for kind, i, i_end, j, j_end in find_edits(old, new):
        changed = kind != "equal"
        left += [TextRun("".join(old[i:i_end]), changed)] if i < i_end else []
        right += [TextRun("".join(new[j:j_end]), changed)] if j < j_end else []
    return tuple(left), tuple(right)


def _mark_all_changed(before: str, after: str) -> tuple[tuple[TextRun, ...], tuple[TextRun, ...]]:
    return (TextRun(before, True),), (TextRun(after, True),)
