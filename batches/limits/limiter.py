"""The provider's limits per pool: requests, input and output tokens a minute, in PostgreSQL (docs/execution.md section 3).

A limiter in Redis forgets on a restart and then bursts; this one is moved by the transactions that claim and file. The
rows of a pool are locked first, in one order: `clock_timestamp()` must be read after the wait, and two dimensions taken
in two orders deadlock. What a pool's refusals do to it is in `batches.limits.circuit_breaker`.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.limits import circuit_breaker
from batches.limits.token_buckets import Shape, shape, token_shape
from batches.models import ProviderPool, RateLimit
from batches.models.limits import MOST_PER_MINUTE
from batches.models.states import Dimension
from claude.allowance import Allowance

logger = logging.getLogger(__name__)

# How far ahead a permit is given: the slot then waits, holding no transaction and no connection. Single generations
# look further ahead than batches, and a call of the burst is left for them: one of them may leave at once, before its
# turn, while those that batches have booked keep theirs; the next one waits until that turn has come.
AHEAD_S = 1.2
INTERACTIVE_AHEAD_S = 2.0

TAKE = f"""
WITH locked AS (SELECT * FROM rate_limits WHERE pool = %(pool)s ORDER BY dimension FOR NO KEY UPDATE),
     moment AS (SELECT clock_timestamp() AS now FROM (SELECT count(*) FROM locked) after_the_wait),
     pool_state AS (SELECT {circuit_breaker.SHARE} AS share, opened_for_s > 0 AS opened, opened_until <= now AS may_try
                   FROM provider_pools, moment WHERE pool = %(pool)s),
     asked AS (
       SELECT id, per_minute, burst - reserve AS burst, interval_s / share AS pace, now, extract(epoch FROM tat - now) AS debt_s,
              CASE dimension WHEN 'input_tokens' THEN %(input)s WHEN 'output_tokens' THEN %(output)s ELSE 1 END::float8 AS cost,
              CASE WHEN %(deep)s THEN interactive_slack ELSE slack END AS slack, blocked_until <= now AS open,
              %(deep)s AND reserve >= 1 AND borrowed_until <= now AS may_borrow
         FROM locked, moment, pool_state),
     placed AS (
       SELECT *, greatest(0, debt_s + (least(cost, per_minute) - burst) * pace) AS turn_in FROM asked),
     decision AS (
       SELECT count(*) AS n, bool_and(open AND debt_s - slack * pace <= %(ahead)s) AS granted,
              max(CASE WHEN may_borrow THEN 0 ELSE turn_in END) AS leave_in FROM placed),
     taken AS (
       UPDATE rate_limits r SET tat = greatest(r.tat, now + make_interval(secs => leave_in)) + make_interval(secs => cost * pace),
              borrowed_until = CASE WHEN may_borrow THEN now + make_interval(secs => turn_in) ELSE borrowed_until END,
              typical = 0.9 * typical + 0.1 * cost
         FROM placed, decision, pool_state WHERE r.id = placed.id AND granted AND (NOT opened OR %(probe)s) RETURNING 1)
SELECT n, granted, leave_in, opened, may_try FROM decision LEFT JOIN pool_state ON true
"""  # noqa: S608
BLOCK = """
UPDATE rate_limits SET blocked_until = greatest(blocked_until, clock_timestamp() + make_interval(secs => %(seconds)s))
 WHERE id IN (SELECT id FROM rate_limits WHERE pool = %(pool)s ORDER BY dimension FOR NO KEY UPDATE)
"""
# Given back is at most what lies ahead. A provider that has less left than our bucket believes in is right: somebody else
# uses the key too.
CORRECT = f"""
WITH locked AS (SELECT id FROM rate_limits WHERE pool = %(pool)s ORDER BY dimension FOR NO KEY UPDATE),
     moment AS (SELECT clock_timestamp() AS now FROM (SELECT count(*) FROM locked) after_the_wait),
     pool_state AS (SELECT {circuit_breaker.SHARE} AS share, opened_for_s, probe_id, waiting_since, now
                   FROM provider_pools, moment WHERE pool = %(pool)s),
     reported AS (SELECT * FROM unnest(%(dimensions)s::text[], %(changes)s::float8[], %(left)s::float8[]) AS each(name, change, remaining))
