"""How alike two conversations are, and 32 numbers by which the alike ones are found among many.

Two texts are compared by their shingles, the runs of five words: Jaccard's index is the number of shingles in both by the
number in either. One-permutation MinHash (Li, Owen, Zhang 2012) with densification (Shrivastava, Li 2014) makes 192 numbers of
them; each six in a row make a band. Two texts with an index J share a band with probability 1 - (1 - J**6)**32: 0.98 at 0.7,
0.78 at 0.6, 0.02 at 0.3. What shares a band is a candidate and is compared by its shingles themselves.
"""

import struct
import zlib
from collections.abc import Sequence

from conversations.quality.prepared import join_words, prepare
from conversations.quality.structure import SpokenTurn

SIGNATURE_VERSION = 1  # a part of each band, so that those of another version never meet
SHINGLE = 5  # words
BANDS, ROWS = 32, 6
BINS = BANDS * ROWS
NEAR = 0.6  # from this index on, two conversations are near-duplicates
MOST_WORDS = 50_000
_EMPTY = 1 << 64
_MASK = (1 << 64) - 1
_MIX = 0x9E3779B97F4A7C15  # 2**64 by the golden ratio, odd: multiplying by it spreads the bits of a checksum
_STEP = 0x2545F491  # what is added to a value for each bin that it was borrowed over


def make_shingles(words: Sequence[str]) -> set[int]:
    """The checksums of a text's runs of five words; of the whole text when it is shorter. Empty for no words."""
    words = words[:MOST_WORDS]
    if not words:
        return set()
    crc, joined = zlib.crc32, [word.encode() + b" " for word in words]
    runs = zip(*(joined[at:] for at in range(SHINGLE)), strict=False)
    found = {crc(b"".join(run)) for run in runs}
    return found or {crc(b"".join(joined))}


def read_shingles(turns: Sequence[SpokenTurn]) -> set[int]:
    """The shingles of a conversation: those of all its turns in order, one after the other."""
    return make_shingles(join_words(prepare(turns)))


def make_bands(shingles: set[int]) -> list[int]:
    """32 signed 32-bit numbers; none for no shingles. The same shingles always give the same numbers."""
    if not shingles:
        return []
    signature = _densify(_find_minima(shingles))
    packed = struct.pack(f">{BINS}Q", *signature)
    size = ROWS * 8
    return [_hash_band(number, packed[number * size : (number + 1) * size]) for number in range(BANDS)]


def compute_likeness(one: set[int], other: set[int]) -> float:
    """Jaccard's index of two sets of shingles, from 0 to 1."""
    if not one or not other:
        return 0.0
    both = len(one & other)
    return both / (len(one) + len(other) - both)


def _find_minima(shingles: set[int]) -> list[int]:
    """The smallest value of each bin. One hash function is enough: its lower bits choose the bin, the others are the value."""
    minima = [_EMPTY] * BINS
    for shingle in shingles:
        mixed = (shingle * _MIX) & _MASK
        mixed ^= mixed >> 29
        at = (mixed >> 40) % BINS
        if mixed < minima[at]:
            minima[at] = mixed
    return minima


def _densify(minima: list[int]) -> list[int]:
    """An empty bin borrows from the next one that is not, and adds how far that is."""
    filled, distance, last = list(minima), 0, _EMPTY
    for at in range(2 * BINS - 1, -1, -1):
        value = minima[at % BINS]
        if value != _EMPTY:
            last, distance = value, 0
        else:
            distance += 1
            filled[at % BINS] = (last + distance * _STEP) & _MASK if last != _EMPTY else _EMPTY
    return [value & _MASK for value in filled]


def _hash_band(number: int, packed: bytes) -> int:
    value = zlib.crc32(packed, zlib.crc32(struct.pack(">BB", SIGNATURE_VERSION, number)))
    return value - (1 << 32) if value >= 1 << 31 else value
