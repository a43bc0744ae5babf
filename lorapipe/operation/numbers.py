"""The numbers of the whole installation for monitoring, read from the tables: they are right whichever process is asked.

Items and queues come from the counters of the batches, spending from its months: no statement here reads all items or all
log rows, so that the answer takes milliseconds with a million of them too (tests/lorapipe/operation/test_numbers.py).
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection

from batches.models.call_stops import CALLS_ALLOWED
from lorapipe.operation.prometheus import Family, Number

MOST_WORKSPACES = 200
RECENT_S = 300

JOBS = "SELECT kind, status, count(*) FROM batch_jobs GROUP BY 1, 2 ORDER BY 1, 2"
# Drafts are only planned. What is left of a cancelled batch is cancelled.
ITEMS = """
SELECT state, sum(n)::bigint FROM (
    SELECT unnest(ARRAY['completed', 'failed', 'processing', 'queued', 'cancelled']) AS state,
           unnest(ARRAY[completed_items, failed_items, in_flight,
                        CASE WHEN status <> 'cancelled' THEN greatest(0, open) ELSE 0 END,
                        CASE WHEN status = 'cancelled' THEN greatest(0, open) ELSE 0 END]) AS n
      FROM (SELECT *, total_items - completed_items - failed_items - in_flight AS open FROM batch_jobs WHERE status <> 'draft') jobs
) counted GROUP BY 1 ORDER BY 1
"""
# What the running batches still have to do, by the queue that does it; and since when the oldest message waits for a worker.
QUEUES = """
SELECT CASE kind WHEN 'batch' THEN 'generation' ELSE 'interactive' END,
       sum(greatest(0, total_items - completed_items - failed_items - in_flight))::bigint,
       sum(in_flight)::bigint,
       coalesce(max(extract(epoch FROM clock_timestamp() - oldest.rung_at)), 0)::float8
  FROM batch_jobs j
  LEFT JOIN LATERAL (SELECT min(rung_at) AS rung_at FROM batch_items i
                      WHERE i.job_id = j.id AND i.status = 'queued' AND i.rung_at IS NOT NULL) oldest ON true
 WHERE j.status IN ('queued', 'processing') GROUP BY 1 ORDER BY 1
"""
CALLS = """
SELECT state, error_kind, count(*) FROM generation_logs
 WHERE created_at > now() - make_interval(secs => %(recent)s) GROUP BY 1, 2 ORDER BY 1, 2
"""
MONTH = """
SELECT coalesce(sum(spent), 0), coalesce(sum(reserved), 0) FROM spending_months
 WHERE demo = %(demo)s AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
"""
BUDGETS = """
SELECT w.id::text, w.name, w.monthly_budget_usd, coalesce(m.spent, 0), coalesce(m.reserved, 0) FROM workspaces_workspace w
  LEFT JOIN spending_months m ON m.workspace_id = w.id AND m.demo = %(demo)s
       AND m.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
 WHERE w.monthly_budget_usd IS NOT NULL ORDER BY w.created_at LIMIT %(most)s
"""
WORKERS = """
SELECT kind, count(*), sum(slots)::bigint FROM workers
 WHERE stopped_at IS NULL AND heartbeat_at > clock_timestamp() - make_interval(secs => %(stale)s) GROUP BY 1 ORDER BY 1
"""
# The dispatcher's lag is the age of its newest heartbeat, the reaper's how long a call is past its deadline and not released.
LAGS = f"""
SELECT (SELECT extract(epoch FROM clock_timestamp() - max(heartbeat_at)) FROM workers
         WHERE kind = 'dispatcher' AND stopped_at IS NULL)::float8,
       (SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(deadline))) FROM generation_logs WHERE state = 'pending')::float8,
       NOT {CALLS_ALLOWED}
"""  # noqa: S608
BACKGROUND = "SELECT status, count(*) FROM background_jobs GROUP BY 1 ORDER BY 1"
POOLS = """
SELECT pool, (opened_for_s > 0)::int, (SELECT greatest(0, extract(epoch FROM max(blocked_until) - clock_timestamp()))::float8
                                       FROM rate_limits r WHERE r.pool = p.pool) FROM provider_pools p ORDER BY pool
