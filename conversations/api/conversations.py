"""The conversations' API: the list without turns, and one conversation with its turns."""

from uuid import UUID

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.serializers import (
    ConversationsQuery,
    filter_conversations,
    select_for_list,
    serialize_conversation,
    serialize_summary,
)
from conversations.models import Conversation
from lib.wire import fetch_slice

RELATED = ("approved_by", "template_version")


@api_view(["GET"])
def list_conversations(request: Request) -> Response:
    """The conversations that the caller may see, filtered by the query string, the newest first."""
    query = ConversationsQuery.of(request)
    rows = select_for_list(filter_conversations(Conversation.objects.visible_to(request.user), query))
    found = fetch_slice(
        rows, limit=query["limit"], offset=query["offset"], searched=bool(query["search"].strip())
    )
    return Response({"conversations": [serialize_summary(each) for each in found.rows], **found.about})


@api_view(["GET"])
def show_conversation(request: Request, conversation_id: UUID) -> Response:
    rows = Conversation.objects.select_related(*RELATED)
    return Response(serialize_conversation(rows.get_visible_or_404(request.user, conversation_id)))
