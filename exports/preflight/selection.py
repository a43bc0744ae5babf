"""The rules that compare conversations with one another: repeated ones, and those that two splits share."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from conversations.quality.diversity import Diversity, measure_diversity
from exports.formats import Example, Turn
from exports.formats.repairs import repair_record
from exports.preflight.report import Limits

# Evenly spread conversations whose diversity is measured. Measuring takes some ten bytes for each of their characters.
MOST_SAMPLED = 500
MOST_CHARACTERS = 2_000_000  # of all of them together
MOST_OF_ONE = 20_000  # characters of one conversation


class Seen:
    """What was seen so far. It keeps numbers of 60 bits for content, id and group: some 250 bytes a conversation."""

    def __init__(self, limits: Limits) -> None:
        self._splits = limits.splits
        self._ids: set[int] = set()
        # Number of a content or a group to the split in which it was seen first.
        self._contents: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._pairs: dict[int, str] = {}

    def check(self, example: Example, written: Sequence[Example]) -> Iterator[str]:
        """The names of the rules that this conversation breaks beside those before it. Call it once for each.

        `written`: what its row holds, see `list_written`. Rows of a pair are equal only where both sides are, and pairs of one
        conversation share the approved side as a matter of course.
        """
        split = str(example.metadata.get("split") or "")
        if self._splits and split not in self._splits:
            yield "no_split"
        id = _hash(example.id)
        if id in self._ids:
            yield "repeated_id"
        self._ids.add(id)
        same = _remember(self._contents, hash_turns(example.turns), split)
        repeated = same is not None
        if len(written) != 1:  # a pair
            row = sum((side.turns for side in written), ())
            repeated = bool(row) and _remember(self._pairs, hash_turns(row), split) is not None
        group = example.metadata.get("group")
        alike = None if group is None else _remember(self._groups, _hash(str(group)), split)
        if repeated:
            yield "duplicates"
        elif alike is not None and same is None:
            yield "near_duplicates"
        if self._splits and not {same, alike} <= {None, split}:
            yield "split_leak"


class Sample:
    """Evenly spread conversations of a stream whose length is not known: every first, then every second, every fourth, ..."""

    def __init__(self) -> None:
        self._held: list[Sequence[Turn]] = []
        self._step, self._seen, self._characters = 1, 0, 0

    def add(self, example: Example) -> None:
        if self._seen % self._step == 0:
            turns = _cut(repair_record(example, Counter(), metadata=False).turns)
            self._held.append(turns)
            self._characters += _count_characters(turns)
        self._seen += 1
        while len(self._held) > MOST_SAMPLED or self._characters > MOST_CHARACTERS:
            self._held = self._held[::2]
            self._step *= 2
            self._characters = sum(map(_count_characters, self._held))

    def measure(self) -> Diversity | None:
        return measure_diversity(self._held) if self._held else None


def hash_turns(turns: Sequence[Turn]) -> int:
    """60 bits of the roles and texts. Among a million conversations two have the same by chance once in two million cases."""
    return _hash("".join([f"{turn.role} {len(turn.content)} {turn.content}" for turn in turns]))


def _hash(text: str) -> int:
    """The first 60 bits of SHA-256, which most processors compute by themselves. Python stores 64 bits in more memory."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]) >> 4


def _cut(turns: Sequence[Turn]) -> list[Turn]:
    """The first MOST_OF_ONE characters of a conversation."""
    kept, left = [], MOST_OF_ONE
    for turn in turns:
        kept.append(turn._replace(content=turn.content[:left]))
        left -= len(kept[-1].content)
    return kept


def _count_characters(turns: Sequence[Turn]) -> int:
    return sum(len(turn.content) for turn in turns)


def _remember(seen: dict[int, str], number: int, split: str) -> str | None:
    """The split in which the number was seen first; None if it was not. Then it is remembered with this one."""
    found = seen.get(number)
    if found is None:
        seen[number] = split
    return found
