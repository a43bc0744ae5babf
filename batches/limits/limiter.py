"""Rate limits: keep a pool within the provider's requests, input tokens and output tokens per minute.

Each pool (a provider key and the models that share one limit) has three rows in `rate_limits`, one for each of these
dimensions. A row is a token bucket in the form of GCRA, the generic cell rate algorithm: one timestamp, `tat`, says when
everything taken so far will have been paid for (`batches.limits.token_buckets` has the arithmetic and its proof).

A call takes its request and its expected tokens when its item is claimed (`take_permit`), in the claim's transaction. When
it has ended, `correct_limits` adds the difference to what it really used. Both lock all rows of the pool first, in the
order of the dimensions: two orders would deadlock, and `clock_timestamp()` must be read after the wait for the lock.

The limits are in PostgreSQL because a limiter in Redis forgets everything on a restart, and then allows a burst. What
refusals by the provider do to a pool is in `batches.limits.circuit_breaker`. Specification: docs/execution.md section 3.
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

# How many seconds before its start a permit may be given. The slot waits until then, without transaction or connection.
# Single generations go before batches in three ways: they may book further ahead; batches leave a part of the burst to
# them (`interactive_slack`); and from 60 requests a minute up, one request of the burst is kept for them (`reserve`). A
# single generation that takes the reserve starts at once, before its turn, and the next one may do so only after that turn
# (`borrowed_until`). Starts that batches have booked already are not moved.
AHEAD_S = 1.2
INTERACTIVE_AHEAD_S = 2.0

TAKE = f"""
WITH -- the buckets of the pool, locked in one order
     locked AS (SELECT * FROM rate_limits WHERE pool = %(pool)s ORDER BY dimension FOR NO KEY UPDATE),
     -- the time after the wait for these locks: counting the rows makes it read only then
     moment AS (SELECT clock_timestamp() AS now FROM (SELECT count(*) FROM locked) after_the_wait),
     -- how much of its limits the pool uses, whether its breaker is open, and whether a probe may pass it
     pool_state AS (SELECT {circuit_breaker.SHARE} AS share, opened_for_s > 0 AS opened, opened_until <= now AS may_try
                   FROM provider_pools, moment WHERE pool = %(pool)s),
     -- for each bucket: what this call costs, the seconds that one unit takes (pace), how many seconds of calls are booked
     -- ahead (debt_s), how much of the burst may be in use (slack), and whether the reserve may be taken
     asked AS (
       SELECT id, per_minute, burst - reserve AS burst, interval_s / share AS pace, now, extract(epoch FROM tat - now) AS debt_s,
              CASE dimension WHEN 'input_tokens' THEN %(input)s WHEN 'output_tokens' THEN %(output)s ELSE 1 END::float8 AS cost,
              CASE WHEN %(deep)s THEN interactive_slack ELSE slack END AS slack, blocked_until <= now AS open,
              %(deep)s AND reserve >= 1 AND borrowed_until <= now AS may_borrow
         FROM locked, moment, pool_state),
     -- when the bucket lets the call start, in seconds from now; a call bigger than the bucket waits for its size
     placed AS (
       SELECT *, greatest(0, debt_s + (least(cost, per_minute) - burst) * pace) AS turn_in FROM asked),
     -- granted if no bucket is blocked and all have room soon enough; the latest start counts
     decision AS (
       SELECT count(*) AS n, bool_and(open AND debt_s - slack * pace <= %(ahead)s) AS granted,
              max(CASE WHEN may_borrow THEN 0 ELSE turn_in END) AS leave_in FROM placed),
     -- move the timestamps, unless the breaker is open (then only a probe takes); remember the usual size of a call
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
CORRECT = f"""
WITH -- as in TAKE: the buckets in one order, then the time, then the state of the pool
     locked AS (SELECT id FROM rate_limits WHERE pool = %(pool)s ORDER BY dimension FOR NO KEY UPDATE),
     moment AS (SELECT clock_timestamp() AS now FROM (SELECT count(*) FROM locked) after_the_wait),
     pool_state AS (SELECT {circuit_breaker.SHARE} AS share, opened_for_s, probe_id, waiting_since, now
                   FROM provider_pools, moment WHERE pool = %(pool)s),
     -- by dimension: what the call used beyond what was expected, and what the provider says is left (NULL: not said)
     reported AS (SELECT * FROM unnest(%(dimensions)s::text[], %(changes)s::float8[], %(left)s::float8[]) AS by_name(name, change, remaining))
UPDATE rate_limits r SET tat = greatest(
         -- used more: booked from now on; used less: given back, but only of what is booked ahead of now
         CASE WHEN change > 0 THEN greatest(tat, now) + make_interval(secs => change * interval_s / share)
              WHEN change < 0 THEN greatest(tat + make_interval(secs => change * interval_s / share), least(tat, now))
              ELSE tat END,
         -- the provider has less left than our bucket: the same key is used elsewhere as well, and the provider is right
         CASE WHEN remaining < burst THEN now + make_interval(secs => (burst - remaining) * interval_s / share) END)
  FROM locked, pool_state, reported WHERE r.id = locked.id AND reported.name = r.dimension
RETURNING dimension, per_minute, configured, told, opened_for_s > 0 AND probe_id = %(log)s, waiting_since IS NOT NULL
"""  # noqa: S608
PERMITS = f"""
SELECT pool, min(-- a blocked pool, or one whose breaker is open, gives none; an open one that may be probed gives one
                 CASE WHEN blocked_until > now OR (opened AND NOT may_try) THEN 0
                      WHEN opened THEN 1
                      -- what is left until the end of the time that may be booked ahead, in calls of the usual size
                      ELSE greatest(0, 1 + floor((%(ahead)s + CASE WHEN %(deep)s THEN interactive_slack ELSE slack END * pace - greatest(0, extract(epoch FROM tat - now)))
                                                 / (greatest(1, typical) * pace))) END)::bigint
  -- the buckets with the state of their pools, and the seconds that one unit takes (pace)
  FROM (SELECT r.pool, r.blocked_until, r.tat, r.slack, r.interactive_slack, r.typical, now, r.interval_s / {circuit_breaker.SHARE} AS pace, opened_for_s > 0 AS opened,
               opened_until <= now AND {circuit_breaker.NO_PROBE_RUNNING} AS may_try
          FROM rate_limits r JOIN provider_pools p USING (pool) CROSS JOIN (SELECT clock_timestamp() AS now) moment
         WHERE r.pool = ANY(%(pools)s)) bucket
 -- the dimension with the least room decides
 GROUP BY pool
"""  # noqa: S608


