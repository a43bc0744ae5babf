"""The versions of a conversation over the API."""

from typing import Any
from uuid import UUID

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.models import Conversation
from conversations.versions import list_chain
from lib.wire import about_dollars, dollars, moment


@api_view(["GET"])
def list_versions(request: Request, conversation_id: UUID) -> Response:
    """Every version of this conversation, oldest first, without the texts of the turns."""
    found = Conversation.objects.only("id", "root_id").get_visible_or_404(request.user, conversation_id)
    return Response({"versions": [serialize_version(each) for each in list_chain(found)]})


def serialize_version(version: Conversation) -> dict[str, Any]:
    score = version.quality_score
    return {
        "id": version.pk,
        "conversationId": version.conversation_id,
        "version": version.version,
        "isNewest": version.is_head,
        "parentId": version.parent_id,
        "status": version.status,
        "statusBeforeArchive": version.status_before_archive or None,
        "source": version.source,
        "changeNote": version.change_note,
        "createdBy": version.created_by and version.created_by.username,
        "createdAt": moment(version.created_at),
        "title": version.title,
        "model": version.model,
        "simulated": version.simulated,
        "turnCount": version.turn_count,
        "totalTokens": version.total_tokens,
        "qualityScore": None if score is None else float(score),
        "flags": version.flags,
        "actualCost": about_dollars(version.actual_cost_usd),
        "actualCostUsd": dollars(version.actual_cost_usd),
        "revision": version.revision,
    }
