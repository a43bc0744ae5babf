"""The rules that compare conversations with one another: repeated ones, and those that two splits share."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from conversations.quality.diversity import Diversity, measure_diversity
from exports.formats import Example, Turn
from exports.formats.repairs import repair_record
from exports.preflight.report import Limits

# Evenly spread conversations whose diversity is measured.
MOST_SAMPLED = 500


class Seen:
    """What was seen so far. It keeps numbers of 64 bits for content, id and group: some 300 bytes a conversation."""

    def __init__(self, limits: Limits) -> None:
        self._splits = limits.splits
        self._ids: set[int] = set()
        # Number of a content or a group to the split in which it was seen first.
        self._contents: dict[int, str] = {}
        self._groups: dict[int, str] = {}

    def check(self, example: Example) -> Iterator[str]:
        """The names of the rules that this conversation breaks beside those before it. Call it once for each."""
        split = str(example.metadata.get("split") or "")
        if self._splits and split not in self._splits:
            yield "no_split"
        id = _hash(example.id)
        if id in self._ids:
            yield "repeated_id"
        self._ids.add(id)
        same = _remember(self._contents, hash_turns(example.turns), split)
        group = example.metadata.get("group")
        alike = None if group is None else _remember(self._groups, _hash(str(group)), split)
        if same is not None:
            yield "duplicates"
        elif alike is not None:
            yield "near_duplicates"
        if self._splits and not {same, alike} <= {None, split}:
            yield "split_leak"


class Sample:
    """Evenly spread conversations of a stream whose length is not known: every first, then every second, every fourth, ..."""

    def __init__(self) -> None:
        self._held: list[Sequence[Turn]] = []
        self._step, self._seen = 1, 0

    def add(self, example: Example) -> None:
        if self._seen % self._step == 0:
            self._held.append(repair_record(example, Counter(), metadata=False).turns)
        self._seen += 1
        if len(self._held) > MOST_SAMPLED:
            self._held = self._held[::2]
            self._step *= 2

    def measure(self) -> Diversity | None:
        return measure_diversity(self._held) if self._held else None


def hash_turns(turns: Sequence[Turn]) -> int:
    """64 bits of the roles and texts. Among a million conversations two have the same by chance once in 37 million cases."""
    digest = hashlib.blake2b(digest_size=8)
    for turn in turns:
        content = turn.content.encode("utf-8", "surrogatepass")
        digest.update(f"{turn.role} {len(content)} ".encode() + content)
    return int.from_bytes(digest.digest())


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _remember(seen: dict[int, str], number: int, split: str) -> str | None:
    """The split in which the number was seen first; None if it was not. Then it is remembered with this one."""
    found = seen.get(number)
    if found is None:
        seen[number] = split
    return found
