"""Turns that say the same as an earlier one, whoever said it."""

import re
from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn

ALIKE = 90.0  # of 100, see `fuzz.ratio` of rapidfuzz: 2 * common characters / all characters
SHORTEST = 30  # letters and digits; people do say "Yes, please." twice
# Only so much of a turn is compared, and only so many earlier turns, so that the longest conversation takes half a second.
LONGEST_COMPARED = 600
MOST_COMPARED = 60
_NOT_SAID = re.compile(r"[\W_]+")


def find_repetition(turns: Sequence[PreparedTurn]) -> Iterator[Flag]:
    """A flag for each turn of which nine tenths stand in an earlier turn. Case, blanks and punctuation do not count."""
    earlier: list[str] = []
    seen: set[str] = set()
    for turn in turns:
        said = _NOT_SAID.sub("", turn.plain)
        if len(said) < SHORTEST:
            continue
        if said in seen or _is_like_one(said, earlier[-MOST_COMPARED:]):
            yield Flag("repeated_turn", turn.number, cut_quote(turn.content, 0, 0))
        seen.add(said)
        earlier.append(said)


def _is_like_one(said: str, earlier: Sequence[str]) -> bool:
    near = [each for each in earlier if abs(len(each) - len(said)) <= len(said) // 5]
    return any(
        fuzz.ratio(said[:LONGEST_COMPARED], each[:LONGEST_COMPARED], score_cutoff=ALIKE) for each in near
    )
