"""Look whether everything agrees, and put right what can be put right without a doubt; the rest is told to people.

The rows of items and logs are what happened. What is derived from them (counters, sums, a job's end) is made from them
anew, under the lock that every move takes last: who holds a job's row sees every move that has changed it, whole.
"""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from batches.engine.invariants import EVERYTHING, Scope, Violation, one_snapshot, violations
from batches.engine.moves import DATABASE_AWAY, LockedItem, end_item, lock_item, requeue
from batches.models import BatchItem, BatchJob, GenerationLog, Repair
from batches.models.states import COMPLETABLE, RUNNING, ItemStatus, JobStatus, LogState
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

RECONCILE_LOCK = 0x10AA02
LOOK_BACK = timedelta(hours=1)
# Otherwise what has moved in the last hour; every so often, and at the start, everything.
EVERYTHING_EACH = 60
# A rule names few rows at a time, and a repair may show what another rule then sees.
MOST_ROUNDS = 50

RULE_OF = {
    "total_items": "I13",
    "completed_items": "I13",
    "failed_items": "I13",
    "successful_items": "I13",
    "in_flight": "I5",
    "reserved": "I3",
    "spent": "I4",
    "status": "I8",
}
COUNTS = """
SELECT count(*), count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status = 'processing')
  FROM batch_items WHERE job_id = %s
"""
SUMS = """
SELECT count(*), coalesce(sum(cost_usd), 0), coalesce(sum(reservation_usd) FILTER (WHERE state = 'pending'), 0)
  FROM generation_logs WHERE job_id = %s
"""
MAKE_MONTH = """
INSERT INTO spending_months (id, workspace_id, month, demo) VALUES (gen_random_uuid(), %(workspace)s, %(month)s, %(demo)s)
ON CONFLICT DO NOTHING
"""
LOCK_MONTH = """
SELECT spent, reserved FROM spending_months
 WHERE workspace_id = %(workspace)s AND month = %(month)s AND demo = %(demo)s FOR NO KEY UPDATE
"""
MONTH_SUMS = """
SELECT count(*), coalesce(sum(cost_usd), 0), coalesce(sum(reservation_usd) FILTER (WHERE state = 'pending'), 0)
  FROM generation_logs
 WHERE workspace_id = %(workspace)s AND (pool LIKE 'demo:%%') = %(demo)s
   AND created_at >= (%(month)s::date::timestamp AT TIME ZONE 'UTC')
   AND created_at < ((%(month)s::date + interval '1 month')::timestamp AT TIME ZONE 'UTC')
"""
SET_MONTH = """
UPDATE spending_months SET spent = %(spent)s, reserved = %(reserved)s
 WHERE workspace_id = %(workspace)s AND month = %(month)s AND demo = %(demo)s
"""
# The clock of the database was set back: until it has caught up, nobody would ring them.
CLEAR_FUTURE_DISPATCHES = """
UPDATE batch_items SET rung_at = NULL WHERE id IN (
    SELECT i.id FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id AND j.status IN ('queued', 'processing')
     WHERE i.status = 'queued' AND i.rung_at > clock_timestamp() + interval '1 s' FOR NO KEY UPDATE OF i SKIP LOCKED)
RETURNING job_id
"""


class Reconciler:
    """One dispatcher's: it knows when it last looked at everything, and what it has told already."""

    def __init__(self) -> None:
        self.looks = 0
        self.told: set[str] = set()

    def look(self) -> None:
        """Repair, and tell once what nobody may repair but a person."""
        left = reconcile(everything=self.looks % EVERYTHING_EACH == 0)
        self.looks += 1
        found = {f"{each.rule} {each.table} {each.row}": each for each in left}
        for key in found.keys() - self.told:
            logger.error("This does not agree, and is left to a person: %s", found[key])
        self.told = set(found)


def reconcile(*, everything: bool = True) -> list[Violation]:
    """Repair what is derived from items and logs. Returns what is left; nothing while another one is looking."""
    clear_future_dispatches()
    broken = _look(everything)
    for _ in range(MOST_ROUNDS):
        if not sum(map(_try_repair, broken)):
            break
        broken = _look(everything)
    return broken


def _look(everything: bool) -> list[Violation]:
    scope = EVERYTHING if everything else _find_recent()
    with one_snapshot():
        return violations(scope) if _try_lock() else []


def _try_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [RECONCILE_LOCK])
        return bool(cursor.fetchone()[0])


def _find_recent() -> Scope:
    now = timezone.now()
    recent = BatchJob.objects.filter(updated_at__gt=now - LOOK_BACK)
    running = BatchJob.objects.filter(status__in=RUNNING)
    jobs = (recent | running).values_list("pk", flat=True)
    return Scope(jobs=list(jobs), months_from=(now - LOOK_BACK).date().replace(day=1))


def _try_repair(broken: Violation) -> bool:
    """One transaction for each: what cannot be repaired must not stop the others."""
    try:
        with transaction.atomic():
            return _repair(broken)
    except DATABASE_AWAY:
        raise
    except DatabaseError:
        logger.exception("Could not repair: %s", broken)
        return False


def _repair(broken: Violation) -> bool:
    if broken.row.startswith("and "):
        return False  # named in the next round, when the others are repaired
    if broken.table == "batch_items" and broken.rule in ("I2", "I6"):
        return repair_item(UUID(broken.row))
    if broken.table == "batch_jobs" and broken.rule in RULE_OF.values():
        return sweep(UUID(broken.row)) or repair_job(UUID(broken.row))
    if broken.table == "spending_months":
        workspace, month, *demo = broken.row.split()
        return repair_month(UUID(workspace), month, demo=bool(demo))
    return False


