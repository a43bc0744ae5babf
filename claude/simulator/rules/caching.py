"""Prompt caching: which prefixes were written when, and what a request reads and writes.

A prefix is identified by the hash of everything up to a block. Writes happen only at marks; a mark looks back over at most
20 blocks for an earlier write of the same lifetime; a prefix below the model's minimum is not cached, without an error.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from claude.simulator.rules.prefix import Block

LOOK_BACK = 20
SECONDS = {"5m": 300, "1h": 3600}
SWEEP_ABOVE = 10_000

Key = tuple[bytes, str]


@dataclass(frozen=True, kw_only=True)
class Split:
    """The tokens of one prompt, by how they are billed. `input_tokens` are those after the last cache mark."""

    input_tokens: int
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    used: tuple[Key, ...] = ()

    @property
    def written(self) -> int:
        return self.write_5m + self.write_1h

    @property
    def limited(self) -> int:
        """The tokens that count for the limit of input tokens; cache reads do not."""
        return self.input_tokens + self.written


class PrefixCache:
    """The cached prefixes. Times are seconds of the simulated clock. A lifetime starts with the request that used the entry."""

    def __init__(self) -> None:
        self._until: dict[Key, float] = {}

    def split(self, blocks: Sequence[Block], *, scope: str, minimum: int, now: float) -> Split:
        """What this prompt reads and would write. `scope`: model and workspace; prefixes are not shared between scopes."""
        total = blocks[-1].through
        marks = [index for index, block in enumerate(blocks) if block.mark and block.through >= minimum]
        if not marks:
            return Split(input_tokens=total)
        keys = _chain(blocks, scope)
        hit = max((self._hit(mark, blocks, keys, now) for mark in marks), key=lambda found: found[0])
        read = blocks[hit[0]].through if hit[0] >= 0 else 0
        written, reached, used = {"5m": 0, "1h": 0}, read, list(hit[1:])
        for mark in (mark for mark in marks if mark > hit[0]):
            lifetime = blocks[mark].mark or ""
            written[lifetime] += blocks[mark].through - reached
            reached = blocks[mark].through
            used.append((keys[mark], lifetime))
        return Split(
            input_tokens=total - reached,
            write_5m=written["5m"],
            write_1h=written["1h"],
            read=read,
            used=tuple(used),
        )

    def keep(self, split: Split, *, started: float) -> None:
        """Store what this request writes. Called when its response begins; from then on other requests can read it."""
        if len(self._until) > SWEEP_ABOVE:
            self._until = {key: until for key, until in self._until.items() if until > started}
        for key in split.used:
            self._until[key] = max(started + SECONDS[key[1]], self._until.get(key, 0))

    def clear(self) -> None:
        self._until.clear()

    def _hit(
        self, mark: int, blocks: Sequence[Block], keys: Sequence[bytes], now: float
    ) -> tuple[int, *tuple[Key, ...]]:
        lifetime = blocks[mark].mark or ""
        for index in range(mark, max(-1, mark - LOOK_BACK), -1):
            key = (keys[index], lifetime)
            if self._until.get(key, now) > now:
                return index, key
        return (-1,)


def _chain(blocks: Sequence[Block], scope: str) -> list[bytes]:
    """One key for each block: the hash of everything up to it."""
    keys, seen = [], hashlib.sha256(scope.encode())
    for block in blocks:
        seen.update(hashlib.sha256(block.content.encode()).digest())
        keys.append(seen.digest())
    return keys