UPDATE rate_limits r SET tat = greatest(
         CASE WHEN change > 0 THEN greatest(tat, now) + make_interval(secs => change * interval_s / share)
              WHEN change < 0 THEN greatest(tat + make_interval(secs => change * interval_s / share), least(tat, now))
              ELSE tat END,
         CASE WHEN remaining < burst THEN now + make_interval(secs => (burst - remaining) * interval_s / share) END)
  FROM locked, pool_state, reported WHERE r.id = locked.id AND reported.name = r.dimension
RETURNING dimension, per_minute, configured, told, opened_for_s > 0 AND probe_id = %(log)s, waiting_since IS NOT NULL
"""  # noqa: S608
PERMITS = f"""
SELECT pool, min(CASE WHEN blocked_until > now OR (opened AND NOT may_try) THEN 0
                      WHEN opened THEN 1
                      ELSE greatest(0, 1 + floor((%(ahead)s + CASE WHEN %(deep)s THEN interactive_slack ELSE slack END * pace - greatest(0, extract(epoch FROM tat - now)))
                                                 / (greatest(1, typical) * pace))) END)::bigint
  FROM (SELECT r.pool, r.blocked_until, r.tat, r.slack, r.interactive_slack, r.typical, now, r.interval_s / {circuit_breaker.SHARE} AS pace, opened_for_s > 0 AS opened,
               opened_until <= now AND {circuit_breaker.NO_PROBE_RUNNING} AS may_try
          FROM rate_limits r JOIN provider_pools p USING (pool) CROSS JOIN (SELECT clock_timestamp() AS now) moment
         WHERE r.pool = ANY(%(pools)s)) each
 GROUP BY pool
"""  # noqa: S608


class NoLimiter(Exception):
    """The pool has no rows: without a limit there is no call. Whoever starts makes the rows from the settings."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call will probably take of the limits, in tokens: never `max_tokens`, which few replies reach."""

    input: int = 0
    output: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """What is known after a call. `changes`: what it took more than expected (less: below 0), by dimension.

    `reported`: the limits as the provider's headers told them. `replied`: there was a reply at all.
    """

    pool: str
    log_id: UUID
    changes: Mapping[str, float]
    reported: Mapping[str, Allowance] = field(default_factory=dict)
    replied: bool = False


def set_limits(
    pools: list[str],
    *,
    per_minute: int,
    input_per_minute: int = MOST_PER_MINUTE,
    output_per_minute: int = MOST_PER_MINUTE,
) -> None:
    """Make or correct the pools' rows; what is left of a window, of a block or of the provider's own word stays."""
    wanted = {
        Dimension.REQUESTS: per_minute,
        Dimension.INPUT_TOKENS: input_per_minute,
        Dimension.OUTPUT_TOKENS: output_per_minute,
    }
    rows = RateLimit.objects.filter(pool__in=pools).values_list("pool", "dimension", "told")
    told = {(pool, dimension): limit for pool, dimension, limit in rows}
    ProviderPool.objects.bulk_create(
        [ProviderPool(pool=pool) for pool in sorted(pools)], ignore_conflicts=True
    )
    RateLimit.objects.bulk_create(
        [
            RateLimit(
                pool=pool,
                dimension=dimension,
                configured=limit,
                **_bucket_columns(dimension, limit, told.get((pool, dimension))),
            )
            for pool in sorted(pools)
            for dimension, limit in sorted(wanted.items())
        ],
        update_conflicts=True,
        unique_fields=["pool", "dimension"],
        update_fields=[
            "configured",
            "per_minute",
            "burst",
            "interval_s",
            "slack",
            "interactive_slack",
            "reserve",
        ],
    )