def repair_item(item_id: UUID) -> bool:
    """An item whose conversation is there is completed; one whose call has ended without a reply goes back to the queue.

    A pending log is left alone: its reply may come, and if not it is reaped.
    """
    item = lock_item(item_id)
    won = BatchItem.objects.filter(pk=item_id, conversation__turn_count__gt=0).exists()
    if won and item.status in (ItemStatus.QUEUED, ItemStatus.PROCESSING, ItemStatus.FAILED):
        _complete(item)
    elif not won and item.status == ItemStatus.PROCESSING and not _is_pending(item):
        requeue(item)
        if BatchJob.objects.filter(pk=item.job_id, status=JobStatus.CANCELLED).exists():
            end_item(item, status=ItemStatus.CANCELLED)
    else:
        return False
    after = BatchItem.objects.get(pk=item_id).status
    _note(item.job_id, "I2" if won else "I6", f"batch_items {item_id} status", item.status, after)
    repair_job(item.job_id)
    return True


def _is_pending(item: LockedItem) -> bool:
    log = item.current_log_id
    return log is not None and GenerationLog.objects.filter(pk=log, state=LogState.PENDING).exists()


def _complete(item: LockedItem) -> None:
    end_item(item, status=ItemStatus.COMPLETED)
    won = (
        GenerationLog.objects.filter(item_id=item.id, state=LogState.SUCCEEDED)
        .order_by("-created_at")
        .first()
    )
    if won is not None:
        BatchItem.objects.filter(pk=item.id).update(current_log=won)


def sweep(job_id: UUID) -> bool:
    """What a cancelled job still has in the queue. Items only: a claim takes its item before its job."""
    left = BatchItem.objects.filter(job_id=job_id, job__status=JobStatus.CANCELLED, status=ItemStatus.QUEUED)
    swept = left.update(status=ItemStatus.CANCELLED, ended_at=ClockTimestamp(), rung_at=None, run_after=None)
    if swept:
        _note(job_id, "I8", f"batch_jobs {job_id} queued items", swept, 0)
    return bool(swept)


def repair_job(job_id: UUID) -> bool:
    """Counters and money from the rows, the end of a job from its counters. Its items and logs stay as they are."""
    job = BatchJob.objects.select_for_update(no_key=True).get(pk=job_id)
    right = _compute_from_rows(job)
    changed = {name: value for name, value in right.items() if getattr(job, name) != value}
    for name, value in changed.items():
        _note(job_id, RULE_OF[name], f"batch_jobs {job_id} {name}", getattr(job, name), value)
    if "status" in changed:
        changed |= {"completed_at": ClockTimestamp(), "stopped_at": None, "reason": "", "reason_note": ""}
    if changed:
        BatchJob.objects.filter(pk=job_id).update(**changed)
    return bool(changed)


def _compute_from_rows(job: BatchJob) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [job.pk])
        total, completed, failed, processing = cursor.fetchone()
        cursor.execute(SUMS, [job.pk])
        logs, spent, reserved = cursor.fetchone()
    right = {
        "total_items": total,
        "completed_items": completed,
        "failed_items": failed,
        "successful_items": min(job.successful_items, completed),
        "in_flight": processing,
        "reserved": reserved,
        "spent": choose_believable(job.spent, spent, logs=logs),
        "status": job.status,
    }
    if total and completed + failed == total and job.status in COMPLETABLE:
        right["status"] = JobStatus.COMPLETED
    return right


def choose_believable(before: Decimal, after: Decimal, *, logs: int) -> Decimal:
    """What was spent is never lowered because rows are missing: only where there are logs, and their sum says so."""
    return after if logs or after >= before else before


def repair_month(workspace_id: UUID, month: str, *, demo: bool) -> bool:
    """A month's sums from the logs that were made in it."""
    values: dict[str, Any] = {"workspace": workspace_id, "month": month, "demo": demo}
    with connection.cursor() as cursor:
        cursor.execute(MAKE_MONTH, values)
        cursor.execute(LOCK_MONTH, values)
        before = cursor.fetchone()
        cursor.execute(MONTH_SUMS, values)
        logs, spent, reserved = cursor.fetchone()
        after = (choose_believable(before[0], spent, logs=logs), reserved)
        if before == after:
            return False
        cursor.execute(SET_MONTH, {**values, "spent": after[0], "reserved": after[1]})
    subject = f"spending_months {workspace_id} {month}{' demo' if demo else ''}"
    for rule, name, old, new in zip(("I4", "I3"), ("spent", "reserved"), before, after, strict=True):
        if old != new:
            _note(None, rule, f"{subject} {name}", old, new, workspace_id=workspace_id)
    return True


def clear_future_dispatches() -> int:
    """Items that were rung in the future wait no longer; returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLEAR_FUTURE_DISPATCHES)
        jobs = [row[0] for row in cursor.fetchall()]
        for job_id in sorted(set(jobs)):
            _note(job_id, "rung", f"batch_jobs {job_id} items rung in the future", jobs.count(job_id), 0)
    return len(jobs)


def _note(
    job_id: UUID | None,
    rule: str,
    subject: str,
    before: object,
    after: object,
    *,
    workspace_id: UUID | None = None,
) -> None:
    if job_id is not None:
        workspace_id = BatchJob.objects.values_list("workspace_id", flat=True).get(pk=job_id)
    assert workspace_id is not None
    row = Repair(
        workspace_id=workspace_id,
        job_id=job_id,
        rule=rule,
        subject=subject,
        before=str(before),
        after=str(after),
    )
    row.save(force_insert=True)
    logger.warning("Repaired: %s", row)
