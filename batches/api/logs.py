"""The generation log over the API: every attempt to reach Claude, and what the attempts cost together."""

from typing import Any
from uuid import UUID

from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from batches.models import BatchItem, GenerationLog
from batches.models.generation_logs import GenerationLogQuerySet
from batches.models.states import LogState
from conversations.models import Conversation
from lib.wire import (
    BY_CREATION,
    MomentField,
    OrderingField,
    PageQuery,
    dollars,
    fetch_slice,
    moment,
    sort_rows,
)

# The ways to group the sums: the name on the wire, then the columns of a group with their expressions.
GROUPS: dict[str, dict[str, Any]] = {
    "day": {"day": TruncDate("created_at")},
    "user": {"user": F("created_by__username")},
    "job": {"jobId": F("job_id"), "jobName": F("job__name")},
    "template": {
        "templateVersionId": F("template_version_id"),
        "templateName": F("template_version__template__name"),
        "templateVersion": F("template_version__number"),
    },
    "model": {"modelId": F("model")},
}
LARGEST_GROUPS = 1000
SUMS = {
    "cost": Sum("cost_usd", default=0),
    "calls": Count("pk"),
    "input": Sum("input_tokens", default=0),
    "output": Sum("output_tokens", default=0),
    "cache_read": Sum("cache_read_tokens", default=0),
    "cache_write": Sum("cache_write_tokens", default=0),
    "cache_write_1h": Sum("cache_write_1h_tokens", default=0),
    "saved": Sum("cache_saved_usd", default=0),
}
COLUMNS = (
    *(
        "id",
        "created_at",
        "finished_at",
        "job_id",
        "run_id",
        "item_id",
        "conversation_id",
        "template_version_id",
        "attempt",
    ),
    *(
        "state",
        "model",
        "simulated",
        "cost_usd",
        "reservation_usd",
        "price_version",
        "input_tokens",
        "output_tokens",
    ),
    *(
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "estimated",
        "cache_saved_usd",
        "cache_read_tokens",
        "duration_ms",
        "provider_request_id",
        "stop_reason",
        "error_kind",
    ),
    *("error_message", "workspace_id", "created_by__username"),
)


class ChainLogsQuery(PageQuery):
    """The query string of the calls for one conversation."""

    ordering = OrderingField(BY_CREATION)


class LogsQuery(ChainLogsQuery):
    several = ("state",)

    job = serializers.UUIDField(default=None)
    run = serializers.UUIDField(default=None)
    state = serializers.MultipleChoiceField(choices=LogState.choices, default=set)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **make_period_fields()}


class CostQuery(PageQuery):
    by = serializers.ChoiceField(choices=list(GROUPS), default="day")
    job = serializers.UUIDField(default=None)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), **make_period_fields()}


def make_period_fields() -> dict[str, Any]:
    """`from` is a keyword of Python, so the two fields cannot be attributes of a class."""
    return {"from": MomentField(default=None), "to": MomentField(default=None, end=True)}


@api_view(["GET"])
def list_logs(request: Request) -> Response:
    """The attempts of this person's workspaces, the newest first, without the payloads."""
    query = LogsQuery.of(request)
    rows = filter_logs(request, query)
    if query["state"]:
        rows = rows.filter(state__in=query["state"])
    if query["run"]:
        rows = rows.filter(run_id=query["run"])
    rows = rows.select_related("created_by").only(*COLUMNS).newest_first()
    found = fetch_slice(sort_rows(rows, query), limit=query["limit"], offset=query["offset"])
    return Response({"logs": [serialize_log(log) for log in found.rows], **found.about})


@api_view(["GET"])
def list_conversation_logs(request: Request, conversation_id: UUID) -> Response:
    """The attempts for all versions of this conversation, the newest first, those that failed included."""
    query = ChainLogsQuery.of(request)
    found = Conversation.objects.only("id", "root_id").get_visible_or_404(request.user, conversation_id)
    chain = list(Conversation.objects.filter(root=found.root_id).values_list("pk", "batch_item_id"))
    regenerated = BatchItem.objects.filter(regenerates__in=[key for key, _ in chain]).values_list(
        "pk", flat=True
    )
    items = {item for _, item in chain if item} | set(regenerated)
    rows = GenerationLog.objects.visible_to(request.user).filter(item__in=items)
    part = fetch_slice(
        sort_rows(rows.select_related("created_by").only(*COLUMNS).newest_first(), query),
        limit=query["limit"],
        offset=query["offset"],
    )
    return Response({"logs": [serialize_log(log) for log in part.rows], **part.about})


@api_view(["GET"])
def sum_cost(request: Request) -> Response:
    """What was spent by day, user, job, template version or model. Days are in order; else the largest sum comes first."""
    query = CostQuery.of(request)
    rows = filter_logs(request, query).order_by()
    order = "day" if query["by"] == "day" else "-cost"
    groups = rows.values(**GROUPS[query["by"]]).annotate(**SUMS).order_by(order)[:LARGEST_GROUPS]
    total = rows.aggregate(**SUMS)
    return Response(
        {
            "by": query["by"],
            "total": serialize_sums(total),
            "rows": [serialize_cost_row(row, query["by"]) for row in groups],
        }
    )


def filter_logs(request: Request, query: dict[str, Any]) -> GenerationLogQuerySet:
    rows = GenerationLog.objects.visible_to(request.user).made_between(query["from"], query["to"])
    return rows.filter(job=query["job"]) if query["job"] else rows


def serialize_sums(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "costUsd": dollars(row["cost"]),
        "calls": row["calls"],
        "inputTokens": row["input"],
        "outputTokens": row["output"],
        "cacheReadTokens": row["cache_read"],
        "cacheWriteTokens": row["cache_write"],
        "cacheWrite1hTokens": row["cache_write_1h"],
        "cacheSavedUsd": dollars(row["saved"]),
    }


def serialize_cost_row(row: dict[str, Any], by: str) -> dict[str, Any]:
    return {**{name: row[name] for name in GROUPS[by]}, **serialize_sums(row)}


def serialize_log(log: GenerationLog) -> dict[str, Any]:
    return {
        "id": log.pk,
        "createdAt": moment(log.created_at),
        "finishedAt": moment(log.finished_at),
        "jobId": log.job_id,
        "runId": log.run_id,
        "itemId": log.item_id,
        "conversationId": log.conversation_id,
        "templateVersionId": log.template_version_id,
        "attempt": log.attempt,
        "state": log.state,
        "model": log.model,
        "simulated": log.simulated,
        "costUsd": dollars(log.cost_usd),
        "reservationUsd": dollars(log.reservation_usd),
        "priceVersion": log.price_version,
        "inputTokens": log.input_tokens,
        "outputTokens": log.output_tokens,
        "cacheWriteTokens": log.cache_write_tokens,
        "cacheWrite1hTokens": log.cache_write_1h_tokens,
        "estimated": log.estimated,
        "cacheSavedUsd": dollars(log.cache_saved_usd),
        "cacheReadTokens": log.cache_read_tokens,
        "durationMs": log.duration_ms,
        "requestId": log.provider_request_id or None,
        "stopReason": log.stop_reason or None,
        "errorKind": log.error_kind or None,
        "error": log.error_message or None,
        "user": log.created_by and log.created_by.username,
    }
