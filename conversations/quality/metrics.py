"""Measures of a text that rules can compute. What only a reader can judge has no number here. Formulas: docs/quality.md."""

import zlib
from collections.abc import Sequence

WINDOW = 50  # words, of the moving average type-token ratio
MOST_WORDS = 20_000
MOST_CHARACTERS = 200_000


def measure_vocabulary(words: Sequence[str]) -> float | None:
    """MATTR-50 (Covington, McFall 2010): different words by all words in each window of 50, averaged. None for fewer words."""
    words = words[:MOST_WORDS]
    if len(words) < WINDOW:
        return None
    # A word is the first of its kind in those windows that hold it and not its last occurrence before.
    last, total, final = dict[str, int](), 0, len(words) - WINDOW
    for at, word in enumerate(words):
        first = last.get(word, -1) + 1
        if first <= at - WINDOW:
            first = at - WINDOW + 1
        latest = at if at < final else final
        if first <= latest:
            total += latest - first + 1
        last[word] = at
    return round(total / (final + 1) / WINDOW, 3)


def measure_distinct(texts: Sequence[Sequence[str]], size: int) -> float | None:
    """Distinct-n (Li and others 2016): different runs of `size` words by all of them. None when there is none."""
    different: set[tuple[str, ...]] = set()
    for words in texts:
        different.update(zip(*(words[at:] for at in range(size)), strict=False))
    runs = sum(max(0, len(words) - size + 1) for words in texts)
    return round(len(different) / runs, 3) if runs else None


def measure_compression(texts: Sequence[str]) -> float | None:
    """Bytes of the text by bytes when it is compressed (Shaib and others 2024): the higher, the more repetition. None for no text."""
    joined = "\n".join(texts)[:MOST_CHARACTERS].encode()
    return round(len(joined) / len(zlib.compress(joined, 6)), 2) if joined else None


def compute_uniqueness(likeness: float) -> float:
    """0 to 10 with one decimal place: 10 times what is not shared with the most alike conversation (Jaccard's index 0 to 1)."""
    return round(10 * (1 - likeness), 1)
