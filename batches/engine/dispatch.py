"""Step 1 of 4, dispatch: choose the items whose turn it is, mark them in the database, and tell the workers.

The database decides; the Celery message only says that an item may be due. A message that is lost, doubled or late
changes nothing, and an item that no worker has claimed is dispatched again after 15 s (ENGINE_DISPATCH_AGAIN_S).

Three parts: items for idle slots (`dispatch_due`, called by `manage.py dispatch` on every tick), prompts that the provider
is to count (`take_due_counts`), and the next item for a slot that has just become free (`next_item`).

`batch_items.rung_at` is when an item was last dispatched; the column keeps its first name.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from batches.engine.prompt_cache import may_dispatch
from batches.limits import limiter
from batches.limits.pools import pool_or_none
from batches.models.call_stops import CALLS_ALLOWED
from batches.models.states import JobKind
from lorapipe.queues import Queue

logger = logging.getLogger(__name__)

NO_POOL = ""
BACKGROUND = "batches.background_job"
GENERATE = "batches.generate"  # the task's name; `batches.tasks` imports this module, not the other way round
KINDS = {Queue.GENERATION: JobKind.BATCH, Queue.INTERACTIVE: JobKind.SINGLE}
# Stands where the condition of the prompt cache is put in (`batches.engine.prompt_cache.may_dispatch`).
CACHE_CONDITION = "/* prompt cache */"
# The running jobs of a queue in the order of fairness, with how many of their items could be dispatched now.
CANDIDATES = f"""
SELECT j.id, j.model, month.provider_key,
       -- due: queued items that need not wait and were not dispatched lately; counted up to the limit only
       (SELECT count(*) FROM (
            SELECT 1 FROM batch_items i WHERE i.job_id = j.id AND i.status = 'queued'
               AND (i.run_after IS NULL OR i.run_after <= now())
               AND (i.rung_at IS NULL OR i.rung_at < now() - make_interval(secs => %(again_s)s))
               /* prompt cache */
             LIMIT %(limit)s) due_items) AS due,
       dispatched.n AS dispatched,
       -- room: what the job's own limit of calls at once leaves
       j.concurrent_processing - j.in_flight - dispatched.n AS room,
       -- affordable: how many of the dearest call the smaller of the two budgets still covers
       CASE WHEN j.worst_item_usd > 0
            THEN floor(least(j.budget_usd - j.spent - j.reserved, month.room) / j.worst_item_usd) ELSE %(limit)s END AS affordable,
       j.in_flight
  FROM batch_jobs j
 -- dispatched: items whose message is out and that no worker has claimed yet
 CROSS JOIN LATERAL (
       SELECT count(*) AS n FROM batch_items i WHERE i.job_id = j.id AND i.status = 'queued'
          AND i.rung_at >= now() - make_interval(secs => %(again_s)s)) dispatched
 -- month: the workspace's key, and what its budget of the month still covers (NULL: no budget)
 CROSS JOIN LATERAL (
       SELECT w.provider_key, w.monthly_budget_usd - coalesce(m.spent + m.reserved, 0) AS room FROM workspaces_workspace w
         LEFT JOIN spending_months m ON m.workspace_id = w.id AND m.demo = %(demo)s
              AND m.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
        WHERE w.id = j.workspace_id) month
 WHERE j.status IN ('queued', 'processing') AND j.kind = %(kind)s AND {CALLS_ALLOWED}
 -- first the workspace that has waited longest, in it the priority, then the job that has waited longest
 ORDER BY (SELECT max(o.last_served_at) FROM batch_jobs o
            WHERE o.workspace_id = j.workspace_id AND o.status IN ('queued', 'processing')) NULLS FIRST,
          j.priority, j.last_served_at NULLS FIRST, j.created_at
"""  # noqa: S608
FREE_SLOTS = """
SELECT -- the slots of all live workers of the queue
       coalesce((SELECT sum(w.slots) FROM workers w WHERE w.stopped_at IS NULL AND %(queue)s = ANY(w.queues)
                    AND w.heartbeat_at > clock_timestamp() - make_interval(secs => %(stale_s)s)), 0)
       -- less the calls in flight of all jobs of its kind, stopped jobs included
     - coalesce((SELECT sum(j.in_flight) FROM batch_jobs j WHERE j.kind = %(kind)s AND j.in_flight > 0), 0)
       -- and, of the interactive workers, those that background jobs have
     - CASE WHEN %(queue)s = 'interactive' THEN (SELECT count(*) FROM background_jobs b
                    WHERE b.status = 'running' AND b.lease_until > clock_timestamp()) ELSE 0 END
