"""TRL's preference pairs: an approved answer and another one to the same conversation up to there."""

from collections.abc import Iterable

from exports.formats.messages import make_messages
from exports.formats.records import Pair, Turn
from exports.formats.writing import FormatOptions, Row

SAME = "Both versions have the same turns."
NOT_AN_ANSWER = "The versions differ first in a turn of the user."
SHORTER = "One version is the beginning of the other."
NO_QUESTION = "No turn of the user stands before the answer that differs."


def make_rows(pair: Pair, options: FormatOptions) -> Iterable[Row] | str:
    """{"prompt": [...], "chosen": [an answer], "rejected": [another answer]}, or why there is no such row."""
    divided = divide(pair)
    if isinstance(divided, str):
        return divided
    prompt, chosen, rejected = divided
    return (
        {
            "prompt": make_messages(prompt, pair, options),
            "chosen": [{"role": chosen.role, "content": chosen.content}],
            "rejected": [{"role": rejected.role, "content": rejected.content}],
        },
    )


def divide(pair: Pair) -> tuple[tuple[Turn, ...], Turn, Turn] | str:
    """What both versions have in common, and the answers in which they differ first; or why there is no such pair."""
    at = _find_difference(pair)
    if at == min(len(pair.chosen), len(pair.rejected)):
        return SAME if len(pair.chosen) == len(pair.rejected) else SHORTER
    chosen, rejected = pair.chosen[at], pair.rejected[at]
    if chosen.role != "assistant" or rejected.role != "assistant":
        return NOT_AN_ANSWER
    if not at or pair.chosen[at - 1].role != "user":
        return NO_QUESTION
    return pair.chosen[:at], chosen, rejected


def _find_difference(pair: Pair) -> int:
    """The place of the first turn that differs; the shorter one's length if there is none."""
    both = zip(pair.chosen, pair.rejected, strict=False)
    same = ((one.role, one.content) == (other.role, other.content) for one, other in both)
    return next((at for at, equal in enumerate(same) if not equal), min(len(pair.chosen), len(pair.rejected)))
