"""The judgements of a conversation over the API."""

from typing import Any
from uuid import UUID

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.judging.listing import list_judgements_of
from conversations.models import Conversation, Judgement
from lib.wire import about_dollars, dollars, moment


@api_view(["GET"])
def list_judgements(request: Request, conversation_id: UUID) -> Response:
    """What the judge has said about this version, the newest first. Empty where it was not asked: no number is invented."""
    found: Conversation = Conversation.objects.only("id").get_visible_or_404(request.user, conversation_id)
    return Response({"judgements": [serialize_judgement(each) for each in list_judgements_of(found)]})


def serialize_judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "id": judgement.pk,
        "rubricVersion": judgement.rubric.version,
        "contentHash": judgement.content_hash,
        "model": judgement.model,
        "simulated": judgement.simulated,
        "cost": about_dollars(judgement.cost_usd),
        "costUsd": dollars(judgement.cost_usd),
        "createdAt": moment(judgement.created_at),
        "scores": {
            each.dimension: {
                "score": each.score,
                "quote": each.quote,
                "turn": each.turn_number,
                "reason": each.reason,
            }
            for each in judgement.scores.all()
        },
    }
