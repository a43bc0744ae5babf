"""What a pool's refusals do to all its calls: the breaker, the ramp, and the end of a patience (docs/execution.md section 6).

Its row is written after the pool's rate limits, never before: hot rows last, in one order.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.models import ProviderPool
from workspaces.models import ClockTimestamp

SLOWEST = 0.05
# The share of its limits that a pool uses: halved by a refusal of a rate that grew too fast, then 10% more each minute.
SHARE = (
    "CASE WHEN slowed_to >= 1 THEN 1 ELSE least(1, slowed_to * "
    "power(1.1, least(100, extract(epoch FROM clock_timestamp() - slowed_at) / %(minute)s))) END"
)
# Whoever tried has been answered, or has died and was reaped.
NO_PROBE_RUNNING = "(probe_id IS NULL OR NOT EXISTS (SELECT 1 FROM generation_logs l WHERE l.id = probe_id AND l.state = 'pending'))"
TAKE_PROBE = f"""
UPDATE provider_pools SET probe_id = %(log)s
 WHERE pool = %(pool)s AND opened_for_s > 0 AND opened_until <= clock_timestamp() AND {NO_PROBE_RUNNING}
"""  # noqa: S608
# A call that was out before the slowing down says nothing new about the slower rate.
SLOW_DOWN = f"""
UPDATE provider_pools SET slowed_to = greatest(%(slowest)s, ({SHARE}) / 2), slowed_at = clock_timestamp()
 WHERE pool = %(pool)s AND slowed_at < (SELECT created_at FROM generation_logs WHERE id = %(log)s)
"""  # noqa: S608
# Only the call that tried closes the breaker: one that was out before says nothing about now.
RECORD_REPLY = """
UPDATE provider_pools SET waiting_since = NULL,
       opened_for_s = CASE WHEN probe_id = %(log)s THEN 0 ELSE opened_for_s END,
       overloads = CASE WHEN probe_id = %(log)s THEN '{}' ELSE overloads END,
       probe_id = CASE WHEN probe_id = %(log)s THEN NULL ELSE probe_id END
 WHERE pool = %(pool)s
"""


@dataclass(frozen=True, slots=True)
class Breaker:
    """`opened_for_s` is 0 while it is closed; `overloads` are the 529 and 503 that it remembers."""

    overloads: list[datetime]
    opened_for_s: float
    opened_until: datetime
    probe_id: UUID | None

    def after_overload(self, log_id: UUID, *, now: datetime) -> "Breaker":
        """5 in 30 s open it for 30 s; then one call tries, and its failure doubles the time, up to 5 minutes."""
        if self.opened_for_s:
            return self._open(2 * self.opened_for_s, now) if self.probe_id == log_id else self
        since = now - timedelta(seconds=settings.ENGINE_BREAKER_WITHIN_S)
        overloads = [*(each for each in self.overloads if each > since), now]
        if len(overloads) >= settings.ENGINE_BREAKER_OVERLOADS:
            return self._open(settings.ENGINE_BREAKER_OPEN_S, now)
        return Breaker(overloads, 0, self.opened_until, None)

    def _open(self, seconds: float, now: datetime) -> "Breaker":
        seconds = min(seconds, settings.ENGINE_BREAKER_LONGEST_S)
        return Breaker([], seconds, now + timedelta(seconds=seconds), None)


def record_overload(pool: str, log_id: UUID) -> None:
    """Count a 529 or 503 of the call of this log row."""
    rows = ProviderPool.objects.select_for_update(no_key=True).filter(pool=pool)
    row = rows.values_list("overloads", "opened_for_s", "opened_until", "probe_id").first()
    if row is None:
        return
    after = Breaker(*row).after_overload(log_id, now=_now())
    ProviderPool.objects.filter(pool=pool).update(
        overloads=after.overloads,
        opened_for_s=after.opened_for_s,
        opened_until=after.opened_until,
        probe_id=after.probe_id,
    )


def _now() -> datetime:
    """The database's clock, read after a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def take_probe(pool: str, log_id: UUID) -> bool:
    """Take the one call that may try whether the provider answers again; True when it is ours."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_PROBE, {"pool": pool, "log": log_id})
        return bool(cursor.rowcount == 1)


def slow_down(pool: str, log_id: UUID) -> None:
    """The call of this log row found the rate too high: halve it."""
    values: dict[str, Any] = {
        "pool": pool,
        "log": log_id,
        "slowest": SLOWEST,
        "minute": settings.ENGINE_RAMP_MINUTE_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(SLOW_DOWN, values)


def record_refusal(pool: str) -> None:
    """A refusal that costs no attempt: from the first of them on, patience runs out."""
    ProviderPool.objects.filter(pool=pool, waiting_since=None).update(waiting_since=ClockTimestamp())


def record_reply(pool: str, log_id: UUID) -> None:
    """The provider answered: the waiting is over, and the breaker closes if this was the call that tried."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD_REPLY, {"pool": pool, "log": log_id})
