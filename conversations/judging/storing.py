"""Store a judgement: one row, and one for each dimension. Nothing of the conversation is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from claude.messages import Reply
from conversations.judging.reading import JudgementDraft
from conversations.models import DimensionScore, Judgement
from conversations.parsing import TurnDraft
from conversations.quality import hash_turns
from lib.statements import insert


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What is judged, and by what: the version with its turns, and the version of the rubric."""

    workspace_id: UUID
    created_by_id: UUID | None
    batch_item_id: UUID
    conversation_id: UUID
    rubric_id: UUID
    turns: Sequence[TurnDraft] = field(repr=False)


def store_judgement(
    draft: JudgementDraft, *, judged: Judged, reply: Reply, cost_usd: Decimal, key: UUID
) -> None:
    """Store it under `key`. The caller owns the transaction."""
    owned = {"workspace_id": judged.workspace_id, "created_by_id": judged.created_by_id}
    judgement = Judgement(
        id=key,
        **owned,
        conversation_id=judged.conversation_id,
        batch_item_id=judged.batch_item_id,
        rubric_id=judged.rubric_id,
        content_hash=hash_turns(judged.turns),
        model=reply.model[:100],
        simulated=reply.simulated,
        cost_usd=cost_usd,
    )
    insert([judgement])
    insert(
        [
            DimensionScore(
                **owned,
                judgement_id=key,
                dimension=each.dimension,
                score=each.score,
                quote=each.quote,
                turn_number=each.turn_number,
                reason=each.reason,
            )
            for each in draft.scores
        ]
    )