"""
# The ids are an array because an array is computed once. `IN (SELECT ... LIMIT n FOR UPDATE)` may run again for each outer
# row and then marks more than n items. SKIP LOCKED leaves out items that another transaction is moving.
MARK = """
UPDATE batch_items SET rung_at = clock_timestamp() WHERE id = ANY(ARRAY(
    SELECT i.id FROM batch_items i WHERE i.job_id = %(job)s AND i.status = 'queued'
       AND (i.run_after IS NULL OR i.run_after <= now())
       AND (i.rung_at IS NULL OR i.rung_at < now() - make_interval(secs => %(again_s)s))
       /* prompt cache */
     -- items that were in flight when a worker died come last: one of them may have killed it, and would kill the next
     ORDER BY i.crashes, i.position LIMIT %(n)s FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id
"""
# The cache's condition doubles the time of planning these queries, so it is used only while a running job has prompts with
# a shared beginning.
SHARED_CANDIDATES = CANDIDATES.replace(CACHE_CONDITION, f"AND {may_dispatch('j.id')}")
SHARED_MARK = MARK.replace(CACHE_CONDITION, f"AND {may_dispatch('%(job)s')}")
IS_SHARED = """
SELECT EXISTS (SELECT 1 FROM batch_jobs WHERE status IN ('queued', 'processing') AND kind = %(kind)s
                  AND coalesce(estimate -> 'shared', '{}') <> '{}')
"""


# SKIP LOCKED leaves out the items that are being moved at this moment.
RENEW = """
UPDATE batch_items SET rung_at = NULL WHERE id = ANY(ARRAY(
    SELECT i.id FROM batch_jobs j JOIN batch_items i ON i.job_id = j.id
     WHERE j.status IN ('queued', 'processing') AND i.status = 'queued' AND i.rung_at IS NOT NULL
       FOR NO KEY UPDATE OF i SKIP LOCKED))
"""


@dataclass(slots=True)
class Candidate:
    """A running job: how many of its items may be dispatched now, and how many are dispatched but not claimed."""

    id: UUID
    pool: str
    runnable: int
    dispatched: int


def dispatch_due(queue: Queue) -> int:
    """Dispatch as many items as slots, rate limits, concurrency and budgets allow. Returns how many were published."""
    with transaction.atomic():
        ids = mark_dispatched(queue)
    return publish(queue, ids)


def mark_dispatched(queue: Queue, *, at_most: int | None = None) -> list[UUID]:
    """Choose items and mark them as dispatched; nobody else dispatches them for the next 15 s. Returns their ids.

    Publish them only after the commit: a worker that is told earlier may not see the mark yet.
    """
    free = _free_slots(queue)
    if free <= 0:
        return []
    shared = _is_shared(queue)
    chosen = _choose(queue, free, at_most=min(free, at_most or free), shared=shared)
    return [item for job, n in chosen.items() for item in _mark(job, n, shared=shared)]


def renew_dispatches() -> None:
    """Let all items that were dispatched and not claimed be dispatched again at once.

    For the moments at which their messages may be lost: a worker has ended with those it had just received, a dispatcher has
    ended between the mark and the message, or the database was away when they were to be claimed. A message that is doubled
    by this changes nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(RENEW)


def publish(queue: Queue, ids: list[UUID]) -> int:
    """Tell the workers; returns how many messages were sent. Without a broker the items are dispatched again later."""
    return send_messages(GENERATE, ids, queue=queue)


def send_messages(task: str, ids: Sequence[UUID], *, queue: Queue) -> int:
    """Send one message of this task for each row; returns how many were sent. Those of a broker that is away are not."""
    # Here and not above: pages and most commands send nothing, and loading Celery takes a tenth of their start.
    from kombu.exceptions import OperationalError as BrokerError  # noqa: PLC0415

    app = import_string(settings.TASK_APP)
    for number, row_id in enumerate(ids):
        try:
            app.send_task(task, args=[str(row_id)], queue=queue.value, retry=False, ignore_result=True)
        except (BrokerError, OSError) as problem:
            logger.warning("The broker is away (%s): %d messages are sent later", problem, len(ids) - number)
            return number
    return len(ids)


def _is_shared(queue: Queue) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(IS_SHARED, {"kind": KINDS[queue].value})
        return bool(cursor.fetchone()[0])


def _choose(queue: Queue, free: int, *, at_most: int, shared: bool) -> Counter[UUID]:
    """How many items of each job to dispatch, dealt out one by one in the order of fairness.

    `free`: the free slots, of which some are already spoken for by dispatched items.
    """
    candidates = _candidates(queue, at_most=at_most, shared=shared)
    free -= sum(candidate.dispatched for candidate in candidates)
    pools = list({candidate.pool for candidate in candidates})
    permits = {NO_POOL: 1} | limiter.count_permits(pools, interactive=queue == Queue.INTERACTIVE)
    for candidate in candidates:
        permits[candidate.pool] = permits.get(candidate.pool, 0) - candidate.dispatched
    chosen: Counter[UUID] = Counter()
    for candidate in _take_turns(candidates):
        if free <= 0 or chosen.total() >= at_most:
            break
        if permits[candidate.pool] > 0:
            permits[candidate.pool] -= 1
            free -= 1
            chosen[candidate.id] += 1
    return chosen


def _take_turns(candidates: list[Candidate]) -> Iterator[Candidate]:
    """Round-robin: each job once for its first item, then each job again for its next one, until none has any left."""
    left = {candidate.id: candidate.runnable for candidate in candidates}
    while any(n > 0 for n in left.values()):
        for candidate in candidates:
            if left[candidate.id] > 0:
                left[candidate.id] -= 1
                yield candidate


def _candidates(queue: Queue, *, at_most: int, shared: bool) -> list[Candidate]:
    """The jobs that could be served, in the order of fairness.

    At most `at_most` due items of a job are counted: counting a thousand would cost more than everything else here.
    """
    values: dict[str, Any] = {
        "again_s": settings.ENGINE_DISPATCH_AGAIN_S,
        "kind": KINDS[queue].value,
        "limit": at_most,
        "demo": settings.DEMO,
    }
    with connection.cursor() as cursor:
        cursor.execute(SHARED_CANDIDATES if shared else CANDIDATES, values)
        rows = cursor.fetchall()
    found = []
    for job_id, model, key, due, dispatched, room, affordable, in_flight in rows:
        # With nothing in flight one item is dispatched even beyond the budget: its claim then pauses the job.
        # A model or a key that is missing does not hold an item back: its worker stops the job and gives the reason.
        pool = pool_or_none(model, key) or NO_POOL
        affordable_now = max(int(affordable), 0 if in_flight or dispatched else 1)
        found.append(Candidate(job_id, pool, max(0, min(due, room, affordable_now)), dispatched))
    return found


def _free_slots(queue: Queue) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            FREE_SLOTS, {"queue": queue.value, "stale_s": settings.ENGINE_STALE_S, "kind": KINDS[queue].value}
        )
        return int(cursor.fetchone()[0])


def _mark(job_id: UUID, n: int, *, shared: bool) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            SHARED_MARK if shared else MARK,
            {"job": job_id, "n": n, "again_s": settings.ENGINE_DISPATCH_AGAIN_S},
        )
        return [row[0] for row in cursor.fetchall()]


