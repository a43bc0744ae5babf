"""File a call that brought no reply: release it, try again later, or fail its item (docs/execution.md sections 4 and 6).

The log row is always moved and its reservation always released. The item is moved only while it still has this claim's
token: a claim whose item was reaped and claimed again must not touch the newer claim.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from batches.engine.calls import Call
from batches.engine.claim import Claim
from batches.engine.file import compute_known_cost, file_unreadable, note_refusal, token_fields
from batches.engine.moves import (
    ZERO,
    Delta,
    LockedItem,
    LockedLog,
    backoff_s,
    book,
    end_item,
    lock_item,
    lock_log,
    requeue,
    settle,
    settle_requeued,
)
from batches.limits import circuit_breaker
from batches.limits.limiter import block_pool
from batches.models import BatchJob, GenerationLog
from batches.models.states import RUNNING, ItemStatus, JobStatus, LogState, Reason
from claude.errors import Blocked, Busy, ClaudeError, Unusable

# Why a job stops when its call meets what every other call of it would meet as well.
REASON_OF: Mapping[str, Reason] = {
    "provider_auth": Reason.PROVIDER_AUTH,
    "provider_billing": Reason.PROVIDER_BILLING,
    "not_found": Reason.NOT_FOUND,
    "request_refused": Reason.REQUEST_REFUSED,
}


def release(claim: Claim) -> None:
    """Undo a claim whose call was not made: reservation, permit and attempt are given back."""
    with transaction.atomic():
        item = lock_item(claim.call.item_id)
        delta = _book_unpaid(
            claim, kind="not_sent", message="Not sent: the job stopped, or the provider asked to wait."
        )
        _move_back(claim, item, delta, attempt=-1)


def withdraw(call: Call) -> None:
    """Undo a claim whose commit broke off, if it was committed after all."""
    with transaction.atomic():
        lock_item(call.item_id)
        if GenerationLog.objects.filter(pk=call.log_id).exists():
            release(Claim(call=call, starts_at=0))


def break_off(claim: Claim, bug: Exception) -> None:
    """Fail the item after an exception of ours during the call. Nobody knows whether it is billed: book the worst case."""
    message = f"The call broke off ({type(bug).__name__}). This is a defect of LoRAPipe."
    error = Busy(message, kind="connection", costs_attempt=True, maybe_billed=True)
    fail(claim, kind="internal", message=message, error=error)


def fail(claim: Claim, *, kind: str, message: str, error: ClaudeError | None = None) -> None:
    """Fail the item for good, with this error kind and message."""
    with transaction.atomic():
        item = lock_item(claim.call.item_id)
        delta = _book_unpaid(claim, kind=kind, message=message, error=error)
        if delta is None or item.token != claim.token:
            _settle_log_only(item, delta)
            return
        end_item(item, status=ItemStatus.FAILED, kind=kind, message=message)
        delta.in_flight, delta.failed, delta.stops = -1, 1, True
        settle(item.job_id, delta)


def fail_unasked(item_id: UUID, *, kind: str, message: str) -> None:
    """Fail a queued item whose request cannot be built. No call was made and nothing is booked."""
    with transaction.atomic():
        item = lock_item(item_id)
        if item.status == ItemStatus.QUEUED:
            end_item(item, status=ItemStatus.FAILED, kind=kind, message=message)
            settle(item.job_id, Delta(failed=1, stops=True))


def stop_job(item_id: UUID, *, reason: Reason, message: str) -> None:
    """Fail the item's whole job, because no call of it can be made. A person repairs the cause and resumes the job."""
    BatchJob.objects.filter(items=item_id, status__in=RUNNING).stop(
        status=JobStatus.FAILED, reason=reason, note=message
    )


def handle_error(claim: Claim, error: ClaudeError) -> None:
    """Do what the error's class asks for: the item, its pool or its job is moved accordingly."""
    if isinstance(error, Unusable):
        file_unreadable(claim, error)
    elif isinstance(error, Blocked):
        _stop_jobs(claim, error)
    elif isinstance(error, Busy):
        _try_later(claim, error)
    else:
        fail(claim, kind=error.kind, message=error.message, error=error)


def _try_later(claim: Claim, error: Busy) -> None:
    with transaction.atomic():
        item = lock_item(claim.call.item_id)
        if error.costs_attempt and item.attempt >= settings.ENGINE_MAX_ATTEMPTS:
            return fail(claim, kind=error.kind, message=error.message, error=error)
        delta = _book_unpaid(claim, kind=error.kind, message=error.message, error=error)
        wait_s = 0.0 if error.blocks_pool else _wait_s(claim, item, error)
        _move_back(claim, item, delta, wait_s=wait_s, attempt=0 if error.costs_attempt else -1, error=error)
        _record_in_pool(claim, error)
    return None