def _bucket_columns(dimension: str, configured: int, told: int | None) -> dict[str, float]:
    """The columns of a bucket: the setting's, or a smaller one where the provider says so."""
    per_minute = min(configured, told or configured)
    found: Shape = (shape if dimension == Dimension.REQUESTS else token_shape)(per_minute)
    return {
        "per_minute": per_minute,
        "burst": found.burst,
        "interval_s": found.interval_s,
        "slack": found.slack,
        "interactive_slack": found.interactive_slack,
        "reserve": found.reserve,
    }


def take_permit(
    pool: str, expected: Expected | None = None, *, log_id: UUID | None = None, interactive: bool = False
) -> float | None:
    """Seconds to wait before the call, or None when no permit can be had soon.

    At most 2 s, but for a call bigger than the burst of tokens: it waits until its size is paid, at most a minute. While
    the breaker is open one call alone is let through, `log_id`. Call it last in the claiming transaction: the rows are
    hot. Raises NoLimiter.
    """
    expected = expected or Expected()
    values: dict[str, Any] = {
        "pool": pool,
        "input": expected.input,
        "output": expected.output,
        "probe": False,
        **_reach(interactive=interactive),
    }
    granted, leave_in, opened, may_try = _take(values)
    if granted and opened:
        if not (may_try and log_id and circuit_breaker.take_probe(pool, log_id)):
            return None
        granted, leave_in, *_ = _take({**values, "probe": True})
    return leave_in if granted else None


def _take(values: dict[str, Any]) -> tuple[bool, float, bool, bool]:
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        n, granted, leave_in, opened, may_try = cursor.fetchone()
    if n != len(Dimension):
        raise NoLimiter(values["pool"])
    return granted, float(leave_in), opened, may_try


def block_pool(pool: str, *, seconds: float) -> None:
    """No permit for anybody in this pool for so long: the provider reported when to come back."""
    with connection.cursor() as cursor:
        cursor.execute(BLOCK, {"pool": pool, "seconds": seconds})


def _reach(*, interactive: bool) -> dict[str, Any]:
    """How deep into the burst and how far ahead a permit may be taken, for TAKE and PERMITS."""
    return {
        "deep": interactive,
        "ahead": INTERACTIVE_AHEAD_S if interactive else AHEAD_S,
        "minute": settings.ENGINE_RAMP_MINUTE_S,
    }


def count_permits(pools: list[str], *, interactive: bool = False) -> dict[str, int]:
    """How many permits each pool could give now and soon, for calls of late's size. Takes no lock."""
    values: dict[str, Any] = {"pools": pools, **_reach(interactive=interactive)}
    with connection.cursor() as cursor:
        cursor.execute(PERMITS, values)
        return dict(cursor.fetchall())


def correct_limits(found: Correction) -> None:
    """Move the buckets by what a call has really taken and by what the provider says. Called last: the rows are hot."""
    dimensions = sorted(Dimension.values)
    reported = {name: each for name, each in found.reported.items() if name in dimensions}
    values: dict[str, Any] = {
        "pool": found.pool,
        "log": found.log_id,
        "dimensions": dimensions,
        "changes": [float(found.changes.get(name, 0)) for name in dimensions],
        "left": [reported[name].remaining if name in reported else None for name in dimensions],
        "minute": settings.ENGINE_RAMP_MINUTE_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(CORRECT, values)
        rows = cursor.fetchall()
    for dimension, per_minute, configured, told, *_ in rows:
        limit = reported[dimension].limit if dimension in reported else None
        if limit is not None and limit != told:
            _adopt(found.pool, dimension, configured=configured, before=per_minute, told=limit)
    if found.replied and rows and (rows[0][-2] or rows[0][-1]):
        circuit_breaker.record_reply(found.pool, found.log_id)


def _adopt(pool: str, dimension: str, *, configured: int, before: int, told: int) -> None:
    """The provider's own limit counts where it is lower than the setting; it never raises it."""
    columns = _bucket_columns(dimension, configured, told)
    RateLimit.objects.filter(pool=pool, dimension=dimension).update(told=told, **columns)
    if columns["per_minute"] != before:
        logger.warning(
            "The provider allows %d %s a minute in the pool %s; the setting is %d: %d are in force",
            told,
            Dimension(dimension).label,
            pool,
            configured,
            columns["per_minute"],
        )
