"""The locks and the bookings that every change of an item's or a log row's state shares. Such a change is called a move.

A move has four parts, all in one transaction:

1. `lock_item`, then `lock_log`. The states read under these locks decide what the move may do.
2. `book` moves the log row: its cost, and the release of its reservation. It happens at most once for each log row.
3. `requeue` or `end_item` moves the item.
4. `settle` adds the sum of the changes (`Delta`) to the job, then to the workspace's month, then to the rate limits.

Locks are always taken in the order item, log, prompt cache, job, month, limits. The rows that many workers update come
last, so that they are locked for the shortest time. Locking the log before the item deadlocked 24 times in 12 s.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection, transaction
from django.db.models import QuerySet

from batches.engine import month_budget
from batches.engine.month_budget import Month
from batches.limits.limiter import Correction, correct_limits
from batches.limits.pools import DEMO_POOL
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.states import REPLIED, Dimension, ItemStatus, LogState, Reason
from claude.allowance import Allowance
from conversations.models import Conversation
from conversations.states import Status
from lib.statements import update
from workspaces.models import ClockTimestamp

ZERO = Decimal(0)
# The database is away, has resolved a deadlock, has ended the session or is read-only for now: repeat the whole move.
DATABASE_AWAY = (OperationalError, InterfaceError, InternalError)


@dataclass(frozen=True, slots=True)
class LockedItem:
    """An item as it was when its row was locked."""

    id: UUID
    job_id: UUID
    status: str
    token: UUID | None
    current_log_id: UUID | None
    attempt: int
    crashes: int


@dataclass(frozen=True, slots=True)
class LockedLog:
    """A log row as it was when it was locked. Money in USD; `took_*`: tokens taken from the rate limits at the claim."""

    id: UUID
    state: str
    reservation: Decimal
    cost: Decimal
    month: Month
    pool: str
    took_input: int
    took_output: int


@dataclass(slots=True)
class Delta:
    """The changes that one move makes to its job, in USD and in items. `settle` applies them in one UPDATE."""

    spent: Decimal = ZERO
    released: Decimal = ZERO
    in_flight: int = 0
    completed: int = 0
    failed: int = 0
    successful: int = 0
    stops: bool = False  # an item failed; a job with the error handling `stop` fails with it
    simulated: bool = False
    refusal: str = ""  # the kind of a refusal: the same one several times in a row pauses the job
    passing: bool = False  # a refusal that is tried again: a server that fails for a moment
    note: str = ""  # the provider's words
    month: Month | None = None  # the month that the money belongs to; None when no log row has moved
    limits: Correction | None = None  # what the call has really used of its pool's rate limits


def lock_item(item_id: UUID) -> LockedItem:
    """Lock the item's row. Every move begins with this, and the status that it reads decides how the counters change."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, job_id, status, token, current_log_id, attempt, crashes FROM batch_items WHERE id = %s FOR NO KEY UPDATE",
            [item_id],
        )
        return LockedItem(*cursor.fetchone())


