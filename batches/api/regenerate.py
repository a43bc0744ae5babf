"""Regenerate a conversation over the API: start it and wait for the new version."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.requests import read_idempotency_key
from batches.actions.regenerate import regenerate_one
from batches.api.single import find_earlier_item, name_details, name_parameters, read_wait, render_when_done
from batches.models import BatchItem
from batches.planning.plan import PlanError
from batches.planning.sources.listed import template_for
from batches.planning.sources.regenerated import plan_again
from conversations.details import DetailsError
from conversations.models import Conversation
from conversations.regeneration import LONGEST_INSTRUCTION
from lib.wire import StrictSerializer, validate
from workspaces.models import RequestKey, User
from workspaces.people import get_person


class RegenerateBody(StrictSerializer):
    """What is left out is taken from the conversation. A parameter that is null is taken away."""

    templateId = serializers.UUIDField(allow_null=True, default=None)
    parameters = serializers.DictField(default=dict)
    details = serializers.DictField(
        child=serializers.CharField(trim_whitespace=False), allow_null=True, default=None
    )
    instruction = serializers.CharField(
        max_length=LONGEST_INSTRUCTION, allow_blank=True, allow_null=True, default=""
    )
    fromTurn = serializers.IntegerField(min_value=1, allow_null=True, default=None)


@api_view(["POST"])
def regenerate_conversation(request: Request, conversation_id: UUID) -> Response:
    """201 with the new version when it is made in time, else 202 with the address of its item."""
    rows = Conversation.objects.select_related("workspace")
    found: Conversation = rows.get_editable_or_403(request.user, conversation_id)
    by, key, seconds = get_person(request), read_idempotency_key(request), read_wait(request)
    given = validate(RegenerateBody(data=request.data))
    item = find_earlier_item(by, key) or start_regeneration(found, given, by=by, key=key)
    return render_when_done(request, item, seconds=seconds)


def start_regeneration(
    found: Conversation, given: dict[str, Any], *, by: User, key: RequestKey | None
) -> BatchItem:
    """Raises Superseded, which is answered as 409, when the version is not the newest."""
    version = template_for(by, given["templateId"]) if given["templateId"] else None
    try:
        plan = plan_again(
            [found],
            version=version,
            changes=given["parameters"],
            details=given["details"],
            instruction=given["instruction"] or "",
            from_turn=given["fromTurn"],
        )
        return regenerate_one(plan, by=by, key=key)
    except DetailsError as wrong:
        raise name_details(wrong) from wrong
    except PlanError as wrong:
        raise name_parameters(wrong) from wrong
