"""One conversation over the API: generate it and wait, look at its item, try it again, use a reply that is kept."""

import re
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from batches.actions import jobs
from batches.actions.controls import budget_for_retry, retry_failed, use_reply
from batches.actions.single import item_of, plan_one, start_one
from batches.api import responses
from batches.api.batches import idempotency_key
from batches.api.long_poll import LONGEST_S, wait_for_item
from batches.models import BatchItem
from batches.models.states import ItemStatus, JobKind, JobStatus
from batches.planning.plan import PlanError
from batches.planning.sources.listed import template_for
from conversations.api.serializers import serialize_conversation
from conversations.details import DetailsError
from conversations.models import Conversation
from lib.row_problems import RowProblem
from lib.wire import StrictSerializer, about_dollars, dollars, validate
from templates_app.states import Tier
from workspaces.models import User
from workspaces.people import get_person

STANDS_STILL = (JobStatus.PAUSED, JobStatus.FAILED, JobStatus.CANCELLED)
RELATED = ("batch_item", "approved_by", "template_version")


class SingleBody(StrictSerializer):
    templateId = serializers.UUIDField()
    parameters = serializers.DictField(default=dict)
    details = serializers.DictField(child=serializers.CharField(trim_whitespace=False), default=dict)
    tier = serializers.ChoiceField(choices=Tier.choices, allow_null=True, default=None)


@api_view(["POST"])
def generate(request: Request) -> Response:
    """201 with the conversation when it is made in time, else 202 with the address of its item."""
    by, key, seconds = get_person(request), idempotency_key(request), wait_of(request)
    item = sent_before(by, key) or started(validate(SingleBody(data=request.data)), by=by, key=key)
    wait_for_item(item.pk, seconds=seconds)
    response = outcome(BatchItem.objects.select_related("job").get(pk=item.pk))
    if request.headers.get("Prefer"):
        response["Preference-Applied"] = f"wait={seconds:.0f}"
    return response


def wait_of(request: Request) -> float:
    """Seconds from `Prefer: wait=N` (RFC 7240), 60 without it and at most; `respond-async` means none."""
    wanted = request.headers.get("Prefer", "").lower()
    if re.search(r"(^|[,;\s])respond-async\b", wanted):
        return 0
    found = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\b", wanted)
    return min(float(found[1]), LONGEST_S) if found else LONGEST_S


def sent_before(by: User, key: str | None) -> BatchItem | None:
    job = jobs.by_idempotency_key(by, key)
    if job is not None and job.kind != JobKind.SINGLE:
        raise ValidationError({"Idempotency-Key": ["A batch was started with this key: send another."]})
    return item_of(job) if job else None


def started(given: dict[str, Any], *, by: User, key: str | None) -> BatchItem:
    try:
        version = template_for(by, given["templateId"])
        plan = plan_one(version, given["parameters"], details=given["details"], tier=given["tier"] or "")
        return start_one(plan, by=by, key=key)
    except DetailsError as wrong:
        raise PlanError(
            [RowProblem(None, f"details.{each.name}", each.message) for each in wrong.problems]
        ) from wrong
    except PlanError as wrong:
        raise on_the_wire(wrong) from wrong


def on_the_wire(wrong: PlanError) -> PlanError:
    """The one item's problems are problems of the parameters."""
    found = [
        RowProblem(None, f"parameters.{each.column}" if each.row else each.column, each.message)
        for each in wrong.problems
    ]
    return responses.on_the_wire(PlanError(found))


def outcome(item: BatchItem) -> Response:
    """What has become of an item that was waited for."""
    made = conversation_of(item)
    where = {"itemId": item.pk, "jobId": item.job_id}
    if made is not None:
        location = {"Location": reverse("api_conversation", args=[made.pk])}
        return Response({**generated(made), **where}, status=201, headers=location)
    location = {"Location": reverse("api_item", args=[item.pk])}
    if item.status == ItemStatus.FAILED or (
        item.status == ItemStatus.QUEUED and item.job.status in STANDS_STILL
    ):
        status, said = not_generated(item)
        return Response({**said, **where}, status=status, headers=location)
    return Response({"success": True, "status": item.status, **where}, status=202, headers=location)


def conversation_of(item: BatchItem) -> Conversation | None:
    rows = Conversation.objects.select_related(*RELATED).prefetch_related("turns")
    found: Conversation | None = rows.filter(batch_item=item).first()
    return found


def generated(made: Conversation) -> dict[str, Any]:
    return {
        "success": True,
        "conversation": serialize_conversation(made),
        "qualityMetrics": made.quality_metrics,
        "cost": about_dollars(made.actual_cost_usd),
        "costUsd": dollars(made.actual_cost_usd),
    }


def not_generated(item: BatchItem) -> tuple[int, dict[str, Any]]:
    """502 with the provider's words for a failure; 409 where a budget or a person stopped it."""
    job = item.job
    if item.status == ItemStatus.FAILED:
        code, words, status = item.error_kind, item.error_message, 502
    else:
        code, words = job.reason or job.status, job.reason_note or job.get_reason_display()
        status = 502 if job.status == JobStatus.FAILED else 409
    details = (
        [{"row": None, "column": "requestId", "message": asked}] if (asked := request_id_of(item)) else []
    )
    return status, {"success": False, "error": words, "code": code, "details": details}


def request_id_of(item: BatchItem) -> str:
    """The provider's name for the latest call of this item that it has named."""
    named = item.logs.exclude(provider_request_id="").order_by("-created_at")
    return named.values_list("provider_request_id", flat=True).first() or ""


# --- an item ----------------------------------------------------------------------------------------------


@api_view(["GET"])
def item(request: Request, item_id: UUID) -> Response:
    """What has become of it; made to be polled after a 202."""
    found = visible_item(request.user, item_id)
    return Response(
        {
            "jobId": found.job_id,
            "jobStatus": found.job.status,
            "reason": found.job.reason or None,
            "requestId": request_id_of(found) or None,
            **responses.item_row(found),
        }
    )


@api_view(["POST"])
def item_retry(request: Request, item_id: UUID) -> Response:
    """Back into the queue. The budget of a single generation is raised so that it covers one more."""
    found = editable_item(request.user, item_id)
    raised = budget_for_retry(found.job, 1) if found.job.kind == JobKind.SINGLE else None
    key = idempotency_key(request)
    retry_failed(found.job, by=get_person(request), items=[found.pk], budget_usd=raised, key=key)
    found.refresh_from_db()
    said = {"success": True, "itemId": found.pk, "jobId": found.job_id, "status": found.status}
    return Response(said, status=202, headers={"Location": reverse("api_item", args=[found.pk])})


@api_view(["POST"])
def item_use(request: Request, item_id: UUID) -> Response:
    """The conversation of a reply that is paid and kept; it costs nothing."""
    found = editable_item(request.user, item_id)
    use_reply(found, by=get_person(request))
    return outcome(found)


def visible_item(user: Any, item_id: UUID) -> BatchItem:
    rows = BatchItem.objects.visible_to(user).select_related("job", "conversation")
    found: BatchItem = get_object_or_404(rows, pk=item_id)
    return found


def editable_item(user: Any, item_id: UUID) -> BatchItem:
    """404 for what one may not see, 403 for what one may see but not change."""
    found = visible_item(user, item_id)
    if not BatchItem.objects.editable_by(user).filter(pk=found.pk).exists():
        raise PermissionDenied
    return found
