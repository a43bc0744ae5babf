"""Check that stored sums and states agree with the rows they come from, repair what is beyond doubt, and report the rest.

Items and log rows say what happened. Counters, sums of money and the end of a job are derived from them, and are computed
anew here while the job's row is locked. Every move of the engine updates the job's row last, so whoever holds it sees each
move either completely or not at all. Each repair is written to the table `repairs`; what only a person may decide is
logged once as an error.
"""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from batches.engine.invariants import EVERYTHING, Scope, Violation, one_snapshot, violations
from batches.engine.kinds.registry import find_kind
from batches.engine.moves import DATABASE_AWAY, LockedItem, cancel_items, end_item, lock_item, requeue
from batches.models import BatchItem, BatchJob, GenerationLog, Repair
from batches.models.states import COMPLETABLE, RUNNING, ItemStatus, JobStatus, LogState
from conversations.comparison import compare, list_not_compared
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

RECONCILE_LOCK = 0x10AA02
LOOK_BACK = timedelta(hours=1)
# Every so many looks, and at the first one, everything is checked; otherwise only what has changed in the last hour.
EVERYTHING_EACH = 60
# How often checking and repairing is repeated: a rule names 20 rows at most, and one repair may reveal another violation.
MOST_ROUNDS = 50
# How many conversations one look compares with the others; each takes a few milliseconds.
MOST_COMPARED = 500

# Which rule of docs/execution.md section 8 each column of a job belongs to.
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
# A job's counters by its items: all, completed, failed, processing.
COUNTS = """
SELECT count(*), count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status = 'processing')
  FROM batch_items WHERE job_id = %s
"""
# A job's money by its log rows: how many there are, spent, reserved (USD).
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
# The same for a workspace's month, by the log rows made in it.
MONTH_SUMS = """
SELECT count(*), coalesce(sum(cost_usd), 0), coalesce(sum(reservation_usd) FILTER (WHERE state = 'pending'), 0)
  FROM generation_logs
 WHERE workspace_id = %(workspace)s AND (pool LIKE 'demo:%%') = %(demo)s
   -- from the first day of the month to the first day of the next one, in UTC
   AND created_at >= (%(month)s::date::timestamp AT TIME ZONE 'UTC')
   AND created_at < ((%(month)s::date + interval '1 month')::timestamp AT TIME ZONE 'UTC')
"""
SET_MONTH = """
UPDATE spending_months SET spent = %(spent)s, reserved = %(reserved)s
 WHERE workspace_id = %(workspace)s AND month = %(month)s AND demo = %(demo)s
"""
# After the database's clock was set back, queued items seem to have been dispatched in the future, and would not be
# dispatched again before the clock has caught up.
CLEAR_FUTURE_DISPATCHES = """
UPDATE batch_items SET rung_at = NULL WHERE id IN (
    SELECT i.id FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id AND j.status IN ('queued', 'processing')
     WHERE i.status = 'queued' AND i.rung_at > clock_timestamp() + interval '1 s' FOR NO KEY UPDATE OF i SKIP LOCKED)
RETURNING job_id
"""


class Reconciler:
    """Checks and repairs for one dispatcher process. It remembers how often it has looked and what it has reported already."""

    def __init__(self) -> None:
        self.looks = 0
        self.reported: set[str] = set()

    def look(self) -> None:
        """Check and repair. What only a person may repair is logged once, and again only after it had disappeared."""
        everything = self.looks % EVERYTHING_EACH == 0
        left = reconcile(everything=everything)
        compare_left_over(everything=everything)
        self.looks += 1
        found = {f"{violation.rule} {violation.table} {violation.row}": violation for violation in left}
        for key in found.keys() - self.reported:
            logger.error("A rule is broken that only a person can repair: %s", found[key])
        self.reported = set(found)


def reconcile(*, everything: bool = True) -> list[Violation]:
    """Repair what is derived from items and logs. Returns the violations that are left.

    Returns an empty list while another process is checking. Raises the database's errors.
    """
    clear_future_dispatches()
    broken = _look(everything)
    for _ in range(MOST_ROUNDS):
        if not sum(map(_try_repair, broken)):
            break
        broken = _look(everything)
    return broken


