"""The conversations' API: the list without turns, and one with them."""

from uuid import UUID

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.serializers import ConversationsQuery, filtered, for_list, in_full, in_list
from conversations.models import Conversation
from lib.wire import slice_of

RELATED = ("batch_item", "approved_by", "template_version")


@api_view(["GET"])
def conversations(request: Request) -> Response:
    """What one may see, filtered by the query string, the newest first."""
    query = ConversationsQuery.of(request)
    rows = for_list(filtered(Conversation.objects.visible_to(request.user), query))
    found = slice_of(
        rows, limit=query["limit"], offset=query["offset"], searched=bool(query["search"].strip())
    )
    return Response({"conversations": [in_list(each) for each in found.rows], **found.about})


@api_view(["GET"])
def conversation(request: Request, conversation_id: UUID) -> Response:
    rows = Conversation.objects.select_related(*RELATED)
    return Response(in_full(rows.get_visible_or_404(request.user, conversation_id)))
