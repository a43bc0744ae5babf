"""Ring: choose the items whose turn it is, stamp them, tell the workers. A message is a hint; the row decides.

Only the database is asked. A dead broker costs a failed publish: the items are rung again after 15 s.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError as BrokerError

from batches.engine.prompt_cache import may_dispatch
from batches.limits import limiter
from batches.limits.pools import pool_or_none
from batches.models.states import JobKind
from lorapipe.queues import Queue

logger = logging.getLogger(__name__)

NO_POOL = ""
GENERATE = "batches.generate"  # the task by its name: its slot goes on by itself (batches/engine/freed.py)
KINDS = {Queue.GENERATION: JobKind.BATCH, Queue.INTERACTIVE: JobKind.SINGLE}
# Least recently served workspace, then priority, then least recently served job.
CANDIDATES = """
SELECT j.id, j.model, month.provider_key,
       (SELECT count(*) FROM (
            SELECT 1 FROM batch_items i WHERE i.job_id = j.id AND i.status = 'queued'
               AND (i.run_after IS NULL OR i.run_after <= now())
               AND (i.rung_at IS NULL OR i.rung_at < now() - make_interval(secs => %(again)s))
               /* and what its prompts share allows */
             LIMIT %(limit)s) due) AS due,
       rung.n AS rung,
       j.concurrent_processing - j.in_flight - rung.n AS room,
       CASE WHEN j.worst_item_usd > 0
            THEN floor(least(j.budget_usd - j.spent - j.reserved, month.room) / j.worst_item_usd) ELSE %(limit)s END AS affordable,
       j.in_flight
  FROM batch_jobs j
 CROSS JOIN LATERAL (
       SELECT count(*) AS n FROM batch_items i WHERE i.job_id = j.id AND i.status = 'queued'
          AND i.rung_at >= now() - make_interval(secs => %(again)s)) rung
 CROSS JOIN LATERAL (
       SELECT w.provider_key, w.monthly_budget_usd - coalesce(m.spent + m.reserved, 0) AS room FROM workspaces_workspace w
         LEFT JOIN spending_months m ON m.workspace_id = w.id AND m.demo = %(demo)s
              AND m.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
        WHERE w.id = j.workspace_id) month
 WHERE j.status IN ('queued', 'processing') AND j.kind = %(kind)s
 ORDER BY (SELECT max(o.last_served_at) FROM batch_jobs o
            WHERE o.workspace_id = j.workspace_id AND o.status IN ('queued', 'processing')) NULLS FIRST,
          j.priority, j.last_served_at NULLS FIRST, j.created_at
"""
FREE_SLOTS = """
SELECT coalesce((SELECT sum(w.slots) FROM workers w WHERE w.stopped_at IS NULL AND %(queue)s = ANY(w.queues)
                    AND w.heartbeat_at > clock_timestamp() - make_interval(secs => %(stale)s)), 0)
     - coalesce((SELECT sum(j.in_flight) FROM batch_jobs j WHERE j.kind = %(kind)s AND j.in_flight > 0), 0)
"""
# An array, which is made once: `IN (SELECT ... LIMIT n FOR UPDATE)` may be run for each outer row, and stamps more than n.
# Who was in flight when a worker died comes last: one of them may have killed it, and would kill the next.
MARK = """
UPDATE batch_items SET rung_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT i.id FROM batch_items i WHERE i.job_id = %(job)s AND i.status = 'queued'
       AND (i.run_after IS NULL OR i.run_after <= now())
       AND (i.rung_at IS NULL OR i.rung_at < now() - make_interval(secs => %(again)s))
       /* and what its prompts share allows */
     ORDER BY i.crashes, i.position LIMIT %(n)s FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id
"""
# The condition costs twice the planning, so it is only asked where a running job has prompts that share something.
SHARED = "/* and what its prompts share allows */"
SHARED_CANDIDATES = CANDIDATES.replace(SHARED, f"AND {may_dispatch('j.id')}")
SHARED_MARK = MARK.replace(SHARED, f"AND {may_dispatch('%(job)s')}")
IS_SHARED = """
SELECT EXISTS (SELECT 1 FROM batch_jobs WHERE status IN ('queued', 'processing') AND kind = %(kind)s
                  AND coalesce(estimate -> 'shared', '{}') <> '{}')
