"""Step 2 of 4: claim an item, in one short transaction that either takes everything or nothing.

The transaction does the following, in this order. Every step is a single conditional statement, and a step that finds no
row raises ClaimRefused, which rolls all of it back.

1. Item: `queued -> processing`, with a token that proves whose claim it is.
2. Log row: `pending`, with the request and the reservation, so that a call is on record before it is made. A draft of a
   conversation that the item fills becomes `generating`.
3. Prompt cache: when the shared beginning of the prompt is not cached yet, only one call of its kind may go first.
4. Job: one more call in flight, and its worst-case cost is added to `reserved`, if budget and concurrency allow it.
5. Month: the same worst case is reserved in the workspace's budget of the month.
6. Rate limits: a permit that starts within about two seconds.

Rows that many workers update (job, month, limits) come last, so that their locks are held for the shortest time. All
transactions of the engine lock in this order (docs/execution.md section 2); another order deadlocks.
"""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from batches.engine import month_budget, prompt_cache
from batches.engine.calls import Call
from batches.engine.moves import DATABASE_AWAY
from batches.limits.limiter import AHEAD_S, take_permit
from batches.limits.pools import DEMO_POOL
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.call_stops import CALLS_ALLOWED
from batches.models.states import RUNNING, ItemStatus, JobStatus, LogState, Reason
from conversations.models import Conversation
from conversations.states import Status
from lib.statements import insert
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

# An item that was in flight at this many deaths of a worker fails at the next one (ENGINE_MAX_CRASHES). It is suspected of
# killing its worker, so only one such item of a job may be in flight at a time: a second one would be blamed with it.
SUSPECT_CRASHES = settings.ENGINE_MAX_CRASHES - 1
SUSPECT_WAIT_S = 2.0  # after this many seconds a suspect that had to wait is tried again

TAKE_ITEM = f"""
UPDATE batch_items SET status = 'processing', attempt = attempt + 1, token = %(token)s, worker_id = %(worker)s,
       claimed_at = clock_timestamp(), current_log_id = %(log)s, run_after = NULL
 WHERE id = %(item)s AND status = 'queued'
   -- a retry waits for its backoff, on the database's clock as it is after the wait for the lock
   AND (run_after IS NULL OR run_after <= clock_timestamp())
   AND {CALLS_ALLOWED}
RETURNING attempt, crashes, claimed_at, fills
"""  # noqa: S608
RESERVE = """
UPDATE batch_jobs SET in_flight = in_flight + 1, reserved = reserved + %(worst)s, last_served_at = clock_timestamp(),
       status = 'processing', started_at = coalesce(started_at, clock_timestamp())
 WHERE id = %(job)s AND status IN ('queued', 'processing')
   -- the person's limit of calls at once
   AND in_flight < concurrent_processing
   -- the budget covers everything that may be billed, this call at its worst included
   AND spent + reserved + %(worst)s <= budget_usd
"""
MAY_STILL_LEAVE = f"""
SELECT -- nobody has stopped the job, or all calls
       j.status IN ('queued', 'processing') AND {CALLS_ALLOWED}
       -- the item has not been reaped or retried meanwhile
   AND i.token = %(token)s
       -- the provider has not asked the pool to wait
   AND NOT EXISTS (SELECT 1 FROM rate_limits r WHERE r.pool = %(pool)s AND r.blocked_until > clock_timestamp())
       -- the pool's circuit breaker is closed, or this call is its probe
   AND NOT EXISTS (SELECT 1 FROM provider_pools p
                    WHERE p.pool = %(pool)s AND p.opened_for_s > 0 AND p.probe_id IS DISTINCT FROM %(log)s)
  FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id WHERE i.id = %(item)s
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claimed item with its pending log row. Its permit starts at `starts_at` (seconds of `time.monotonic()` here)."""

    call: Call
    starts_at: float

    @property
    def token(self) -> UUID:
        return self.call.token


class ClaimRefused(Exception):
    """The claim was rolled back. `why` names the step that refused it: item, draft, cache, job, alone, month or limit."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


def claim(call: Call, *, worker_id: UUID) -> Claim | None:
    """Claim the item for this worker. None when its state, its job, a budget or a rate limit does not allow it now.

    A refused claim leaves nothing behind, and the item may be dispatched again at once. A refusal by a budget pauses the
    job if no claim of it could succeed any more. Raises NoLimiter when the pool has no rows, and the database's errors.
    """
    try:
        with transaction.atomic():
            taken = _take_item(call, worker_id=worker_id)
            _write_log_row(call, taken, worker_id=worker_id)
            _take_draft(call, taken)
            _admit_to_cache(call)
            _reserve(call)
            if taken.crashes >= SUSPECT_CRASHES and _is_another_suspect_running(call):
                raise ClaimRefused("alone")
            if not month_budget.reserve(call.log_id, worst=call.reservation):
                raise ClaimRefused("month")
            leave_in = take_permit(call.pool, call.expected, log_id=call.log_id, interactive=call.interactive)
            if leave_in is None:
                raise ClaimRefused("limit")
            if leave_in > AHEAD_S:  # a late start; the deadline counts from it
                _delay_deadline(call, seconds=leave_in)
            starts_at = time.monotonic() + leave_in  # read before the commit, which may be slow
    except ClaimRefused as refusal:
        if refusal.why != "item":
            _allow_dispatch_again(call, wait_s=SUSPECT_WAIT_S if refusal.why == "alone" else 0)
        if refusal.why == "job":
            pause_for_budget(call)
        elif refusal.why == "month":
            pause_for_month(call)
        return None
    return Claim(call=call, starts_at=starts_at)


def _allow_dispatch_again(call: Call, *, wait_s: float) -> None:
    later = ClockTimestamp() + timedelta(seconds=wait_s) if wait_s else F("run_after")
    BatchItem.objects.filter(pk=call.item_id, status=ItemStatus.QUEUED).update(rung_at=None, run_after=later)


def _is_another_suspect_running(call: Call) -> bool:
    """Whether another suspect of the job is in flight. `_reserve` has locked the job's row, so two claims cannot both pass."""
    suspects = BatchItem.objects.filter(
        job_id=call.job_id, status=ItemStatus.PROCESSING, crashes__gte=SUSPECT_CRASHES
    )
    return suspects.exclude(pk=call.item_id).exists()


