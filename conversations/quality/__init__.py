"""The quality of a conversation as far as rules can tell: structure score, metrics and flags. Pure Python, offline, deterministic.

`scoring` is the way of a conversation, top to bottom; `detectors` find the flags in the turns. docs/quality.md has the formulas.
"""

from conversations.quality.flags import KINDS, Flag, Kind, is_hard, read_flags
from conversations.quality.hashing import hash_turns
from conversations.quality.scoring import SCORER_VERSION, Asked, Assessment, assess
from conversations.quality.structure import (
    FORMULA_VERSION,
    LENGTH_WEIGHT,
    STRUCTURE_WEIGHT,
    TURN_COUNT_WEIGHT,
    Score,
    SpokenTurn,
    choose_status,
    score,
)

__all__ = [
    "FORMULA_VERSION",
    "KINDS",
    "LENGTH_WEIGHT",
    "SCORER_VERSION",
    "STRUCTURE_WEIGHT",
    "TURN_COUNT_WEIGHT",
    "Asked",
    "Assessment",
    "Flag",
    "Kind",
    "Score",
    "SpokenTurn",
    "assess",
    "choose_status",
    "hash_turns",
    "is_hard",
    "read_flags",
    "score",
]
