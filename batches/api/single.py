"""One conversation over the API: generate it and wait, look at its item, try it again, use a stored reply."""

import re
from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from background.api.requests import read_idempotency_key
from batches.actions import jobs
from batches.actions.controls import budget_for_retry, find_conversation_of, retry_failed, use_reply
from batches.actions.single import item_of, plan_one, start_one
from batches.api import responses
from batches.api.long_poll import LONGEST_S, wait_for_item
from batches.api.requests import refuse_used_key
from batches.models import BatchItem
from batches.models.states import ItemStatus, JobKind, JobStatus, Reason
from batches.planning.plan import PlanError
from batches.planning.sources.listed import template_for
from conversations.api.serializers import serialize_conversation
from conversations.details import DetailsError
from conversations.models import Conversation
from lib.row_problems import RowProblem
from lib.wire import StrictSerializer, about_dollars, camelize, dollars, validate
from templates_app.states import Tier
from workspaces.models import RequestKey, User
from workspaces.people import get_person

STANDS_STILL = (JobStatus.PAUSED, JobStatus.FAILED, JobStatus.CANCELLED)
RELATED = ("approved_by", "template_version")


class SingleBody(StrictSerializer):
    templateId = serializers.UUIDField()
    parameters = serializers.DictField(default=dict)
    details = serializers.DictField(child=serializers.CharField(trim_whitespace=False), default=dict)
    tier = serializers.ChoiceField(choices=Tier.choices, allow_null=True, default=None)


@api_view(["POST"])
def generate_conversation(request: Request) -> Response:
    """201 with the conversation when it is made in time, else 202 with the address of its item."""
    by, key, seconds = get_person(request), read_idempotency_key(request), read_wait(request)
    item = find_earlier_item(by, key) or start_generation(
        validate(SingleBody(data=request.data)), by=by, key=key
    )
    return render_when_done(request, item, seconds=seconds)


def render_when_done(request: Request, item: BatchItem, *, seconds: float) -> Response:
    """Wait for the item as long as the request allows, then tell what has become of it."""
    wait_for_item(item.pk, seconds=seconds, user_id=get_person(request).pk)
    response = render_outcome(BatchItem.objects.select_related("job").get(pk=item.pk))
    if request.headers.get("Prefer"):
        response["Preference-Applied"] = f"wait={seconds:.0f}"
    return response


