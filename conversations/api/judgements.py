"""The judgements of a conversation over the API, and the rubric that the judge goes by."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.judging.listing import list_judgements_of
from conversations.judging.rubric import RubricError, change_rubric, find_rubric
from conversations.models import Conversation, Judgement, Rubric
from conversations.models.judgements import LONGEST_CRITERION
from lib.api.etags import check_match, render_with_etag
from lib.wire import QueryString, StrictSerializer, about_dollars, dollars, moment, validate
from workspaces.models import Membership, User, Workspace
from workspaces.people import find_workspace, get_person


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


# --- the rubric ----------------------------------------------------------------------------------------


class RubricQuery(QueryString):
    """Whose rubric: the caller's own workspace by default."""

    workspaceId = serializers.UUIDField(allow_null=True, default=None)


class RubricBody(StrictSerializer):
    """`version` is the one that was read; `criteria` has the texts that change, by dimension."""

    workspaceId = serializers.UUIDField(allow_null=True, default=None)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    criteria = serializers.DictField(
        child=serializers.CharField(max_length=LONGEST_CRITERION), allow_empty=False
    )


@api_view(["GET", "PATCH"])
def show_or_change_rubric(request: Request) -> Response:
    """The newest version. A change is a new version, which owners make; 409 when somebody was quicker."""
    if request.method != "PATCH":
        given = RubricQuery.of(request)
        return render_with_etag(read_rubric(find_readable_workspace(given, by=get_person(request))))
    given, by = validate(RubricBody(data=request.data)), get_person(request)
    workspace = find_workspace(given["workspaceId"], by=by)
    if not Membership.objects.of(by).owners().filter(workspace=workspace).exists():
        raise PermissionDenied
    check_match(request, lambda: read_rubric(workspace))
    criteria = {**find_rubric(workspace).criteria, **given["criteria"]}
    try:
        made = change_rubric(workspace=workspace, criteria=criteria, by=by, version=given["version"])
    except RubricError as wrong:
        raise ValidationError(
            {"criteria": [f"{name}: {words}" for name, words in wrong.problems.items()]}
        ) from wrong
    return render_with_etag({"rubric": serialize_rubric(made)})


def read_rubric(workspace: Workspace) -> dict[str, Any]:
    return {"rubric": serialize_rubric(find_rubric(workspace))}


def find_readable_workspace(given: dict[str, Any], *, by: User) -> Workspace:
    return find_workspace(given["workspaceId"], by=by, roles=Membership.Role.values)


def serialize_rubric(rubric: Rubric) -> dict[str, Any]:
    return {
        "workspaceId": rubric.workspace_id,
        "version": rubric.version,
        "criteria": rubric.criteria,
        "createdAt": moment(rubric.created_at),
    }
