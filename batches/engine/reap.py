"""Find what dead workers left behind: pending logs whose worker is stale, or whose time is up."""

import logging
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from batches.engine.moves import (
    LockedItem,
    book,
    end_item,
    lock_item,
    lock_log,
    requeue,
    settle,
    settle_requeued,
)
from batches.models import BatchItem
from batches.models.states import ItemStatus, LogState

logger = logging.getLogger(__name__)

# Not within the grace after the database's start: replies may be waiting in the workers' memory.
ABANDONED = """
SELECT l.id, l.job_id, l.item_id FROM generation_logs l LEFT JOIN workers w ON w.id = l.worker_id
 WHERE l.state = 'pending'
   AND clock_timestamp() > pg_postmaster_start_time() + make_interval(secs => %(grace)s)
   AND (l.deadline + make_interval(secs => %(after)s) < clock_timestamp()
        OR w.id IS NULL OR w.stopped_at IS NOT NULL
        OR w.heartbeat_at + make_interval(secs => %(stale)s) < clock_timestamp())
 ORDER BY l.deadline
"""
CRASHED = "Its worker died {n} times while it was in flight: set aside so that the others can go on."


# Whoever was in flight with it at those deaths is not suspected of them any more.
EXONERATE = """
UPDATE batch_items i SET crashes = greatest(0, i.crashes - o.n) FROM (
    SELECT l.item_id, count(*) AS n FROM generation_logs l
     WHERE l.error_kind = 'crashed' AND l.item_id <> %(item)s
       AND l.worker_id IN (SELECT worker_id FROM generation_logs WHERE item_id = %(item)s AND error_kind = 'crashed')
     GROUP BY l.item_id) o
 WHERE i.id = o.item_id AND i.status IN ('queued', 'processing') AND i.crashes > 0
"""


def reap() -> int:
    """Release every abandoned call: its worst case is booked as cost until a late reply says better.

    Returns how many. One transaction for each: one bad row must not stop the others.
    """
    return sum(_reap_one(*found) for found in _find_abandoned())


def _find_abandoned() -> list[tuple[UUID, UUID, UUID | None]]:
    times = {
        "grace": settings.ENGINE_START_GRACE_S,
        "after": settings.ENGINE_REAP_AFTER_DEADLINE_S,
        "stale": settings.ENGINE_STALE_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(ABANDONED, times)
        return list(cursor.fetchall())


def _reap_one(log_id: UUID, job_id: UUID, item_id: UUID | None) -> bool:
    try:
        with transaction.atomic():
            given_up = _give_up(log_id, job_id, lock_item(item_id) if item_id else None)
        _exonerate_others(item_id)
        return given_up
    except Exception:
        logger.exception("Log %s could not be reaped; the others go on", log_id)
        return False


def _give_up(log_id: UUID, job_id: UUID, item: LockedItem | None) -> bool:
    log = lock_log(log_id)
    if log.state != LogState.PENDING:
        return False
    message = "Nobody knows whether this call was answered: its worker died. Its worst case is booked."
    delta = book(
        log, state=LogState.UNKNOWN, cost=log.reservation, error_kind="crashed", error_message=message
    )
    assert delta is not None
    if item is None or item.status != ItemStatus.PROCESSING or item.current_log_id != log_id:
        settle(job_id, delta)
        return True
    delta.in_flight = -1
    if item.crashes + 1 < settings.ENGINE_MAX_CRASHES:
        requeue(item, attempt=-1, crashes=1, kind="crashed", message=message)
        settle_requeued(item, delta)
    else:
        end_item(
            item,
            status=ItemStatus.FAILED,
            kind="crashed",
            message=CRASHED.format(n=item.crashes + 1),
            crashes=1,
        )
        delta.failed, delta.stops = 1, True
        settle(item.job_id, delta)
    return True


def _exonerate_others(item_id: UUID | None) -> None:
    """When an item is parked, its worker's deaths are explained. In a transaction of its own: it takes many items."""
    if item_id is None:
        return
    if BatchItem.objects.filter(pk=item_id, status=ItemStatus.FAILED, error_kind="crashed").exists():
        with connection.cursor() as cursor:
            cursor.execute(EXONERATE, {"item": item_id})
