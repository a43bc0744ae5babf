"""Find a quote in the turns that it is taken from. What models change while they copy is read over; words must be there.

Read over are: case, blanks and line breaks, the form of quotation marks and dashes, Markdown's emphasis, quotation marks
around the whole, a label such as "Turn 3:" before it, punctuation at its end. An omission mark (... or [...]) stands for
words that were left out: the parts must follow one another in the same turn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from conversations.parsing import TurnDraft

LEAST_LETTERS = 2  # letters and digits, below which a quote proves nothing
LONGEST_QUOTE = 2_000  # characters that are looked for
MOST_PARTS = 8
OMISSION = " … "
_SAME = str.maketrans(
    {
        **dict.fromkeys("“”„«»‟″", '"'),
        **dict.fromkeys("‘’‚‹›`´′", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
_DROPPED = "*_\u00ad\u200b\u200c\u200d\u2060\ufeff"
_OMISSION = re.compile(r"\s*(?:\[\s*(?:\.{3,}|…)\s*\]|\.{3,}|…)\s*")
_LABEL = re.compile(r"^\s*(?:\[?turn\s+\d+\]?|user|assistant)\s*[:,]\s*", re.IGNORECASE)
_AROUND = " \t\n\"'“”„«»‘’‚‹›"
_AT_END = " .,;:…"


@dataclass(frozen=True)
class FoundQuote:
    """Where a quote stands: the number of the turn, from 1, and the passage as it is written there."""

    turn_number: int
    text: str


@dataclass(frozen=True)
class _Folded:
    """A text in the form in which quotes are compared. `places`: where each of its characters stands in the original."""

    text: str
    places: Sequence[int]


def find_quote(quote: str, turns: Sequence[TurnDraft]) -> FoundQuote | None:
    """The passage that the quote means, in the first turn that has it; None when it is nowhere."""
    wanted = [_LABEL.sub("", quote.strip(_AROUND)).strip(_AROUND), quote.strip()]
    if len(quote) > LONGEST_QUOTE:
        return None
    folded = [_fold(turn.content) for turn in turns]
    for text in dict.fromkeys(wanted):
        for parts in ([text], _OMISSION.split(text)[:MOST_PARTS]):
            needles = [found for part in parts if (found := _fold(part.strip(_AROUND)).text.strip(_AT_END))]
            if not needles or not all(map(_says_something, needles)):
                continue
            for number, (turn, within) in enumerate(zip(turns, folded, strict=True), start=1):
                if spans := _locate(needles, within):
                    passages = [turn.content[start:end].strip() for start, end in spans]
                    return FoundQuote(number, OMISSION.join(passages))
    return None


def _says_something(text: str) -> bool:
    return sum(each.isalnum() for each in text) >= LEAST_LETTERS


def _fold(text: str) -> _Folded:
    letters: list[str] = []
    places: list[int] = []
    for place, each in enumerate(text):
        if each in _DROPPED:
            continue
        if each.isspace():
            if letters and letters[-1] != " ":
                letters.append(" ")
                places.append(place)
            continue
        for one in each.translate(_SAME).casefold():
            letters.append(one)
            places.append(place)
    return _Folded("".join(letters), places)


def _locate(needles: Sequence[str], within: _Folded) -> list[tuple[int, int]]:
    """The place of each part in the original, in order; empty when one is missing."""
    spans, at = [], 0
    for needle in needles:
        start = _find_words(needle, within.text, at)
        if start < 0:
            return []
        at = start + len(needle)
        spans.append((within.places[start], within.places[at - 1] + 1))
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    return spans


def _find_words(needle: str, text: str, at: int) -> int:
    """Where the needle begins and ends between words: "no" does not stand in "know". -1 for nowhere."""
    start = text.find(needle, at)
    while start >= 0:
        if not _is_inside_word(text, start) and not _is_inside_word(text, start + len(needle)):
            return start
        start = text.find(needle, start + 1)
    return -1


def _is_inside_word(text: str, at: int) -> bool:
    """Whether letters stand on both sides of a place, in a script that separates words by blanks."""
    around = text[max(0, at - 1) : at + 1]
    return len(around) == 2 and all(each.isalnum() and each < "\u0e00" for each in around)
