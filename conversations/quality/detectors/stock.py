"""Stock phrases: what language models say more often than people do. One of them is nothing; several make a conversation stale.

A phrase counts once in a conversation. One that hardly a person says is worth 2 points, a usual one 1, one that people say
as well 0.5. From POINTS on, the conversation is flagged.
"""

from collections.abc import Sequence

from conversations.quality.detectors.phrases import read_phrases
from conversations.quality.flags import LONGEST_QUOTE, Flag
from conversations.quality.prepared import PreparedTurn

POINTS = 2.0


def find_stock_phrases(turns: Sequence[PreparedTurn]) -> list[Flag]:
    """One flag, at the turn with the most points, with the phrases of the whole conversation as its quote. English only."""
    found: dict[str, float] = {}
    by_turn: dict[int, float] = {}
    counted: set[int] = set()
    for turn in (each for each in turns if each.role == "assistant"):
        for phrases in read_phrases("stock").find_lists(turn):
            if id(phrases) not in counted and (match := phrases.search(turn)):
                counted.add(id(phrases))
                found[match[0].strip(" .!?,\n")] = phrases.points
                by_turn[turn.number] = by_turn.get(turn.number, 0.0) + phrases.points
    if sum(found.values()) < POINTS:
        return []
    worst = max(by_turn, key=lambda number: (by_turn[number], -number))
    strongest = sorted(found, key=lambda phrase: -found[phrase])
    return [Flag("stock_phrases", worst, "; ".join(strongest)[:LONGEST_QUOTE])]
