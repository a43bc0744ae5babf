"""POST /api/conversations/bulk with the action `regenerate`: new versions of many conversations, as one batch.

The address belongs to the room of conversations, which knows no batches; `batches/apps.py` names this action to it.
"""

from typing import Any

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.requests import read_idempotency_key
from batches.actions.jobs import by_idempotency_key
from batches.actions.regenerate import regenerate_many
from batches.api import responses
from batches.api.serializers import PRIORITY_WORDS, ConcurrencyField
from batches.models import BatchJob
from batches.models.jobs import LONGEST_NAME
from batches.models.states import ErrorHandling, Priority
from batches.planning.plan import LARGEST_PLAN, PlanError
from batches.planning.sources.regenerated import plan_again
from conversations.api.bulk import SelectionBody
from conversations.api.serializers import filter_conversations
from conversations.models import Conversation, ConversationQuerySet
from conversations.regeneration import LONGEST_INSTRUCTION
from lib.count_changed import CountChanged
from lib.row_problems import RowProblem
from lib.wire import WordField, validate
from workspaces.models import RequestKey, User
from workspaces.people import get_person


class RegenerateManyBody(SelectionBody):
    """Which conversations, what should be different, and how the batch runs."""

    action = WordField(["regenerate"])
    instruction = serializers.CharField(
        max_length=LONGEST_INSTRUCTION, allow_blank=True, allow_null=True, default=""
    )
    name = serializers.CharField(max_length=LONGEST_NAME, allow_blank=True, default="")
    concurrentProcessing = ConcurrencyField(required=False)
    errorHandling = serializers.ChoiceField(choices=ErrorHandling.choices, default=ErrorHandling.CONTINUE)
    priority = serializers.ChoiceField(choices=PRIORITY_WORDS, default=Priority.NORMAL.label)
    budgetUsd = serializers.DecimalField(
        max_digits=18, decimal_places=9, min_value=0, allow_null=True, default=None
    )


def start_regenerations(request: Request) -> Response:
    """202 with the batch. The same Idempotency-Key of the same person gives the same one."""
    by, key = get_person(request), read_idempotency_key(request)
    job = by_idempotency_key(by, key) or start(
        validate(RegenerateManyBody(data=request.data)), by=by, key=key
    )
    headers = {"Location": reverse("api_batch_status", args=[job.pk])}
    return Response(responses.serialize_start(job), status=202, headers=headers)


def start(given: dict[str, Any], *, by: User, key: RequestKey | None) -> BatchJob:
    """Raises PlanError for what cannot be made anew, and CountChanged when the filter finds another number by now."""
    found = list(choose_rows(given, by=by)[: LARGEST_PLAN + 1])
    if len(found) > LARGEST_PLAN:
        words = f"More than {LARGEST_PLAN:,} conversations do not fit into one batch. Narrow the filter."
        raise PlanError([RowProblem(None, "filter", words)])
    if "count" in given and len(found) != given["count"]:
        raise CountChanged(len(found))
    if "ids" in given and len(found) != len(set(given["ids"])):
        words = "Some of them do not exist, belong to somebody else, or are not yours to change. Nothing was started."
        raise PlanError([RowProblem(None, "ids", words)])
    try:
        return regenerate_many(
            plan_again(found, instruction=given["instruction"] or ""),
            by=by,
            name=given["name"],
            concurrency=given.get("concurrentProcessing"),
            error_handling=ErrorHandling(given["errorHandling"]),
            priority=Priority.of(given["priority"]),
            budget_usd=given["budgetUsd"],
            key=key,
        )
    except PlanError as wrong:
        raise responses.use_wire_names(wrong) from wrong


def choose_rows(given: dict[str, Any], *, by: User) -> ConversationQuerySet:
    """In workspaces where this person may spend money."""
    rows = Conversation.objects.editable_by(by)
    if "ids" in given:
        return rows.filter(pk__in=given["ids"]).newest_first()
    return filter_conversations(rows, given["filter"])