"""


@dataclass(slots=True)
class Candidate:
    """A running job with what could be rung of it."""

    id: UUID
    pool: str
    runnable: int
    rung: int


def dispatch_due(queue: Queue) -> int:
    """Ring what slots, permits, concurrency and budgets allow; returns how many."""
    with transaction.atomic():
        ids = mark_dispatched(queue)
    return publish(queue, ids)


def mark_dispatched(queue: Queue, *, at_most: int | None = None) -> list[UUID]:
    """Choose items and mark them as rung now. Publish them only after the commit: nobody else rings them for 15 s."""
    free = _free_slots(queue)
    if free <= 0:
        return []
    shared = _is_shared(queue)
    chosen = _choose(queue, free, at_most=min(free, at_most or free), shared=shared)
    return [item for job, n in chosen.items() for item in _mark(job, n, shared=shared)]


def publish(queue: Queue, ids: list[UUID]) -> int:
    """Tell the workers. A broker that is away changes nothing: the rows will be rung again."""
    for number, item_id in enumerate(ids):
        try:
            current_app.send_task(
                GENERATE, args=[str(item_id)], queue=queue.value, retry=False, ignore_result=True
            )
        except (BrokerError, OSError) as problem:
            logger.warning("The broker is away (%s): %d items will be rung again", problem, len(ids) - number)
            return number
    return len(ids)


def _is_shared(queue: Queue) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(IS_SHARED, {"kind": KINDS[queue].value})
        return bool(cursor.fetchone()[0])


def _choose(queue: Queue, free: int, *, at_most: int, shared: bool) -> Counter[UUID]:
    """How many items of which job, one by one in the order of fairness. `free` slots, of which some are rung for already."""
    candidates = _candidates(queue, at_most=at_most, shared=shared)
    free -= sum(each.rung for each in candidates)
    pools = list({each.pool for each in candidates})
    permits = {NO_POOL: 1} | limiter.count_permits(pools, interactive=queue == Queue.INTERACTIVE)
    for each in candidates:
        permits[each.pool] = permits.get(each.pool, 0) - each.rung
    chosen: Counter[UUID] = Counter()
    for each in _in_turn(candidates):
        if free <= 0 or chosen.total() >= at_most:
            break
        if permits[each.pool] > 0:
            permits[each.pool] -= 1
            free -= 1
            chosen[each.id] += 1
    return chosen


def _in_turn(candidates: list[Candidate]) -> Iterator[Candidate]:
    """One item of each job, then the next of each, until none has any left."""
    left = {each.id: each.runnable for each in candidates}
    while any(n > 0 for n in left.values()):
        for each in candidates:
            if left[each.id] > 0:
                left[each.id] -= 1
                yield each


def _candidates(queue: Queue, *, at_most: int, shared: bool) -> list[Candidate]:
    """More than `at_most` items of one job are not looked for: counting a thousand that are due costs more than all the rest."""
    values: dict[str, Any] = {
        "again": settings.ENGINE_DISPATCH_AGAIN_S,
        "kind": KINDS[queue].value,
        "limit": at_most,
        "demo": settings.DEMO,
    }
    with connection.cursor() as cursor:
        cursor.execute(SHARED_CANDIDATES if shared else CANDIDATES, values)
        rows = cursor.fetchall()
    found = []
    for job_id, model, key, due, rung, room, affordable, in_flight in rows:
        # With nothing in flight one is rung even beyond the budget: its claim then says that the job must pause.
        # Without a model or a key an item is rung all the same: it finds out, and stops its job with the reason.
        pool = pool_or_none(model, key) or NO_POOL
        means = max(int(affordable), 0 if in_flight or rung else 1)
        found.append(Candidate(job_id, pool, max(0, min(due, room, means)), rung))
    return found


def _free_slots(queue: Queue) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            FREE_SLOTS, {"queue": queue.value, "stale": settings.ENGINE_STALE_S, "kind": KINDS[queue].value}
        )
        return int(cursor.fetchone()[0])


def _mark(job_id: UUID, n: int, *, shared: bool) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            SHARED_MARK if shared else MARK,
            {"job": job_id, "n": n, "again": settings.ENGINE_DISPATCH_AGAIN_S},
        )
        return [row[0] for row in cursor.fetchall()]


# --- prompts whose tokens the provider is to count: as with items the row decides and the message is a hint --

COUNT = "batches.count_prompts"
AT_ONCE = 50
COUNT_AGAIN_S = 60
DUE_COUNTS = """
UPDATE prompt_sizes SET next_at = clock_timestamp() + make_interval(secs => %(again)s)
 WHERE id IN (SELECT id FROM prompt_sizes WHERE counted_at IS NULL AND (next_at IS NULL OR next_at <= now()) AND simulated = %(simulated)s
               ORDER BY created_at LIMIT %(at_once)s FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""


def take_due_counts() -> list[UUID]:
    """Rows that wait for a worker; they are not due again for a minute. Publish them after the commit."""
    with connection.cursor() as cursor:
        cursor.execute(DUE_COUNTS, {"again": COUNT_AGAIN_S, "at_once": AT_ONCE, "simulated": settings.DEMO})
        return [row[0] for row in cursor.fetchall()]


def publish_counts(ids: Sequence[UUID]) -> None:
    """Tell the interactive worker. A broker that is away changes nothing: they are due again in a minute."""
    for row_id in ids:
        try:
            current_app.send_task(
                COUNT, args=[str(row_id)], queue=Queue.INTERACTIVE.value, retry=False, ignore_result=True
            )
        except (BrokerError, OSError) as problem:
            logger.warning("The broker is away (%s): prompts will be counted later", problem)
            return


# --- the slots of this process ---------------------------------------------------------------------------


@dataclass(slots=True)
class WaitingSlot:
    """A slot that waits to be told what to make next."""

    item: UUID | None = None
    told: bool = False


_waiting: dict[Queue, deque[WaitingSlot]] = {queue: deque() for queue in Queue}
_dispatching = threading.Lock()


def next_item(queue: Queue) -> UUID | None:
    """The item that goes on in the caller's slot, chosen in the common order; None when none is due for it.

    Where the database breaks off, the slots that were rung for are left to the dispatcher.
    """
    connection.ensure_connection()  # before waiting: who rings must not need one that a waiting slot holds
    slot = WaitingSlot()
    _waiting[queue].append(slot)
    with _dispatching:
        if not slot.told:
            _dispatch_for(queue)
    return slot.item


def _dispatch_for(queue: Queue) -> None:
    waiting = _waiting[queue]
    slots = [waiting.popleft() for _ in range(len(waiting))]
    for each in slots:
        each.told = True
    with transaction.atomic():
        found = mark_dispatched(queue, at_most=len(slots))
    for each, item in zip(slots, found, strict=False):
        each.item = item