class NoLimiter(Exception):
    """The pool has no rows, so no call is made. `set_limits` makes the rows, by the settings, when a stack starts."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The tokens that a call will probably use. Not `max_tokens`, which few replies reach: the limits would lie idle."""

    input: int = 0
    output: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """What is known after a call.

    `changes`: by dimension, how much more it used than expected (less: below 0). `reported`: the limits in the headers
    of the provider's answer, by dimension. `replied`: whether there was a reply.
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
    """Make the rows of these pools, or adapt them to changed settings. Limits are per minute.

    What is booked, a block, and a lower limit that the provider has reported stay as they are.
    """
    wanted = {
        Dimension.REQUESTS: per_minute,
        Dimension.INPUT_TOKENS: input_per_minute,
        Dimension.OUTPUT_TOKENS: output_per_minute,
    }
    rows = RateLimit.objects.filter(pool__in=pools).values_list("pool", "dimension", "told")
    reported = {(pool, dimension): limit for pool, dimension, limit in rows}
    ProviderPool.objects.bulk_create(
        [ProviderPool(pool=pool) for pool in sorted(pools)], ignore_conflicts=True
    )
    RateLimit.objects.bulk_create(
        [
            RateLimit(
                pool=pool,
                dimension=dimension,
                configured=limit,
                **_bucket_columns(dimension, limit, reported.get((pool, dimension))),
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


def _bucket_columns(dimension: str, configured: int, reported: int | None) -> dict[str, float]:
    """The columns of a bucket for the configured limit, or for the provider's reported limit where that is lower."""
    per_minute = min(configured, reported or configured)
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
    """Take a permit for a call. Returns the seconds until it may start, or None when no permit is to be had soon.

    The wait is at most 2 s, except for a call that is bigger than a token bucket: it waits until its size is paid for, at
    most a minute. While the circuit breaker is open, only the call of `log_id` may pass, as its probe. Call this last in
    the claim's transaction, because all calls of the pool lock these rows. Raises NoLimiter.
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
    """Give no permit in this pool for so many seconds: the provider has asked all callers to wait."""
    with connection.cursor() as cursor:
        cursor.execute(BLOCK, {"pool": pool, "seconds": seconds})


def _reach(*, interactive: bool) -> dict[str, Any]:
    """Parameters of TAKE and PERMITS: `deep`, whether the whole burst may be used, and how many seconds ahead."""
    return {
        "deep": interactive,
        "ahead": INTERACTIVE_AHEAD_S if interactive else AHEAD_S,
        "minute": settings.ENGINE_RAMP_MINUTE_S,
    }


def count_permits(pools: list[str], *, interactive: bool = False) -> dict[str, int]:
    """How many permits each pool could give within the next seconds, for calls of the usual size. Takes no lock."""
    values: dict[str, Any] = {"pools": pools, **_reach(interactive=interactive)}
    with connection.cursor() as cursor:
        cursor.execute(PERMITS, values)
        return dict(cursor.fetchall())


def correct_limits(found: Correction) -> None:
    """Correct the buckets by what a call has really used and by what the provider reports.

    Called last in its transaction, because all calls of the pool lock these rows. A pool without rows is not changed.
    """
    dimensions = sorted(Dimension.values)
    reported = {name: allowance for name, allowance in found.reported.items() if name in dimensions}
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
    for dimension, per_minute, configured, last_reported, *_ in rows:
        limit = reported[dimension].limit if dimension in reported else None
        if limit is not None and limit != last_reported:
            _adopt(found.pool, dimension, configured=configured, before=per_minute, reported=limit)
    if found.replied and rows and (rows[0][-2] or rows[0][-1]):
        circuit_breaker.record_reply(found.pool, found.log_id)


def _adopt(pool: str, dimension: str, *, configured: int, before: int, reported: int) -> None:
    """Use the provider's reported limit if it is lower than the setting. A higher one does not raise the setting."""
    columns = _bucket_columns(dimension, configured, reported)
    RateLimit.objects.filter(pool=pool, dimension=dimension).update(told=reported, **columns)
    if columns["per_minute"] != before:
        logger.warning(
            "The provider allows %d %s a minute in the pool %s; the setting is %d: %d are in force",
            reported,
            Dimension(dimension).label,
            pool,
            configured,
            columns["per_minute"],
        )