def _record_in_pool(claim: Claim, error: Busy) -> None:
    """Record in the pool's rows what this refusal means for all its calls. Last, because all calls update these rows."""
    pool, log_id = claim.call.pool, claim.call.log_id
    if error.blocks_pool:
        block_pool(pool, seconds=_block_s(error))
        if error.too_fast:
            circuit_breaker.slow_down(pool, log_id)
    elif error.kind == "overloaded":
        circuit_breaker.record_overload(pool, log_id)
    if not error.costs_attempt:
        circuit_breaker.record_refusal(pool)


def _block_s(error: Busy) -> float:
    """Seconds: what the provider asks for, else 15 (ENGINE_BLOCK_S). After too fast a growth of the rate at least these 15.

    At least the first backoff: some servers say `retry-after: 0` and refuse the next call, too. A refusal costs no attempt, so
    the pool would ask again without end and without a pause.
    """
    if error.retry_after is None:
        return float(settings.ENGINE_BLOCK_S)
    least = float(settings.ENGINE_BLOCK_S) if error.too_fast else backoff_s(1)
    return max(error.retry_after, least)


def _wait_s(claim: Claim, item: LockedItem, error: Busy) -> float:
    """Seconds: what the provider asks for, but at least the first backoff; else the backoff by how often this item has failed."""
    if error.retry_after:
        return max(error.retry_after, backoff_s(1))
    if error.costs_attempt:
        return backoff_s(item.attempt)
    return backoff_s(GenerationLog.objects.filter(item_id=item.id, error_kind=error.kind).count())


def _stop_jobs(claim: Claim, error: Blocked) -> None:
    """Stop the job, and all jobs of the key that missing credit concerns, instead of failing 1,000 items one by one.

    The item is moved and committed first. Then each job is stopped in a transaction of its own, in the order of the ids;
    one transaction for all would deadlock with moves of their items.
    """
    with transaction.atomic():
        item = lock_item(claim.call.item_id)
        delta = _book_unpaid(claim, kind=error.kind, message=error.message, error=error)
        _move_back(claim, item, delta, attempt=-1, error=error)
    reason = REASON_OF[error.kind]
    stopped = _jobs_of(claim.call.key) if reason == Reason.PROVIDER_BILLING else [claim.call.job_id]
    for job_id in sorted(stopped):
        BatchJob.objects.filter(pk=job_id, status__in=RUNNING).stop(
            status=JobStatus.FAILED, reason=reason, note=error.message
        )
    BatchJob.objects.filter(pk=claim.call.job_id, status=JobStatus.PAUSED).update(
        reason=reason, reason_note=error.message
    )


def _jobs_of(key: str) -> list[UUID]:
    """Ids of the running jobs of all workspaces that use the key of this name."""
    running = BatchJob.objects.filter(status__in=RUNNING, workspace__provider_key=key)
    return list(running.values_list("pk", flat=True))


# --- what the moves share ---------------------------------------------------------------------------


def _book_unpaid(claim: Claim, *, kind: str, message: str, error: ClaudeError | None = None) -> Delta | None:
    """Book a call without a reply. Returns the changes for its job, or None when its log row has ended already.

    The cost is 0, except where the provider may have billed the call (decision 0001): then it is the whole reservation.
    A stream that had begun has reported the prompt's tokens: then only the output is priced at its worst, unless the
    final count had arrived as well.
    """
    log = lock_log(claim.call.log_id)
    fields: dict[str, Any] = {"error_kind": kind, "error_message": message}
    if error is not None:
        fields["reported"] = error.limits
        fields["provider_request_id"] = (error.request_id or "")[:100]
        fields["response_body"] = error.body or None
        fields |= token_fields(error.usage)
    state, cost = _find_cost(claim, log, error)
    delta = book(log, state=state, cost=cost, **fields)
    if delta is not None and error is not None and kind != "internal":
        note_refusal(delta, error)
    return delta


def _find_cost(claim: Claim, log: LockedLog, error: ClaudeError | None) -> tuple[LogState, Decimal]:
    """The state and the cost in USD of a call without a reply."""
    known = compute_known_cost(error, call=claim.call) if error is not None else None
    if error is not None and known is not None:
        return (LogState.FAILED if error.output_known else LogState.UNKNOWN), known
    if isinstance(error, Busy) and error.maybe_billed:
        return LogState.UNKNOWN, log.reservation
    return LogState.FAILED, ZERO


def _move_back(
    claim: Claim,
    item: LockedItem,
    delta: Delta | None,
    *,
    wait_s: float = 0,
    attempt: int = 0,
    error: ClaudeError | None = None,
) -> None:
    if delta is None or item.token != claim.token:
        _settle_log_only(item, delta)
        return
    requeue(
        item,
        wait_s=wait_s,
        attempt=attempt,
        kind=error.kind if error else "",
        message=error.message if error else "",
    )
    delta.in_flight = -1
    settle_requeued(item, delta)


def _settle_log_only(item: LockedItem, delta: Delta | None) -> None:
    if delta is not None:
        settle(item.job_id, delta)
