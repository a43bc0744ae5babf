"""Refusals of the assistant: it declines to answer at all.

A sentence that names the condition under which it would answer ("I can't say without the balance") is no refusal, and neither
is one about something else than answering ("I can't promise returns").
"""

import re
from collections.abc import Iterable, Iterator

from conversations.quality.detectors.phrases import read_phrases
from conversations.quality.flags import Flag, cut_quote
from conversations.quality.prepared import PreparedTurn

_UNLESS = re.compile(
    r"^[^.?!\n]{0,120}\b(?:without|until|unless|before you|before i|before we|yet\b|from here|over the phone)"
)


def find_refusals(turns: Iterable[PreparedTurn]) -> Iterator[Flag]:
    """A flag for each turn of the assistant that declines."""
    for turn in turns:
        if turn.role != "assistant":
            continue
        for phrases in read_phrases("refusals").find_lists(turn):
            found = next((each for each in phrases.find_all(turn) if not _is_conditional(turn, each)), None)
            if found is not None:
                yield Flag("refusal", turn.number, cut_quote(turn.content, found.start(), found.end()))
                break


def _is_conditional(turn: PreparedTurn, found: re.Match[str]) -> bool:
    """Whether the rest of its sentence says under which condition it would answer."""
    if turn.plain[found.end() - 1 : found.end()] in (".", "!"):
        return False
    return bool(_UNLESS.match(turn.plain[found.end() : found.end() + 140]))
