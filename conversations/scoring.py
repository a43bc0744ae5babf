"""Score the turns of a version: the columns of its score, its flags, and the status that a machine gives it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings

from conversations import quality
from conversations.quality import SpokenTurn
from conversations.states import Status
from templates_app.models import TemplateVersion

TURN_RANGE = "turn_range"  # the flag of a conversation with fewer or more turns than its template asks for


def score_turns(
    turns: Sequence[SpokenTurn], *, version: TemplateVersion | None, flags: Sequence[str] = ()
) -> dict[str, Any]:
    """The columns that follow from the turns: score, metrics, flags, counts, and the status before a person decides.

    `version` is the template version that it is held to, if there is one; `flags` are those that reading the reply gave.
    """
    measured = quality.score(turns)
    found = [*flags, *find_turn_flags(len(turns), version)]
    return {
        "status": _choose_status(measured),
        "quality_score": measured.overall,
        "quality_metrics": measured.metrics,
        "turn_count": len(turns),
        "flags": found,
        "flag_count": len(found),
    }


def find_turn_flags(count: int, version: TemplateVersion | None) -> list[str]:
    """The flag of a conversation that is shorter or longer than its template asks for. It is kept: it was paid for."""
    return [] if version is None or version.accepts_turns(count) else [TURN_RANGE]


def _choose_status(measured: quality.Score) -> Status:
    word = quality.choose_status(
        measured.overall,
        revision=Decimal(settings.QUALITY_REVISION_BELOW),
        review=Decimal(settings.QUALITY_REVIEW_BELOW),
    )
    return Status(word)