def compare_left_over(*, everything: bool = True) -> int:
    """Compare the conversations whose process ended between their commit and their comparison. Returns how many."""
    if everything:
        left = list_not_compared(None, since=None, most=MOST_COMPARED)
    else:
        since = timezone.now() - LOOK_BACK
        recent = BatchJob.objects.filter(Q(updated_at__gt=since) | Q(status__in=RUNNING))
        workspaces = list(recent.values_list("workspace", flat=True).distinct())
        left = list_not_compared(workspaces, since=since, most=MOST_COMPARED)
    for key in left:
        _try_compare(key)
    return len(left)


def _try_compare(key: UUID) -> None:
    """Compare one conversation. Its failure is logged and keeps no other one from being compared."""
    try:
        compare(key)
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("Conversation %s could not be compared with the others", key)


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
    """Repair one violation in a transaction of its own, so that a failure does not stop the other repairs."""
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
        return False  # the count of the rows beyond the first 20; the next round names them
    if broken.table == "batch_items" and broken.rule in ("I2", "I6"):
        return repair_item(UUID(broken.row))
    if broken.table == "batch_jobs" and broken.rule in RULE_OF.values():
        return sweep(UUID(broken.row)) or repair_job(UUID(broken.row))
    if broken.table == "spending_months":
        workspace, month, *demo = broken.row.split()
        return repair_month(UUID(workspace), month, demo=bool(demo))
    return False


def repair_item(item_id: UUID) -> bool:
    """Complete an item that has its result; put a processing item whose call has ended back into the queue.

    An item with a pending log row is left alone: its reply may arrive, and if not, the call is reaped. Returns whether
    anything was changed.
    """
    item = lock_item(item_id)
    won = find_kind(BatchItem.objects.values_list("kind", flat=True).get(pk=item_id)).has_result(item_id)
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
    """Cancel the items that a cancelled job still has in the queue. It locks no job, because a claim locks its item first."""
    left = BatchItem.objects.filter(job_id=job_id, job__status=JobStatus.CANCELLED, status=ItemStatus.QUEUED)
    swept = cancel_items(left)
    if swept:
        _note(job_id, "I8", f"batch_jobs {job_id} queued items", swept, 0)
    return bool(swept)


def repair_job(job_id: UUID) -> bool:
    """Compute a job's counters and money from its rows, and its end from its counters. Items and log rows are not changed."""
    job = BatchJob.objects.select_for_update(no_key=True).get(pk=job_id)
    right = _compute_from_rows(job)
    changed = {name: value for name, value in right.items() if getattr(job, name) != value}
    for name, value in changed.items():
        _note(job_id, RULE_OF[name], f"batch_jobs {job_id} {name}", getattr(job, name), value)
    if "status" in changed:
        changed |= {"completed_at": ClockTimestamp(), "stopped_at": None, "reason": "", "reason_note": ""}
    if changed:
        BatchJob.objects.filter(pk=job_id).update(**changed)
    if "status" in changed:
        earlier = job.status
        job.refresh_from_db(fields=["status", "reason"])
        job.record_move(earlier=earlier)
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
    """The sum of the logs (USD), but never a smaller one if there are no log rows: then rows are missing, not money."""
    return after if logs or after >= before else before


def repair_month(workspace_id: UUID, month: str, *, demo: bool) -> bool:
    """Compute a month's sums from the log rows that were made in it. `month`: its first day, YYYY-MM-DD."""
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
    """Let items be dispatched that seem to have been dispatched in the future. Returns how many there were."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLEAR_FUTURE_DISPATCHES)
        jobs = [row[0] for row in cursor.fetchall()]
        for job_id in sorted(set(jobs)):
            _note(
                job_id, "rung", f"batch_jobs {job_id} items dispatched in the future", jobs.count(job_id), 0
            )
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
