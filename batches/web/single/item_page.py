"""What the page of an item shows: its state, why it failed, and what can be done. It decides nothing."""

from typing import Any
from uuid import uuid4

from batches.actions.controls import budget_for_rest, budget_for_retry, retry_cost
from batches.engine.stored_replies import USABLE_FROM, find_stored_replies, was_reply_removed
from batches.models import BatchItem, GenerationLog
from batches.models.states import (
    CANCELLABLE,
    OPEN_ITEMS,
    RESUMABLE,
    RETRYABLE,
    ItemStatus,
    JobKind,
    JobStatus,
)
from batches.reports.progress import progress
from batches.reports.reason_texts import find_error_text
from batches.web.jobs.batch_page import is_short_of_budget, list_banners


def build_item_context(item: BatchItem) -> dict[str, Any]:
    """Everything about an item that is not a conversation yet."""
    job, now = item.job, progress(item.job)
    single = job.kind == JobKind.SINGLE
    failed = item.status == ItemStatus.FAILED
    stands = job.status in RESUMABLE
    waits = single and stands and item.status == ItemStatus.QUEUED
    must_raise = waits and is_short_of_budget(job, now)
    kept = item.status in USABLE_FROM and find_stored_replies(item.pk).exists()
    moves = item.status == ItemStatus.PROCESSING or (item.status == ItemStatus.QUEUED and not stands)
    return {
        "item": item,
        "job": job,
        "single": single,
        "title": item.topic or item.conversation_id,
        "polls": moves,
        "page_title": f"{ItemStatus(item.status).label}: {item.topic or item.conversation_id}",
        "announcement": ItemStatus(item.status).label,
        "banners": list_banners(job, now) if item.status in OPEN_ITEMS and (single or stands) else [],
        "failed": failed,
        "error": find_error_text(item.error_kind),
        "attempts": list_attempts(item),
        "kept": kept,
        "removed": item.status in USABLE_FROM and not kept and was_reply_removed(item.pk),
        "can_retry": failed and job.status in RETRYABLE,
        "retry_cost": retry_cost(job, 1),
        "retry_budget": budget_for_retry(job, 1) if single else None,
        "can_resume": waits and not must_raise,
        "raised_budget": f"{budget_for_rest(job).normalize():f}" if must_raise else None,
        "can_cancel": single and job.status in CANCELLABLE and item.status in OPEN_ITEMS,
        "idempotency_key": uuid4(),
        "completed": job.status == JobStatus.COMPLETED,
    }


def list_attempts(item: BatchItem) -> list[GenerationLog]:
    """The last 20 attempts to reach Claude for an item, the newest first, without the payloads, which can be megabytes."""
    rows = item.logs.defer("request_payload", "response_payload", "response_body", "parameters")
    return list(rows.order_by("-created_at")[:20])
