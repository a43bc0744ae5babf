"""POST /api/conversations/rescore: score stored conversations again, in a background job."""

from typing import Any

from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.jobs import make_start_response
from background.api.requests import start_once
from conversations.api.bulk import FilterBody
from conversations.api.serializers import filter_conversations
from conversations.bulk import MOST_AT_ONCE, TooMany
from conversations.jobs.rescore import start_rescore
from conversations.models import Conversation, ConversationQuerySet
from lib.wire import StrictSerializer, validate
from workspaces.models import User
from workspaces.people import find_workspace, get_person


class RescoreBody(StrictSerializer):
    """All conversations of a workspace (the caller's own by default), or of them those that `filter` or `ids` name."""

    workspaceId = serializers.UUIDField(allow_null=True, default=None)
    filter = FilterBody(allow_null=True, default=None)
    ids = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=MOST_AT_ONCE,
        allow_empty=False,
        allow_null=True,
        default=None,
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["ids"] is not None and given["filter"] is not None:
            raise serializers.ValidationError(
                {"ids": "Name the conversations by ids or by a filter, not both."}
            )
        return given


@api_view(["POST"])
def rescore_conversations(request: Request) -> Response:
    """202 with the job. What nobody has decided about may move by its new score; what is decided stays."""
    given, by = validate(RescoreBody(data=request.data)), get_person(request)
    workspace = find_workspace(given["workspaceId"], by=by)
    try:
        job = start_once(
            request,
            lambda sent: start_rescore(workspace=workspace, by=by, rows=choose_rows(given, by=by), sent=sent),
            lambda earlier: earlier,
        )
    except TooMany as wrong:
        raise ValidationError({"filter": [str(wrong)]}) from wrong
    return make_start_response(job)


def choose_rows(given: dict[str, Any], *, by: User) -> ConversationQuerySet | None:
    """None means all of the workspace."""
    rows = Conversation.objects.visible_to(by)
    if given["ids"] is not None:
        return rows.filter(pk__in=given["ids"])
    return None if given["filter"] is None else filter_conversations(rows, given["filter"])
