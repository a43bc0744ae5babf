"""The rate limits for an estimate: the settings, what the provider says, and how far its refusals have slowed a pool."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection

from batches.limits.circuit_breaker import SHARE
from batches.limits.pools import pool_of, pool_or_none
from batches.limits.token_buckets import shape
from batches.models.states import Dimension
from batches.planning.estimate.schedule import Pace, Rate

# One row for each limit of the pool, that of requests last in the alphabet.
LIMITS = f"""
SELECT r.dimension, r.burst, r.interval_s, r.per_minute, r.configured, coalesce({SHARE}, 1) AS share,
       -- wait: until nobody has asked the pool to wait any more, and its circuit breaker may let a call through
       greatest(0, extract(epoch FROM greatest(r.blocked_until, CASE WHEN p.opened_for_s > 0 THEN p.opened_until END)
                                      - clock_timestamp()))::float8 AS wait_s
  FROM rate_limits r LEFT JOIN provider_pools p ON p.pool = r.pool
 WHERE r.pool = %(pool)s ORDER BY r.dimension
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class PoolRates:
    """The limits of a pool, that of requests first, and the pace that refusals have left it."""

    rates: list[Rate] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)


def rates_of(model: str, key: str = "") -> PoolRates:
    """The limits of the model's pool for the key of this name; a key that is missing here has those of the installation's.

    The limit of requests is the setting, or less where the provider has said so. Raises UnknownModel.
    """
    pool = pool_or_none(model, key) or pool_of(model)
    with connection.cursor() as cursor:
        cursor.execute(LIMITS, {"pool": pool, "minute": settings.ENGINE_RAMP_MINUTE_S})
        rows = cursor.fetchall()
    per_minute, pace, tokens = settings.ENVIRONMENT.rate_limit_rpm, Pace(), []
    for dimension, burst, interval_s, allowed, configured, share, wait_s in rows:
        pace = Pace(
            wait_s=max(pace.wait_s, wait_s), share=float(share), minute_s=settings.ENGINE_RAMP_MINUTE_S
        )
        if dimension != Dimension.REQUESTS:
            tokens.append(Rate(name=dimension, burst=burst, interval_s=interval_s))
        elif allowed < configured:
            per_minute = min(per_minute, allowed)
    permits = shape(per_minute)
    requests = Rate(name=Dimension.REQUESTS.value, burst=permits.burst, interval_s=permits.interval_s)
    return PoolRates(rates=[requests, *tokens], pace=pace)


def find_unknown_limits() -> Iterator[str]:
    """A sentence for the estimate about token limits that another server may have and that nobody has set."""
    given = settings.ENVIRONMENT
    unset = [
        name
        for name, limit in (
            ("RATE_LIMIT_ITPM", given.rate_limit_itpm),
            ("RATE_LIMIT_OTPM", given.rate_limit_otpm),
        )
        if limit is None
    ]
    if given.has_other_server and unset:
        yield (
            f"No limit of tokens a minute is kept with {given.provider_label}: only {given.rate_limit_rpm:,} requests a minute "
            f"(RATE_LIMIT_RPM). Set {' and '.join(unset)} if that server has one."
        )