def read_wait(request: Request) -> float:
    """The seconds of `Prefer: wait=N` (RFC 7240), at most 60, which is also the default; `respond-async` means none."""
    wanted = request.headers.get("Prefer", "").lower()
    if re.search(r"(^|[,;\s])respond-async\b", wanted):
        return 0
    found = re.search(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\b", wanted)
    return min(float(found[1]), LONGEST_S) if found else LONGEST_S


def find_earlier_item(by: User, key: RequestKey | None) -> BatchItem | None:
    job = jobs.by_idempotency_key(by, key)
    return item_of(job) if job else None


def start_generation(given: dict[str, Any], *, by: User, key: RequestKey | None) -> BatchItem:
    try:
        version = template_for(by, given["templateId"])
        plan = plan_one(version, given["parameters"], details=given["details"], tier=given["tier"] or "")
        return start_one(plan, by=by, key=key)
    except DetailsError as wrong:
        raise name_details(wrong) from wrong
    except PlanError as wrong:
        raise name_parameters(wrong) from wrong


def name_details(wrong: DetailsError) -> PlanError:
    return PlanError([RowProblem(None, f"details.{each.name}", each.message) for each in wrong.problems])


def name_parameters(wrong: PlanError) -> PlanError:
    """The same problems, where those of the only item are named as problems of the parameters."""
    found = [
        RowProblem(None, f"parameters.{each.column}" if each.row else each.column, each.message)
        for each in wrong.problems
    ]
    return responses.use_wire_names(PlanError(found))


def render_outcome(item: BatchItem) -> Response:
    """What has become of an item that a request has waited for."""
    made = find_conversation(item)
    where = {"itemId": item.pk, "jobId": item.job_id}
    if made is not None:
        location = {"Location": reverse("api_conversation", args=[made.pk])}
        return Response({**serialize_success(made), **where}, status=201, headers=location)
    location = {"Location": reverse("api_item", args=[item.pk])}
    if item.status == ItemStatus.FAILED or (
        item.status == ItemStatus.QUEUED and item.job.status in STANDS_STILL
    ):
        status, said = serialize_failure(item)
        return Response({**said, **where}, status=status, headers=location)
    return Response({"status": item.status, **where}, status=202, headers=location)


def find_conversation(item: BatchItem) -> Conversation | None:
    rows = Conversation.objects.select_related(*RELATED).prefetch_related("turns")
    made = find_conversation_of(item)
    found: Conversation | None = rows.filter(pk=made.pk).first() if made else None
    return found


def serialize_success(made: Conversation) -> dict[str, Any]:
    return {
        "conversation": serialize_conversation(made),
        "qualityMetrics": camelize(made.quality_metrics),
        "cost": about_dollars(made.actual_cost_usd),
        "costUsd": dollars(made.actual_cost_usd),
    }


def serialize_failure(item: BatchItem) -> tuple[int, dict[str, Any]]:
    """502 with the provider's words when it refused or failed, 409 when a budget or a person stopped the item."""
    job = item.job
    if item.status == ItemStatus.FAILED:
        code, words, status = item.error_kind, item.error_message, 502
    else:
        code, words = job.reason or job.status, job.reason_note or job.get_reason_display()
        status = 502 if job.status == JobStatus.FAILED or job.reason == Reason.REFUSALS else 409
    details = (
        [{"row": None, "column": "requestId", "message": asked}] if (asked := find_request_id(item)) else []
    )
    return status, {"error": words, "code": code, "details": details}


def find_request_id(item: BatchItem) -> str:
    """The provider's id of the latest call for this item that has one."""
    named = item.logs.exclude(provider_request_id="").order_by("-created_at")
    return named.values_list("provider_request_id", flat=True).first() or ""


# --- an item ----------------------------------------------------------------------------------------------


@api_view(["GET"])
def show_item(request: Request, item_id: UUID) -> Response:
    """The state of the item, for callers that poll after a 202."""
    found = find_visible_item(request.user, item_id)
    return Response(
        {
            "jobId": found.job_id,
            "jobStatus": found.job.status,
            "reason": found.job.reason or None,
            "requestId": find_request_id(found) or None,
            **responses.serialize_item(found),
        }
    )


@api_view(["POST"])
def retry_item(request: Request, item_id: UUID) -> Response:
    """Put the item back into the queue. The budget of a single generation is raised to cover one more call."""
    found = find_editable_item(request.user, item_id)
    raised = budget_for_retry(found.job, 1) if found.job.kind == JobKind.SINGLE else None
    key = read_idempotency_key(request)
    retry_failed(found.job, by=get_person(request), items=[found.pk], budget_usd=raised, key=key)
    found.refresh_from_db()
    said = {"itemId": found.pk, "jobId": found.job_id, "status": found.status}
    return Response(said, status=202, headers={"Location": reverse("api_item", args=[found.pk])})


@api_view(["POST"])
def use_stored_reply(request: Request, item_id: UUID) -> Response:
    """Use a stored reply that was paid for. It costs nothing more."""
    found = find_editable_item(request.user, item_id)
    refuse_used_key(request)
    use_reply(found, by=get_person(request))
    return render_outcome(found)


def find_visible_item(user: Any, item_id: UUID) -> BatchItem:
    rows = BatchItem.objects.select_related("job", "conversation")
    found: BatchItem = rows.get_visible_or_404(user, item_id)
    return found


def find_editable_item(user: Any, item_id: UUID) -> BatchItem:
    """404 for what one may not see, 403 for what one may see but not change."""
    rows = BatchItem.objects.select_related("job", "conversation")
    found: BatchItem = rows.get_editable_or_403(user, item_id)
    return found