@dataclass(frozen=True, slots=True)
class ClaimedItem:
    """The item as it was claimed. `at` is the moment of the claim on the database's clock."""

    attempt: int
    crashes: int
    at: datetime
    fills: UUID | None


def _take_item(call: Call, *, worker_id: UUID) -> ClaimedItem:
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE_ITEM,
            {"token": call.token, "worker": worker_id, "log": call.log_id, "item": call.item_id},
        )
        row = cursor.fetchone()
    if row is None:
        raise ClaimRefused("item")
    return ClaimedItem(*row)


def _write_log_row(call: Call, taken: ClaimedItem, *, worker_id: UUID) -> None:
    announced = GenerationLog(
        id=call.log_id,
        workspace_id=call.origin.workspace_id,
        created_by_id=call.origin.created_by_id,
        job_id=call.job_id,
        item_id=call.item_id,
        run_id=call.run_id,
        template_version=call.origin.template_version,
        worker_id=worker_id,
        tier=call.origin.tier,
        attempt=taken.attempt,
        state=LogState.PENDING,
        pool=call.pool,
        model=call.request.model,
        max_tokens=call.request.max_tokens,
        reservation_usd=call.reservation,
        price_version=call.prices.version,
        took_input_tokens=call.expected.input,
        took_output_tokens=call.expected.output,
        deadline=taken.at + timedelta(seconds=call.deadline_s),
        parameters=dict(call.origin.parameters),
        request_payload=dict(call.prepared.body),
    )
    insert([announced])


def _take_draft(call: Call, taken: ClaimedItem) -> None:
    """The draft that the item fills is its own from now on. Refused when it is no draft any more; the next call says so."""
    if taken.fills is None:
        return
    free = Conversation.objects.filter(pk=taken.fills).can_be_filled_by(call.item_id)
    if not free.update(status=Status.GENERATING, batch_item=call.item_id):
        raise ClaimRefused("draft")


def _admit_to_cache(call: Call) -> None:
    version = call.origin.template_version
    if version is None or not call.request.lifetime:  # nothing that other calls share
        return
    if not prompt_cache.admit(
        job_id=call.job_id,
        version_id=version.pk,
        log_id=call.log_id,
        lifetime=call.request.lifetime,
    ):
        raise ClaimRefused("cache")


def _delay_deadline(call: Call, *, seconds: float) -> None:
    GenerationLog.objects.filter(pk=call.log_id).update(deadline=F("deadline") + timedelta(seconds=seconds))


def _reserve(call: Call) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            RESERVE,
            {"worst": call.reservation, "job": call.job_id},
        )
        if cursor.rowcount == 0:
            raise ClaimRefused("job")


def pause_for_budget(call: Call) -> None:
    """Pause the job if its budget does not cover this call and nothing is in flight. Otherwise do nothing.

    While a call is in flight its reply may release enough of the reservation. The reservation of this call is kept as the
    job's dearest one, because a repeated call with twice the output tokens can cost more than any before it; the page
    then says what is missing.
    """
    BatchJob.objects.filter(
        pk=call.job_id,
        status__in=RUNNING,
        in_flight=0,
        budget_usd__lt=F("spent") + F("reserved") + call.reservation,
    ).stop(
        status=JobStatus.PAUSED,
        reason=Reason.BUDGET,
        worst_item_usd=Greatest("worst_item_usd", call.reservation),
    )


@transaction.atomic
def pause_for_month(call: Call) -> None:
    """Pause the job if its month does not cover this call and nothing of its workspace is in flight. Otherwise do nothing."""
    if month_budget.is_used_up(call.job_id, worst=call.reservation, demo=call.pool.startswith(DEMO_POOL)):
        BatchJob.objects.filter(pk=call.job_id).stop(
            status=JobStatus.PAUSED,
            reason=Reason.MONTH_BUDGET,
            worst_item_usd=Greatest("worst_item_usd", call.reservation),
        )


def may_still_leave(claim: Claim) -> bool:
    """Check once more after waiting for the permit: the job runs, the pool takes calls, the item still has our token.

    False as well when the database cannot be asked.
    """
    try:
        return _may_still_leave(claim)
    except DATABASE_AWAY as problem:
        logger.warning(
            "Could not check whether the call of item %s may start (%s)", claim.call.item_id, problem
        )
        return False


def _may_still_leave(claim: Claim) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            MAY_STILL_LEAVE,
            {
                "token": claim.token,
                "pool": claim.call.pool,
                "item": claim.call.item_id,
                "log": claim.call.log_id,
            },
        )
        row = cursor.fetchone()
    return bool(row and row[0])
