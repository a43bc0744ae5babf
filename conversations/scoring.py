"""Score the turns of a version: the columns of its score, its flags, and the status that a machine gives it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from conversations import quality
from conversations.details import HEADING
from conversations.parsing import SHAPE_IN_WORDS
from conversations.quality import Asked, Flag, SpokenTurn
from conversations.states import Status
from conversations.thresholds import OF_NEW_WORKSPACES, Thresholds
from templates_app.models import TemplateVersion


def score_turns(
    turns: Sequence[SpokenTurn],
    *,
    version: TemplateVersion | None,
    thresholds: Thresholds = OF_NEW_WORKSPACES,
    flags: Sequence[str] = (),
) -> dict[str, Any]:
    """The columns that follow from the turns: score, metrics, flags, bands, counts, hash, and the status before a person decides.

    `version` is the template version that it is held to, if there is one; `thresholds` are those of its workspace;
    `flags` are those that reading the reply gave.
    """
    assessed = quality.assess(turns, asked=build_asked(version), known=quality.read_flags(flags))
    return {
        "status": choose_status(assessed.flags, assessed.score.overall, thresholds),
        "quality_score": assessed.score.overall,
        "quality_metrics": assessed.score.metrics,
        "turn_count": len(turns),
        "flags": [flag.to_json() for flag in assessed.flags],
        "flag_count": len(assessed.flags),
        "bands": assessed.bands,
        "content_hash": quality.hash_turns(turns),
    }


def build_asked(version: TemplateVersion | None) -> Asked:
    """What the template asks of its conversations. Without one neither language nor number of turns is checked."""
    if version is None:
        return Asked(language="", instructions=(HEADING, SHAPE_IN_WORDS))
    return Asked(
        language=version.language,
        variables=version.variable_names,
        instructions=(version.text, version.system_prompt, HEADING, SHAPE_IN_WORDS),
        turns_min=version.turns_min,
        turns_max=version.turns_max,
    )


def choose_status(flags: Sequence[Flag], score: Decimal, thresholds: Thresholds) -> Status:
    """The status that a machine gives to a conversation with these flags and this structure score, 0 to 10."""
    if quality.is_hard(flags):
        return Status.PENDING_REVIEW
    word = quality.choose_status(score, revision=thresholds.revision_below, review=thresholds.review_below)
    return Status(word)
