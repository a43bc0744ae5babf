"""The answers of the API of batches, under the names of the wire."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse

from batches.models import BatchItem, BatchJob
from batches.models.states import Priority
from batches.planning.estimate.estimate import Estimate
from batches.planning.plan import PlanError
from batches.reports.estimate_accuracy import measure_accuracy
from batches.reports.progress import Progress
from batches.reports.token_usage import Tokens
from conversations.models import Conversation
from lib.row_problems import RowProblem
from lib.wire import about_dollars, dollars, duration, moment, whole
from templates_app.models import TemplateVersion

# The names of the wire that differ from those of a plan.
WIRE_NAMES = {"concurrency": "concurrentProcessing", "budget": "budgetUsd", "template": "templateId"}


def use_wire_names(wrong: PlanError) -> PlanError:
    """The same problems under the names that the request used."""
    return PlanError(
        [
            problem
            if problem.row
            else RowProblem(None, WIRE_NAMES.get(problem.column, problem.column), problem.message)
            for problem in wrong.problems
        ]
    )


def serialize_start(job: BatchJob) -> dict[str, Any]:
    """The answer to a start. It is the same whenever the same Idempotency-Key is sent."""
    return {
        **_serialize_new_job(job),
        **serialize_estimate(job.estimate),
        "budgetUsd": dollars(job.budget_usd),
    }


def serialize_draft(job: BatchJob) -> dict[str, Any]:
    """The answer to a plan that was stored as a draft."""
    return {**_serialize_new_job(job), "planUrl": reverse("plan", args=[job.pk])}


def _serialize_new_job(job: BatchJob) -> dict[str, Any]:
    return {
        "jobId": job.pk,
        "status": job.status,
        "name": job.name,
        "totalItems": job.total_items,
        "templates": [_serialize_template(each) for each in _list_versions(job)],
    }


def _list_versions(job: BatchJob) -> list[TemplateVersion]:
    used = BatchItem.objects.filter(job=job).order_by().values("template_version").distinct()
    return list(
        TemplateVersion.objects.filter(pk__in=used).select_related("template").order_by("template__name")
    )


def serialize_priced_plan(found: Estimate, versions: Mapping[Any, TemplateVersion]) -> dict[str, Any]:
    """The answer to an estimate."""
    return {
        "totalItems": found.items,
        **serialize_estimate(found.as_json()),
        "templates": [_serialize_template(each) for each in versions.values()],
        "simulated": settings.DEMO,
    }


def serialize_estimate(stored: Mapping[str, Any]) -> dict[str, Any]:
    """An estimate as it is stored on its job, where amounts of money are strings."""
    if not stored:
        return {"estimatedCost": None, "estimatedTime": None}
    return {
        "estimatedCost": about_dollars(Decimal(stored["cost"])),
        "estimatedCostUsd": dollars(Decimal(stored["cost"])),
        "estimatedCostRangeUsd": {
            "low": dollars(Decimal(stored["cost_low"])),
            "high": dollars(Decimal(stored["cost_high"])),
        },
        "worstItemUsd": dollars(Decimal(stored["worst_item"])),
        "defaultBudgetUsd": dollars(Decimal(stored["default_budget"])),
        "estimatedTime": duration(stored["seconds"]),
        "estimatedSeconds": whole(stored["seconds"]),
        "inputTokens": stored["input_tokens"],
        "outputTokens": stored["output_tokens"],
        "model": stored["model"],
        "concurrentProcessing": stored["concurrency"],
        "requestsPerMinute": stored["requests_per_minute"],
        "basis": stored["basis"],
        "historyItems": stored.get("history", 0),
        "timeLimitedBy": stored.get("limited_by", "concurrency"),
        "coveredItems": stored.get("covered", stored["items"]),
        "notes": stored.get("notes", []),
    }


def _serialize_template(version: TemplateVersion) -> dict[str, Any]:
    return {
        "templateId": version.template_id,
        "name": version.template.name,
        "version": version.number,
        "versionId": version.pk,
    }


def serialize_status(job: BatchJob, now: Progress) -> dict[str, Any]:
    """The design's status, with exact numbers beside its words."""
    return {
        "jobId": job.pk,
        "status": now.status.value,
        "stateWord": now.word,
        "reason": job.reason or None,
        "reasonNote": job.reason_note or None,
        "progress": now.percent,
        "totalItems": now.total,
        "completedItems": now.completed,
        "failedItems": now.failed,
        "successfulItems": now.successful,
        "inFlight": now.in_flight,
        "limitedBy": now.bound and now.bound.by,
        "limitedUntil": moment(now.bound.until) if now.bound else None,
        "limitedDetail": (now.bound and now.bound.detail) or None,
        "currentItem": now.current_item or None,
        "elapsedTime": duration(now.elapsed_s),
        "elapsedSeconds": whole(now.elapsed_s),
        "estimatedTimeRemaining": duration(now.remaining_s),
        "estimatedTimeRemainingSeconds": whole(now.remaining_s),
        "itemsPerMinute": None if now.items_per_minute is None else round(now.items_per_minute, 1),
        "actualCost": about_dollars(now.spent),
        "actualCostUsd": dollars(now.spent),
        "budgetUsd": dollars(now.budget),
        "simulated": job.simulated,
    }