# --- prompts whose tokens the provider is to count: here, too, the row decides and the message is only a hint --

COUNT = "batches.count_prompts"
AT_ONCE = 50
COUNT_AGAIN_S = 60
DUE_COUNTS = f"""
-- not due again for a minute, in case the message is lost
UPDATE prompt_sizes SET next_at = clock_timestamp() + make_interval(secs => %(again_s)s)
 -- rows that have not been counted; demo and real ones are counted by different servers
 WHERE id IN (SELECT id FROM prompt_sizes WHERE counted_at IS NULL AND (next_at IS NULL OR next_at <= now()) AND simulated = %(simulated)s
                AND {CALLS_ALLOWED}
               ORDER BY created_at LIMIT %(at_once)s FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""  # noqa: S608


def take_due_counts() -> list[UUID]:
    """Ids of up to 50 `prompt_sizes` rows that wait to be counted. Publish them after the commit."""
    with connection.cursor() as cursor:
        cursor.execute(DUE_COUNTS, {"again_s": COUNT_AGAIN_S, "at_once": AT_ONCE, "simulated": settings.DEMO})
        return [row[0] for row in cursor.fetchall()]


def publish_counts(ids: Sequence[UUID]) -> None:
    """Tell the interactive worker. Without a broker the rows are due again in a minute."""
    send_messages(COUNT, ids, queue=Queue.INTERACTIVE)


# --- the slots of this process ---------------------------------------------------------------------------
#
# Slots that become free at the same time share one query: the first to get the lock chooses items for all slots that
# wait by then, and hands one to each. A message for each of them would cost 4 ms of CPU (decision 0019).


@dataclass(slots=True)
class WaitingSlot:
    """A slot that waits for its next item. `is_served`: it has been decided; `item` is None when none was due."""

    item: UUID | None = None
    is_served: bool = False


_waiting: dict[Queue, deque[WaitingSlot]] = {queue: deque() for queue in Queue}
_dispatching = threading.Lock()


def next_item(queue: Queue) -> UUID | None:
    """The next item for the caller's slot, chosen in the common order of all jobs. None when none is due.

    Raises the database's errors. The other slots that were being served then get None, and the dispatcher fills them.
    """
    # Taken before waiting for the lock: the slot that holds the lock must not need a connection that a waiting one has.
    connection.ensure_connection()
    slot = WaitingSlot()
    _waiting[queue].append(slot)
    with _dispatching:
        if not slot.is_served:
            _dispatch_for(queue)
    return slot.item


def _dispatch_for(queue: Queue) -> None:
    waiting = _waiting[queue]
    slots = [waiting.popleft() for _ in range(len(waiting))]
    for slot in slots:
        slot.is_served = True
    with transaction.atomic():
        found = mark_dispatched(queue, at_most=len(slots))
    for slot, item in zip(slots, found, strict=False):
        slot.item = item
