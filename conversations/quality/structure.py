"""The structure score of a conversation: three simple measures of its form, and none of its meaning.

The formula is in section 7 of the product page. The score says little about a well-formed conversation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

FORMULA_VERSION = "structure-1"
TURN_COUNT_WEIGHT = Decimal("0.4")
LENGTH_WEIGHT = Decimal("0.3")
STRUCTURE_WEIGHT = Decimal("0.3")
# (lowest, highest, score): the first band that contains the value counts. The bounds belong to the band.
TURN_COUNT_BANDS = ((8, 16, 10), (6, 20, 7), (4, 24, 5))
LENGTH_BANDS = ((100, 500, 10), (50, 800, 7))


class SpokenTurn(Protocol):
    """Anything with a role and a content: a parsed turn or a stored one."""

    @property
    def role(self) -> str: ...

    @property
    def content(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Score:
    """`overall` is from 0.0 to 10.0 with one decimal place; `metrics` can be stored as JSON."""

    overall: Decimal
    metrics: dict[str, Any]


def score(turns: Sequence[SpokenTurn]) -> Score:
    """The score of these turns. The same turns always give the same score. The length is the mean in characters."""
    total = sum(len(turn.content) for turn in turns)
    count_score = _turn_count_score(len(turns))
    length_score = _length_score(total, len(turns))
    structure_score = _structure_score(turns)
    overall = (
        TURN_COUNT_WEIGHT * count_score + LENGTH_WEIGHT * length_score + STRUCTURE_WEIGHT * structure_score
    )
    metrics = {
        "formula": FORMULA_VERSION,
        "turn_count": len(turns),
        "mean_length": round(total / len(turns), 1) if turns else 0.0,
        "turn_count_score": count_score,
        "length_score": length_score,
        "structure_score": structure_score,
    }
    return Score(overall.quantize(Decimal("0.1"), rounding=ROUND_HALF_UP), metrics)


def choose_status(
    overall: Decimal, *, revision: Decimal = Decimal("6.0"), review: Decimal = Decimal("8.0")
) -> str:
    """The status of a new conversation by its score. A score at a threshold counts as above it."""
    if overall < revision:
        return "needs_revision"
    return "pending_review" if overall < review else "generated"


def _turn_count_score(count: int) -> int:
    return next((points for low, high, points in TURN_COUNT_BANDS if low <= count <= high), 3)


def _length_score(total: int, count: int) -> int:
    # Compared without dividing, so that a mean of exactly 500 is never 500.0000001.
    bands = LENGTH_BANDS if count else ()
    return next((points for low, high, points in bands if low * count <= total <= high * count), 4)


def _structure_score(turns: Sequence[SpokenTurn]) -> int:
    if not turns:
        return 0
    alternates = all(turn.role == ("user", "assistant")[at % 2] for at, turn in enumerate(turns))
    return 10 if alternates else 5
