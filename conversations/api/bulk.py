"""POST /api/conversations/bulk: one action on many conversations, by their ids or by a filter.

More than 500 decisions go to a background job. Rooms above this one add actions of their own, as `regenerate`: their `apps.py`
names the function that answers, which checks the body itself (`bulk_actions = {"regenerate": "batches.api. ..."}`).
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.apps import apps
from django.utils.module_loading import import_string
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.jobs import make_start_response
from background.api.requests import start_once
from background.models import BackgroundJob
from conversations.api.bodies import (
    make_action_field,
    make_note_field,
    make_reasons_field,
    make_revision_field,
)
from conversations.api.serializers import ConversationsFilter, filter_conversations
from conversations.bulk import MOST_AT_ONCE, BulkResult, TooMany
from conversations.jobs.bulk import SeveralWorkspaces, decide_about_chosen, decide_about_matching
from conversations.models import Conversation
from conversations.states import WITH_REASONS, BulkAction, ReasonCode
from lib.wire import StrictSerializer, validate
from workspaces.models import RequestKey, User
from workspaces.people import get_person
from workspaces.tokens.scopes import require_scope

MOST_SKIPPED_SHOWN = 20


class FilterBody(ConversationsFilter):
    """The filters of the list as JSON. A list may also be one word, or words separated by commas; null means no filter."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            data = {name: value for name, value in data.items() if value is not None}
            for name in self.several:
                if isinstance(data.get(name), str):
                    data[name] = [word.strip() for word in data[name].split(",") if word.strip()]
        return super().to_internal_value(data)


Answer = Callable[[Request], Response]


class SelectionBody(StrictSerializer):
    """`ids`, or `filter` with the `count` that the person confirmed."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_AT_ONCE, allow_empty=False, required=False
    )
    filter = FilterBody(required=False)
    count = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        problems = self.find_problems(given)
        if problems:
            raise serializers.ValidationError(problems)
        return given

    def find_problems(self, given: dict[str, Any]) -> dict[str, str]:
        """By field, what does not go together."""
        if ("ids" in given) == ("filter" in given):
            return {"ids": "Name the conversations by ids, or by a filter with its count."}
        if "filter" in given and "count" not in given:
            return {"count": "How many conversations does the filter find? The number is checked again."}
        return {}


class BulkBody(SelectionBody):
    """`revisions` are those that the person saw, by id."""

    action = make_action_field(BulkAction.choices)
    revisions = serializers.DictField(child=make_revision_field(), required=False)
    note = make_note_field()
    reasons = make_reasons_field()

    def validate_revisions(self, given: dict[str, int]) -> dict[UUID, int]:
        """The same by ids as values."""
        if len(given) > MOST_AT_ONCE:
            raise serializers.ValidationError(f"At most {MOST_AT_ONCE:,} revisions.")
        as_id = serializers.UUIDField()
        return {as_id.to_internal_value(key): revision for key, revision in given.items()}

    def find_problems(self, given: dict[str, Any]) -> dict[str, str]:
        problems = super().find_problems(given)
        if not problems and "filter" in given and "revisions" in given:
            problems["revisions"] = "Revisions belong to ids."
        if given["reasons"] and given["action"] not in WITH_REASONS:
            problems["reasons"] = "Reasons belong to reject and needs_revision."
        return problems


@api_view(["POST"])
def decide_about_many(request: Request) -> Response:
    """What cannot be changed is skipped, with its reason. A filter whose count has changed is answered with 409.

    Decisions about more than 500 are answered with 202 and the background job that makes them.
    """
    if answer := find_answer(request.data):
        return answer(request)
    given = validate(BulkBody(data=request.data))
    if given["action"] == BulkAction.DELETE:
        require_scope(request, "delete")
    try:
        found = start_once(
            request,
            lambda sent: decide(given, by=get_person(request), sent=sent),
            lambda earlier: earlier,
        )
    except (TooMany, SeveralWorkspaces) as wrong:
        raise ValidationError({"ids" if "ids" in given else "filter": [str(wrong)]}) from wrong
    if isinstance(found, BackgroundJob):
        return make_start_response(found)
    return Response(
        {
            "changed": found.changed,
            "skipped": [{"id": each.id, "error": each.error} for each in found.skipped[:MOST_SKIPPED_SHOWN]],
            "skippedCount": len(found.skipped),
        }
    )


def find_answer(body: Any) -> Answer | None:
    """What another room has named for the action of this body."""
    action = body.get("action") if isinstance(body, Mapping) else None
    if not isinstance(action, str):
        return None
    named = [getattr(room, "bulk_actions", {}).get(action.strip().lower()) for room in apps.get_app_configs()]
    return next((import_string(name) for name in named if name), None)


def decide(given: dict[str, Any], *, by: User, sent: RequestKey | None) -> BulkResult | BackgroundJob:
    rows = Conversation.objects.visible_to(by)
    action = BulkAction(given["action"])
    reasons = [ReasonCode(word) for word in dict.fromkeys(given["reasons"])]
    if "ids" in given:
        return decide_about_chosen(
            rows,
            given["ids"],
            action,
            by=by,
            note=given["note"],
            reasons=reasons,
            revisions=given.get("revisions"),
            sent=sent,
        )
    return decide_about_matching(
        filter_conversations(rows, given["filter"]),
        given["count"],
        action,
        by=by,
        note=given["note"],
        reasons=reasons,
        sent=sent,
    )
