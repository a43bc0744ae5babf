"""Release the calls of dead workers: pending log rows whose worker has ended or has no heartbeat, or whose time is up.

Nobody knows whether the provider answered such a call and billed it. The log row becomes `unknown`, with its whole
reservation booked as cost; if the reply arrives after all, its real cost replaces that. The item goes back into the queue,
and fails when three workers have died with it (ENGINE_MAX_CRASHES): it may be what kills them.
"""

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

# The calls to release, the oldest deadline first.
ABANDONED = """
SELECT l.id, l.job_id, l.item_id FROM generation_logs l LEFT JOIN workers w ON w.id = l.worker_id
 WHERE l.state = 'pending'
   -- its worker has signed off, or its process is known to have ended (`worker_registry.sign_off_ended`)
   AND (w.stopped_at IS NOT NULL
        -- its time is up, or its worker is gone or has sent no heartbeat for too long
        OR ((l.deadline + make_interval(secs => %(after)s) < clock_timestamp()
             OR w.id IS NULL OR w.heartbeat_at + make_interval(secs => %(stale)s) < clock_timestamp())
            -- not within the grace after the database's start: a worker that lives may hold replies that it could not store
            AND clock_timestamp() > pg_postmaster_start_time() + make_interval(secs => %(grace)s)))
 ORDER BY l.deadline
"""
CRASHED = (
    "Its worker died {n} times while it was in flight. It has failed, so that the other items can go on."
)
# An item has failed because workers died with it, so it is taken to have killed them. Items that were in flight with it at
# those deaths are no longer blamed for them.
EXONERATE = """
UPDATE batch_items i SET crashes = greatest(0, i.crashes - shared.n) FROM (
    -- shared: for each other item, how many of these deaths it was in flight at
    SELECT l.item_id, count(*) AS n FROM generation_logs l
     WHERE l.error_kind = 'crashed' AND l.item_id <> %(item)s
       AND l.worker_id IN (SELECT worker_id FROM generation_logs WHERE item_id = %(item)s AND error_kind = 'crashed')
     GROUP BY l.item_id) shared
 WHERE i.id = shared.item_id AND i.status IN ('queued', 'processing') AND i.crashes > 0
"""


def reap() -> int:
    """Release every abandoned call and return how many there were.

    Each call has a transaction of its own, so that one bad row does not keep the others from being released.
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
    """Release one call, under the lock of its item. False when it has ended meanwhile."""
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
    """If the item has failed by crashes, clear the other items of the same deaths. Not with the reaping: it locks many items."""
    if item_id is None:
        return
    if BatchItem.objects.filter(pk=item_id, status=ItemStatus.FAILED, error_kind="crashed").exists():
        with connection.cursor() as cursor:
            cursor.execute(EXONERATE, {"item": item_id})