def serialize_settings(job: BatchJob) -> dict[str, Any]:
    """What a batch was started with."""
    return {
        "name": job.name,
        "tier": job.tier or None,
        "priority": Priority(job.priority).label,
        "mode": job.mode,
        "errorHandling": job.error_handling,
        "concurrentProcessing": job.concurrent_processing,
        "sharedParameters": job.shared_parameters,
        "model": job.model,
        "seed": job.seed,
        "judgeBudgetUsd": None if job.judge_budget_usd is None else dollars(job.judge_budget_usd),
        "createdAt": moment(job.created_at),
        "startedAt": moment(job.started_at),
        "completedAt": moment(job.completed_at),
        "outcome": serialize_outcome(job),
    }


def serialize_cache(tokens: Tokens) -> dict[str, Any]:
    """What the provider's prompt cache did for a batch."""
    return {
        "cache": {
            "savedUsd": dollars(tokens.saved),
            "readTokens": tokens.cache_read,
            "writeTokens": tokens.cache_write,
            "readPercent": tokens.read_percent,
        }
    }


def serialize_changed_settings(job: BatchJob) -> dict[str, Any]:
    """The answer to a change of settings: the settings that the batch has now."""
    return {
        "jobId": job.pk,
        "status": job.status,
        "concurrentProcessing": job.concurrent_processing,
        "priority": Priority(job.priority).label,
        "budgetUsd": dollars(job.budget_usd),
    }


def serialize_job(job: BatchJob) -> dict[str, Any]:
    """A batch in a list. It needs the row of the job only."""
    return {
        "jobId": job.pk,
        "status": job.status,
        "reason": job.reason or None,
        "progress": round(100 * job.ended_items / max(1, job.total_items), 1),
        "totalItems": job.total_items,
        "completedItems": job.completed_items,
        "failedItems": job.failed_items,
        "successfulItems": job.successful_items,
        "inFlight": job.in_flight,
        "actualCost": about_dollars(job.spent),
        "actualCostUsd": dollars(job.spent),
        "budgetUsd": dollars(job.budget_usd),
        **serialize_settings(job),
    }


def serialize_outcome(job: BatchJob) -> dict[str, Any] | None:
    """The estimate of a completed batch beside what it came to. Errors are shares: +0.1 means a tenth more than estimated."""
    found = measure_accuracy(job)
    if found is None:
        return None
    return {
        "estimatedCostUsd": dollars(found.said),
        "estimatedCostRangeUsd": {"low": dollars(found.low), "high": dollars(found.high)},
        "actualCostUsd": dollars(found.cost),
        "withinRange": found.holds,
        "costError": round(found.cost_error, 4),
        "estimatedSeconds": whole(found.said_seconds),
        "actualSeconds": round(found.seconds, 1),
        "timeError": round(found.time_error, 4),
        "inputTokens": job.actual_input_tokens,
        "outputTokens": job.actual_output_tokens,
        "historyItems": found.history,
    }


def serialize_item(item: BatchItem, *, newest: Conversation | None = None) -> dict[str, Any]:
    """`newest`: the current version of its conversation, if that is another one than the item has made."""
    made = newest or getattr(item, "conversation", None)
    return {
        "id": item.pk,
        "position": item.position,
        "conversationId": item.conversation_id,
        "topic": item.topic,
        "tier": item.tier,
        "status": item.status,
        "attempt": item.attempt,
        "errorKind": item.error_kind or None,
        "errorMessage": item.error_message or None,
        "endedAt": moment(item.ended_at),
        "conversation": made
        and {"id": made.pk, "title": made.title, "status": made.status, "version": made.version},
    }
