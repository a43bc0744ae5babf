"""Which conversation goes into which split. Pure: the same groups and the same seed give the same splits, on any day.

A group is what must not be divided: the versions of one conversation with their near-duplicates. Its split follows from a hash
of the seed and of the group's key, and from nothing else. So the order of the rows does not matter, and what is added later moves
no group. Each tier and each persona gets its share on average; how many there are in each cell is counted, and people see it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from exports.models.states import Split

_SPAN = 1 << 64


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much is set aside, in percent of the groups; the rest is for training."""

    validation: int = 0
    test: int = 0
    seed: int = 0


def choose_split(group: UUID, shares: Shares) -> Split:
    at = 100 * _draw(group, seed=shares.seed) / _SPAN
    if at < shares.test:
        return Split.TEST
    return Split.VALIDATION if at < shares.test + shares.validation else Split.TRAIN


def _draw(key: UUID, *, seed: int) -> int:
    """A number below 2**64 that looks random, the same for the same key and seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8])


def find_group(root: UUID, alike: Mapping[UUID, UUID]) -> UUID:
    """The group of a chain of versions, by the key of its oldest member.

    `alike`: for each chain that is nearly the same as an earlier one, that one. A later chain only adds a leaf to this forest, so
    no group ever grows together with another. Where two chains each name the other, the smaller key stands for both.
    """
    way = [root]
    while (earlier := alike.get(way[-1])) is not None:
        if earlier in way:
            return min(way[way.index(earlier) :])
        way.append(earlier)
    return way[-1]


@dataclass(frozen=True, slots=True)
class Choice:
    """A conversation that was found: its key, its group, and its cell (tier, persona)."""

    key: UUID
    group: UUID
    cell: tuple[str, str]


def cap_cells(found: Iterable[Choice], most: int, *, seed: int) -> set[UUID]:
    """The keys that stay when no cell may have more than `most`: always the same ones, whatever the order."""
    cells: dict[tuple[str, str], list[Choice]] = defaultdict(list)
    for each in found:
        cells[each.cell].append(each)
    kept: set[UUID] = set()
    for choices in cells.values():
        ordered = sorted(
            choices, key=lambda each: (_draw(each.group, seed=seed), _draw(each.key, seed=seed), each.key)
        )
        kept.update(each.key for each in ordered[:most])
    return kept
