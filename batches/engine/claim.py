"""Step 2 of 4: claim an item. Item, log row, the job's reservation and the permit, in one short transaction."""

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
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.states import RUNNING, ItemStatus, JobStatus, LogState, Reason
from claude import translation
from lib.statements import insert
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

# So often has an item been there when a worker died that the next time parks it: one of these at a time in a job.
SUSPECT_CRASHES = settings.ENGINE_MAX_CRASHES - 1
SUSPECT_WAIT_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An item that is ours, announced in the log. The permit starts at `starts_at`, on this process's monotonic clock."""

    call: Call
    starts_at: float

    @property
    def token(self) -> UUID:
        return self.call.token


class ClaimRefused(Exception):
    """The claim was rolled back; `why` is one of item, cache, job, alone, month, limit."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


def claim(call: Call, *, worker_id: UUID) -> Claim | None:
    """Make the item ours; None when it, its job, the budget or the limit does not allow it now.

    Nothing of a refused claim stays, and the item may be rung again at once.
    """
    try:
        with transaction.atomic():
            taken = _take_item(call, worker_id=worker_id)
            _write_log_row(call, taken, worker_id=worker_id)
            _admit_to_cache(call)
            _reserve(call)
            if taken.crashes >= SUSPECT_CRASHES and _is_another_suspect_running(call):
                raise ClaimRefused("alone")
            if not month_budget.reserve(call.log_id, worst=call.reservation):
                raise ClaimRefused("month")
            leave_in = take_permit(call.pool, call.expected, log_id=call.log_id, interactive=call.interactive)
            if leave_in is None:
                raise ClaimRefused("limit")
            if leave_in > AHEAD_S:  # its deadline counts from its start
                _delay_deadline(call, seconds=leave_in)
            starts_at = time.monotonic() + leave_in  # before the commit, which may take its time
    except ClaimRefused as refusal:
        if refusal.why != "item":
            _allow_dispatch_again(call, wait_s=SUSPECT_WAIT_S if refusal.why == "alone" else 0)
        if refusal.why == "job":
            pause_for_budget(call)
        elif refusal.why == "month":
            month_budget.pause_for_month(
                call.job_id, worst=call.reservation, demo=call.pool.startswith(month_budget.DEMO_POOL)
            )
        return None
    return Claim(call=call, starts_at=starts_at)


def _allow_dispatch_again(call: Call, *, wait_s: float) -> None:
    later = ClockTimestamp() + timedelta(seconds=wait_s) if wait_s else F("run_after")
    BatchItem.objects.filter(pk=call.item_id, status=ItemStatus.QUEUED).update(rung_at=None, run_after=later)


def _is_another_suspect_running(call: Call) -> bool:
    """Asked under the job's lock: two that wait to be parked at the next crash must not die together."""
    suspects = BatchItem.objects.filter(
        job_id=call.job_id, status=ItemStatus.PROCESSING, crashes__gte=SUSPECT_CRASHES
    )
    return suspects.exclude(pk=call.item_id).exists()


@dataclass(frozen=True, slots=True)
class ClaimedItem:
    """What the item said when it was taken; `at` is the database's clock."""

    attempt: int
    crashes: int
    at: datetime


def _take_item(call: Call, *, worker_id: UUID) -> ClaimedItem:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE batch_items SET status = 'processing', attempt = attempt + 1, token = %s, worker_id = %s, "
            "claimed_at = clock_timestamp(), current_log_id = %s, run_after = NULL "
            "WHERE id = %s AND status = 'queued' AND (run_after IS NULL OR run_after <= clock_timestamp()) RETURNING attempt, crashes, claimed_at",
            [call.token, worker_id, call.log_id, call.item_id],
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
        request_payload=translation.payload(call.request),
    )
    insert([announced])


def _admit_to_cache(call: Call) -> None:
    if call.request.lifetime and not prompt_cache.admit(
        job_id=call.job_id,
        version_id=call.origin.template_version.pk,
        log_id=call.log_id,
        lifetime=call.request.lifetime,
    ):
        raise ClaimRefused("cache")


def _delay_deadline(call: Call, *, seconds: float) -> None:
    GenerationLog.objects.filter(pk=call.log_id).update(deadline=F("deadline") + timedelta(seconds=seconds))


def _reserve(call: Call) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE batch_jobs SET in_flight = in_flight + 1, reserved = reserved + %(worst)s, last_served_at = clock_timestamp(), "
            "status = 'processing', started_at = coalesce(started_at, clock_timestamp()) "
            "WHERE id = %(job)s AND status IN ('queued', 'processing') AND in_flight < concurrent_processing "
            "AND spent + reserved + %(worst)s <= budget_usd",
            {"worst": call.reservation, "job": call.job_id},
        )
        if cursor.rowcount == 0:
            raise ClaimRefused("job")


def pause_for_budget(call: Call) -> None:
    """Pause the job when nothing is in flight and the next reservation does not fit: only then can no claim succeed.

    A cut reply is asked again with twice the room: the dearest reservation is then this one, and says what is missing.
    """
    BatchJob.objects.filter(
        pk=call.job_id,
        status__in=RUNNING,
        in_flight=0,
        budget_usd__lt=F("spent") + F("reserved") + call.reservation,
    ).update(
        status=JobStatus.PAUSED,
        reason=Reason.BUDGET,
        stopped_at=ClockTimestamp(),
        worst_item_usd=Greatest("worst_item_usd", call.reservation),
    )


def may_still_leave(claim: Claim) -> bool:
    """One look, after the wait: the job runs, the pool is open, the item is still ours, the database answers."""
    try:
        return _may_still_leave(claim)
    except DATABASE_AWAY as problem:
        logger.warning("Nobody could say whether item %s may be asked (%s)", claim.call.item_id, problem)
        return False


def _may_still_leave(claim: Claim) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT j.status IN ('queued', 'processing') AND i.token = %(token)s AND NOT EXISTS "
            "(SELECT 1 FROM rate_limits r WHERE r.pool = %(pool)s AND r.blocked_until > clock_timestamp()) AND NOT EXISTS "
            "(SELECT 1 FROM provider_pools p WHERE p.pool = %(pool)s AND p.opened_for_s > 0 AND p.probe_id IS DISTINCT FROM %(log)s) "
            "FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id WHERE i.id = %(item)s",
            {
                "token": claim.token,
                "pool": claim.call.pool,
                "item": claim.call.item_id,
                "log": claim.call.log_id,
            },
        )
        row = cursor.fetchone()
    return bool(row and row[0])
