"""The request limit, one GCRA bucket per pool, in PostgreSQL (docs/execution.md section 3).

A limiter in Redis forgets on a restart and then bursts; this one is moved by the transaction that claims.
"""

from dataclasses import dataclass

from django.db import connection

from batches.models import RateLimit
from batches.states import Dimension

WINDOW_S = 60.0
# Between the permit and the provider's clock lies jitter: a slot may start up to 1 s late, and a packet may dawdle.
MARGIN_S = 1.5
# How far ahead a permit is given: the slot then waits, holding no transaction and no connection.
AHEAD_S = 2.0

# The rows are locked first, in one order: `clock_timestamp()` must be read after the wait, and two dimensions taken
# in two orders deadlock.
LOCK = "SELECT id FROM rate_limits WHERE pool = %(pool)s ORDER BY dimension FOR NO KEY UPDATE"
GRANT = """
UPDATE rate_limits
   SET tat = greatest(tat, clock_timestamp()) + make_interval(secs => interval_s)
 WHERE pool = %(pool)s AND dimension = 'requests'
   AND tat - make_interval(secs => (burst - 1) * interval_s) <= clock_timestamp() + make_interval(secs => %(ahead)s)
   AND blocked_until <= clock_timestamp()
RETURNING extract(epoch FROM
    greatest(tat - make_interval(secs => burst * interval_s), clock_timestamp()) - clock_timestamp())
"""
BLOCK = """
UPDATE rate_limits SET blocked_until = greatest(blocked_until, clock_timestamp() + make_interval(secs => %(seconds)s))
 WHERE pool = %(pool)s
"""
PERMITS = """
SELECT pool, CASE WHEN blocked_until > clock_timestamp() THEN 0 ELSE
         greatest(0, 1 + floor((%(ahead)s + (burst - 1) * interval_s
                                - extract(epoch FROM greatest(tat, clock_timestamp()) - clock_timestamp())) / interval_s))
       END::bigint
  FROM rate_limits WHERE pool = ANY(%(pools)s) AND dimension = 'requests'
"""


class NoLimiter(Exception):
    """The pool has no row: without a limit there is no call. Whoever starts makes the rows from the settings."""


@dataclass(frozen=True)
class Shape:
    """A bucket: `burst` permits at once, then one every `interval_s` seconds."""

    burst: float
    interval_s: float


def shape(per_minute: int) -> Shape:
    """The bucket for which no 60-second window, jitter of 1.5 s included, holds more than `per_minute`.

    A window W holds at most burst + W / interval permits. From 20 a minute up: burst = limit / 20, at most 5, and
    interval = W / (limit - burst), which uses at least 92% of the limit. Below that this form wastes too much (at 2 a
    minute half), so the burst is 1 and the permits are spaced a hair more than W / limit apart: at most `limit` in a
    window, 97% used.
    """
    window = WINDOW_S + MARGIN_S
    if per_minute < 20:
        return Shape(burst=1.0, interval_s=window / per_minute * 1.001)
    burst = max(1.0, min(5.0, per_minute / 20))
    return Shape(burst=burst, interval_s=window / (per_minute - burst))


def set_limits(pools: list[str], *, per_minute: int) -> None:
    """Make or correct the pools' rows; what is left of a window or of a block stays."""
    found = shape(per_minute)
    rows = [
        RateLimit(
            pool=pool,
            dimension=Dimension.REQUESTS,
            per_minute=per_minute,
            burst=found.burst,
            interval_s=found.interval_s,
        )
        for pool in sorted(pools)
    ]
    RateLimit.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["pool", "dimension"],
        update_fields=["per_minute", "burst", "interval_s"],
    )


def take_permit(pool: str) -> float | None:
    """Seconds to wait before the call (0 to 2), or None when no permit can be had in that time.

    Call it last in the claiming transaction: the row is hot. Raises NoLimiter.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"pool": pool})
        if not cursor.fetchall():
            raise NoLimiter(pool)
        cursor.execute(GRANT, {"pool": pool, "ahead": AHEAD_S})
        row = cursor.fetchone()
    return max(0.0, float(row[0])) if row else None  # the clock has moved on between its two readings


def block(pool: str, *, seconds: float) -> None:
    """No permit for anybody in this pool for so long: the provider said when to come back."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"pool": pool})
        cursor.execute(BLOCK, {"pool": pool, "seconds": seconds})


def permits(pools: list[str]) -> dict[str, int]:
    """How many permits each pool could give now and within the next 2 seconds. Takes no lock."""
    with connection.cursor() as cursor:
        cursor.execute(PERMITS, {"pools": pools, "ahead": AHEAD_S})
        return dict(cursor.fetchall())