def lock_log(log_id: UUID) -> LockedLog:
    """Lock a log row. Only after its item's row has been locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, state, reservation_usd, cost_usd, workspace_id, date_trunc('month', created_at AT TIME ZONE 'UTC')::date, "
            "pool, took_input_tokens, took_output_tokens FROM generation_logs WHERE id = %s FOR NO KEY UPDATE",
            [log_id],
        )
        id_, state, reservation, cost, workspace_id, month, pool, *took = cursor.fetchone()
    whose = Month(workspace_id, month, pool.startswith(DEMO_POOL))
    return LockedLog(id_, state, reservation, cost, whose, pool, *took)


def book(
    log: LockedLog,
    *,
    state: LogState,
    cost: Decimal,
    reported: Mapping[str, Allowance] | None = None,
    **fields: Any,
) -> Delta | None:
    """Move the log row to `state` and return what that changes for its job; None when the row has ended already.

    `cost` in USD, exactly. A pending row releases its reservation, which so happens exactly once. An unknown row has its
    worst case booked as cost, which is taken back here. `reported`: the rate limits in the answer's headers.
    `fields`: further columns of the row.
    """
    if log.state not in (LogState.PENDING, LogState.UNKNOWN):
        return None
    update(GenerationLog, log.id, {"state": state, "cost_usd": cost, **fields}, moments=("finished_at",))
    was_pending = log.state == LogState.PENDING
    return Delta(
        spent=cost - log.cost,
        released=log.reservation if was_pending else ZERO,
        simulated=bool(fields.get("simulated")),
        month=log.month,
        limits=Correction(
            pool=log.pool,
            log_id=log.id,
            changes=_changes(log, state, fields),
            reported=reported or {},
            replied=state in REPLIED,
        ),
    )


def _changes(log: LockedLog, state: LogState, fields: Mapping[str, Any]) -> dict[str, float]:
    """How much more (or less, below 0) of each rate limit the call used than was taken for it at the claim.

    Tokens read from the cache do not count as input. A call that was refused or never sent used no tokens; one that was
    never sent used no request either. When nobody knows what it used, nothing changes: by the time such a call is given
    up, its share of the limit has been refilled.
    """
    if state != LogState.UNKNOWN and "output_tokens" in fields:
        took = fields["input_tokens"] + fields["cache_write_tokens"], fields["output_tokens"]
    elif state == LogState.FAILED and log.state == LogState.PENDING:
        took = 0, 0
    else:
        took = log.took_input, log.took_output
    changes = {
        Dimension.INPUT_TOKENS.value: float(took[0] - log.took_input),
        Dimension.OUTPUT_TOKENS.value: float(took[1] - log.took_output),
    }
    if fields.get("error_kind") == "not_sent":
        changes[Dimension.REQUESTS.value] = -1.0
    return changes


JITTER = 0.25


def backoff_s(failures: int) -> float:
    """Seconds to wait after so many failures: 1, 2, 4, 8, then 16 for the fifth and all later ones; +-25% at random."""
    steps: list[float] = settings.ENGINE_BACKOFF_S
    step = steps[min(max(failures, 1), len(steps)) - 1]
    return step * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311


def requeue(
    item: LockedItem,
    *,
    wait_s: float = 0,
    attempt: int = 0,
    crashes: int = 0,
    kind: str = "",
    message: str = "",
) -> None:
    """Put a processing item back into the queue, to run again after `wait_s` seconds.

    `attempt` (-1: the call did not count) and `crashes` are added to the item's. `kind` and `message` stay on the item.
    """
    _update_item(
        item.id,
        "status = 'queued', token = NULL, worker_id = NULL, rung_at = NULL, attempt = attempt + %(attempt)s, "
        "crashes = crashes + %(crashes)s, error_kind = %(kind)s, error_message = %(message)s, "
        "run_after = CASE WHEN %(wait)s > 0 THEN clock_timestamp() + make_interval(secs => %(wait)s) END",
        {"attempt": attempt, "crashes": crashes, "kind": kind, "message": message, "wait": wait_s},
    )


def end_item(
    item: LockedItem,
    *,
    status: ItemStatus,
    kind: str = "",
    message: str = "",
    crashes: int = 0,
    log_id: UUID | None = None,
) -> None:
    """End an item as completed, failed or cancelled. `log_id`: the log row whose reply its conversation was made of."""
    _update_item(
        item.id,
        "status = %(status)s::text, token = NULL, worker_id = NULL, rung_at = NULL, run_after = NULL, ended_at = clock_timestamp(), "
        "progress = CASE WHEN %(status)s::text = 'completed' THEN 100 ELSE 0 END, crashes = crashes + %(crashes)s, "
        "error_kind = %(kind)s, error_message = %(message)s, current_log_id = coalesce(%(log)s::uuid, current_log_id)",
        {"status": status.value, "kind": kind, "message": message, "crashes": crashes, "log": log_id},
    )
    if status == ItemStatus.FAILED:
        fail_draft(item.id)
    elif status == ItemStatus.CANCELLED:
        give_drafts_back(item.id)


def fail_draft(item_id: UUID) -> None:
    """The draft that an item has begun to fill has failed with it. A retry of the item goes on with it."""
    begun = Conversation.objects.filter(batch_item=item_id, status=Status.GENERATING)
    begun.update(status=Status.FAILED)


def give_drafts_back(item_id: UUID | None = None) -> None:
    """What a cancelled item has begun to fill is a draft again, which another batch may fill. Without an id: of all items."""
    begun = Conversation.objects.filter(
        status__in=[Status.GENERATING, Status.FAILED],
        batch_item__status=ItemStatus.CANCELLED,
        batch_item__fills__isnull=False,
    )
    if item_id is not None:
        begun = begun.filter(batch_item=item_id)
    begun.update(status=Status.DRAFT, batch_item=None)


@transaction.atomic
def cancel_items(rows: "QuerySet[BatchItem]") -> int:
    """Cancel these items, which are in the queue, and return how many. Drafts that they have begun to fill are given back."""
    swept = rows.update(status=ItemStatus.CANCELLED, ended_at=ClockTimestamp(), rung_at=None, run_after=None)
    if swept:
        give_drafts_back()
    return swept


def _update_item(item_id: UUID, assignments: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE batch_items SET {assignments} WHERE id = %(id)s", {**values, "id": item_id})  # noqa: S608


# After so many refusals in a row a job is paused. A server that fails for a moment (5xx, a lost connection) meets every call
# that is in flight; a job that has had replies before waits until repeated calls have failed as well.
IN_A_ROW = "(1 + CASE WHEN refusal_name = %(refusal)s::text THEN refusals ELSE 0 END)"
MOST_REFUSALS = (
    "%(most)s + CASE WHEN %(passing)s AND completed_items > 0 THEN 2 * concurrent_processing ELSE 0 END"
)
# One statement does it all, and the job's row lock is the only one: the transaction that ends the last open item sees in the
# new counters that the job has ended.
SETTLE = """
UPDATE batch_jobs SET
    -- money and counters
    spent = spent + %(spent)s, reserved = reserved - %(released)s, in_flight = in_flight + %(in_flight)s,
    completed_items = completed_items + %(completed)s, failed_items = failed_items + %(failed)s,
    successful_items = successful_items + %(successful)s, simulated = simulated OR %(simulated)s,
    -- refusals in a row: a reply or another kind of refusal begins anew
    refusals = CASE WHEN %(refusal)s::text <> '' THEN {in_a_row} WHEN %(replied)s THEN 0 ELSE refusals END,
    refusal_name = CASE WHEN %(refusal)s::text <> '' THEN %(refusal)s::text WHEN %(replied)s THEN '' ELSE refusal_name END,
    -- the job ends when its last item has ended; under `stop` it fails with the first item that fails; the same refusal
    -- several times in a row pauses it
    status = CASE WHEN {ends} THEN 'completed' WHEN {stops} THEN 'failed' WHEN {pauses} THEN 'paused' ELSE status END,
    reason = CASE WHEN {ends} THEN '' WHEN {stops} THEN %(item_error)s WHEN {pauses} THEN %(refused)s ELSE reason END,
    reason_note = CASE WHEN {ends} OR {stops} THEN '' WHEN {pauses} THEN %(note)s ELSE reason_note END,
    completed_at = CASE WHEN {ends} THEN clock_timestamp() ELSE completed_at END,
    -- a job that completes while it is paused: the pause until now does not count as working time
    paused_seconds = CASE WHEN {ends} AND stopped_at IS NOT NULL
        THEN paused_seconds + extract(epoch FROM clock_timestamp() - stopped_at) ELSE paused_seconds END,
    stopped_at = CASE WHEN {ends} THEN NULL WHEN {stops} OR {pauses} THEN clock_timestamp() ELSE stopped_at END
