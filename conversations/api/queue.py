"""GET /api/review/queue: what awaits a decision, in the order in which a person wants to see it."""

from typing import Any

from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.serializers import (
    ConversationsFilter,
    describe_search,
    find_conversations,
    select_for_list,
    serialize_summary,
)
from conversations.models import Conversation
from conversations.queue import QueueOrder, list_after, list_before, order_queue
from lib.wire import PageQuery, WordField, fetch_slice


class QueueQuery(ConversationsFilter, PageQuery):
    """`after` and `before` are ids: the queue from that conversation on, or up to it, without it."""

    order = WordField(QueueOrder.choices, default=QueueOrder.FLAGGED)
    after = serializers.UUIDField(default=None)
    before = serializers.UUIDField(default=None)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["after"] and given["before"]:
            raise serializers.ValidationError({"before": "Give after or before, not both."})
        if given["offset"] and (given["after"] or given["before"]):
            raise serializers.ValidationError({"offset": "An offset cannot come with after or before."})
        return given


@api_view(["GET"])
def list_queue(request: Request) -> Response:
    """The conversations that the caller may see and nobody has decided about; `before` gives the nearest one first."""
    query = QueueQuery.of(request)
    order = QueueOrder(query["order"])
    matched = find_conversations(Conversation.objects.visible_to(request.user).undecided(), query)
    light = select_for_list(order_queue(matched.rows, order))
    if key := query["after"] or query["before"]:
        place = Conversation.objects.get_visible_or_404(request.user, key)
        walk = list_after if query["after"] else list_before
        found = walk(light, order, place, most=query["limit"])
        about = describe_search(matched)
        return Response(
            {"conversations": [serialize_summary(each) for each in found], "order": order, **about}
        )
    part = fetch_slice(
        light, limit=query["limit"], offset=query["offset"], searched=bool(query["search"].strip())
    )
    return Response(
        {
            "conversations": [serialize_summary(each) for each in part.rows],
            "order": order,
            **part.about,
            **describe_search(matched),
        }
    )