"""


def read_metrics() -> Iterator[Family]:
    """All families, in about ten short statements."""
    yield _count("lorapipe_batches", "Batches by kind and status.", JOBS, ("kind", "status"))
    yield _count("lorapipe_items", "Items of batches by state.", ITEMS, ("state",))
    yield from _read_queues()
    yield _count(
        "lorapipe_recent_calls",
        f"Calls to the provider that began in the last {RECENT_S} seconds; a 429 has the error rate_limited.",
        CALLS,
        ("state", "error"),
    )
    yield from _read_money()
    yield from _read_processes()
    yield _count("lorapipe_background_jobs", "Background jobs by status.", BACKGROUND, ("status",))
    pools = _fetch(POOLS)
    yield _gauge(
        "lorapipe_circuit_breaker_open",
        "1 while the provider's refusals stop a pool.",
        [({"pool": pool}, opened) for pool, opened, _ in pools],
    )
    yield _gauge(
        "lorapipe_pool_blocked_seconds",
        "How long the provider has asked a pool to wait.",
        [({"pool": pool}, blocked or 0.0) for pool, _, blocked in pools],
    )


def _read_queues() -> Iterator[Family]:
    rows = _fetch(QUEUES)
    columns = (
        ("lorapipe_queue_depth", "Items of running batches that no worker has claimed."),
        ("lorapipe_calls_in_flight", "Items that a worker has claimed."),
        ("lorapipe_oldest_message_seconds", "Since when the oldest dispatched item waits for a worker."),
    )
    for place, (name, help_text) in enumerate(columns, start=1):
        yield _gauge(name, help_text, [({"queue": row[0]}, row[place]) for row in rows])


def _read_money() -> Iterator[Family]:
    (spent, reserved) = _fetch(MONTH)[0]
    yield _gauge("lorapipe_month_spent_usd", "Spent in this month (UTC) by all workspaces.", [({}, spent)])
    yield _gauge("lorapipe_month_reserved_usd", "Reserved for calls in flight.", [({}, reserved)])
    rows = _fetch(BUDGETS)
    columns = (
        ("lorapipe_workspace_month_budget_usd", "The month's budget of a workspace that has one."),
        ("lorapipe_workspace_month_spent_usd", "What that workspace has spent in this month."),
        ("lorapipe_workspace_month_reserved_usd", "What it has reserved for calls in flight."),
    )
    for place, (name, help_text) in enumerate(columns, start=2):
        yield _gauge(name, help_text, [({"workspace": row[0], "name": row[1]}, row[place]) for row in rows])


def _read_processes() -> Iterator[Family]:
    workers = _fetch(WORKERS)
    yield _gauge(
        "lorapipe_workers", "Live processes by kind.", [({"kind": kind}, n) for kind, n, _ in workers]
    )
    yield _gauge(
        "lorapipe_worker_slots",
        "Their slots for calls.",
        [({"kind": kind}, slots) for kind, _, slots in workers],
    )
    dispatcher, reaper, stopped = _fetch(LAGS)[0]
    yield _gauge(
        "lorapipe_dispatcher_lag_seconds",
        "Since the newest heartbeat of a dispatcher; absent: none has signed on.",
        [] if dispatcher is None else [({}, dispatcher)],
    )
    yield _gauge(
        "lorapipe_reaper_lag_seconds",
        "How long the oldest unanswered call is past its deadline.",
        [({}, reaper or 0.0)],
    )
    yield _gauge("lorapipe_calls_stopped", "1 while an operator has stopped all calls.", [({}, int(stopped))])


def _gauge(name: str, help_text: str, samples: list[tuple[dict[str, str], Number]]) -> Family:
    return Family(name, "gauge", help_text, samples)


def _count(name: str, help_text: str, query: str, labels: tuple[str, ...]) -> Family:
    """The last column is the value, those before it are the labels."""
    rows = _fetch(query)
    return _gauge(name, help_text, [(dict(zip(labels, row[:-1], strict=True)), row[-1]) for row in rows])


def _fetch(query: str) -> list[tuple[Any, ...]]:
    values = {
        "recent": RECENT_S,
        "demo": settings.DEMO,
        "most": MOST_WORKSPACES,
        "stale": settings.ENGINE_STALE_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