-- the status before, read under the same lock
FROM (SELECT id AS job_id, status AS earlier FROM batch_jobs WHERE id = %(job)s FOR NO KEY UPDATE) locked
WHERE id = job_id
RETURNING status, earlier
""".format(  # noqa: S608  constants alone
    ends=(
        "(status IN ('queued', 'processing', 'paused', 'failed') AND %(ended)s <> 0"
        " AND completed_items + failed_items + %(ended)s = total_items)"
    ),
    stops="(%(stops)s AND error_handling = 'stop' AND status IN ('queued', 'processing'))",
    pauses=(
        f"(%(refusal)s::text <> '' AND status IN ('queued', 'processing') AND {IN_A_ROW} >= {MOST_REFUSALS})"
    ),
    in_a_row=IN_A_ROW,
)


def settle(job_id: UUID, delta: Delta) -> str:
    """Apply a move to its job, its workspace's month and its pool's limits, in this order. Returns the job's new status.

    A move that completes, pauses or stops the job has an entry in the audit log.
    """
    values: dict[str, Any] = {
        "job": job_id,
        "spent": delta.spent,
        "released": delta.released,
        "in_flight": delta.in_flight,
        "completed": delta.completed,
        "failed": delta.failed,
        "successful": delta.successful,
        "ended": delta.completed + delta.failed,
        "stops": delta.stops,
        "simulated": delta.simulated,
        "item_error": Reason.ITEM_ERROR.value,
        "refusal": delta.refusal,
        "replied": delta.limits is not None and delta.limits.replied,
        "passing": delta.passing,
        "note": delta.note,
        "refused": Reason.REFUSALS.value,
        "most": settings.ENVIRONMENT.refusals_in_a_row,
    }
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, values)
        status, earlier = cursor.fetchone()
    if status != earlier:
        BatchJob.objects.get(pk=job_id).record_move(earlier=earlier)
    if delta.month is not None and (delta.spent or delta.released):
        month_budget.settle(delta.month, spent=delta.spent, released=delta.released)
    if delta.limits is not None:
        correct_limits(delta.limits)
    if status == "completed":
        record_outcome(job_id)
    return str(status)


def settle_requeued(item: LockedItem, delta: Delta) -> str:
    """Apply the move of an item that went back into the queue. If its job is cancelled, so is the item. Returns the status."""
    status = settle(item.job_id, delta)
    if status == "cancelled":
        end_item(item, status=ItemStatus.CANCELLED)
    return status


# Reads all log rows of the job once (10,000 rows take about 10 ms). It runs when a job completes, and again only when a
# retry completes it again or a late reply changes what it cost.
RECORD_OUTCOME = """
UPDATE batch_jobs SET
    -- from the first claim to the end, without the pauses
    actual_seconds = greatest(0, extract(epoch FROM completed_at - coalesce(started_at, completed_at)) - paused_seconds),
    actual_input_tokens = used.input, actual_output_tokens = used.output
-- used: the tokens of all its calls; input is the whole prompt, cached or not
FROM (SELECT coalesce(sum(input_tokens + cache_write_tokens + cache_read_tokens), 0) AS input,
             coalesce(sum(output_tokens), 0) AS output
        FROM generation_logs WHERE job_id = %(job)s) used
WHERE id = %(job)s AND status = 'completed'
"""


def record_outcome(job_id: UUID) -> None:
    """Store what a completed job took, in seconds and tokens. Safe to repeat; does nothing for a job that is not completed."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD_OUTCOME, {"job": job_id})
