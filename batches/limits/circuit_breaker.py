"""What refusals in a pool mean for all calls of the pool (docs/execution.md section 6). One row of `provider_pools` each.

- Circuit breaker: five overloads (529, 503) within 30 s stop all calls for 30 s. Then one call, the probe, is let through.
  Its reply closes the breaker; another overload opens it again for twice as long, up to 5 minutes.
- Slowing down: a 429 because the rate grew too fast halves the share of the limits that is used. It then grows by 10% a
  minute.
- Waiting: `waiting_since` is the first refusal since the last reply (`batches.engine.systemic_wait` reads it).

This row is locked after the pool's rate limits, always in this order, because all calls of the pool update them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.models import ProviderPool
from workspaces.models import ClockTimestamp

SLOWEST = 0.05  # the smallest share of its limits that a pool is slowed down to
# SQL: the share of its limits that a pool uses now. `slowed_to` right after the last slowing down, then 10% more each minute.
SHARE = (
    "CASE WHEN slowed_to >= 1 THEN 1 ELSE least(1, slowed_to * "
    "power(1.1, least(100, extract(epoch FROM clock_timestamp() - slowed_at) / %(minute)s))) END"
)
# SQL: no probe is under way. The last one has been answered, or its worker died and it was reaped.
NO_PROBE_RUNNING = "(probe_id IS NULL OR NOT EXISTS (SELECT 1 FROM generation_logs l WHERE l.id = probe_id AND l.state = 'pending'))"
# Make the call of this log row the probe, if the breaker has been open for long enough.
TAKE_PROBE = f"""
UPDATE provider_pools SET probe_id = %(log)s
 WHERE pool = %(pool)s AND opened_for_s > 0 AND opened_until <= clock_timestamp() AND {NO_PROBE_RUNNING}
"""  # noqa: S608
# Halve the share that is used now. A call that started before the last slowing down says nothing about the slower rate.
SLOW_DOWN = f"""
UPDATE provider_pools SET slowed_to = greatest(%(slowest)s, ({SHARE}) / 2), slowed_at = clock_timestamp()
 WHERE pool = %(pool)s AND slowed_at < (SELECT created_at FROM generation_logs WHERE id = %(log)s)
"""  # noqa: S608
# A reply: the waiting is over. Only the probe closes the breaker; a call that started before it opened proves nothing.
RECORD_REPLY = """
UPDATE provider_pools SET waiting_since = NULL,
       opened_for_s = CASE WHEN probe_id = %(log)s THEN 0 ELSE opened_for_s END,
       overloads = CASE WHEN probe_id = %(log)s THEN '{}' ELSE overloads END,
       probe_id = CASE WHEN probe_id = %(log)s THEN NULL ELSE probe_id END
 WHERE pool = %(pool)s
"""


@dataclass(frozen=True, slots=True)
class Breaker:
    """A pool's breaker. `opened_for_s` is 0 while it is closed; `overloads`: when the recent 529 and 503 came."""

    overloads: list[datetime]
    opened_for_s: float
    opened_until: datetime
    probe_id: UUID | None

    def after_overload(self, log_id: UUID, *, now: datetime) -> "Breaker":
        """The breaker after an overload of this call: 5 within 30 s open it for 30 s; a failed probe doubles that, up to 5 min."""
        if self.opened_for_s:
            return self._open(2 * self.opened_for_s, now) if self.probe_id == log_id else self
        since = now - timedelta(seconds=settings.ENGINE_BREAKER_WITHIN_S)
        overloads = [*(moment for moment in self.overloads if moment > since), now]
        if len(overloads) >= settings.ENGINE_BREAKER_OVERLOADS:
            return self._open(settings.ENGINE_BREAKER_OPEN_S, now)
        return Breaker(overloads, 0, self.opened_until, None)

    def _open(self, seconds: float, now: datetime) -> "Breaker":
        seconds = min(seconds, settings.ENGINE_BREAKER_LONGEST_S)
        return Breaker([], seconds, now + timedelta(seconds=seconds), None)


def record_overload(pool: str, log_id: UUID) -> None:
    """Count an overload (529 or 503) that the call of this log row met. May open the breaker."""
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
    """The database's clock. Read after taking the lock, which may have been waited for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def take_probe(pool: str, log_id: UUID) -> bool:
    """Make this call the probe that may pass the open breaker. False when another call is, or when it is too early."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_PROBE, {"pool": pool, "log": log_id})
        return bool(cursor.rowcount == 1)


def slow_down(pool: str, log_id: UUID) -> None:
    """Halve the rate of the pool, because the call of this log row was refused for a rate that grew too fast."""
    values: dict[str, Any] = {
        "pool": pool,
        "log": log_id,
        "slowest": SLOWEST,
        "minute": settings.ENGINE_RAMP_MINUTE_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(SLOW_DOWN, values)


def record_refusal(pool: str) -> None:
    """Record a refusal that costs no attempt. The first one since the last reply starts the time that jobs may wait."""
    ProviderPool.objects.filter(pool=pool, waiting_since=None).update(waiting_since=ClockTimestamp())


def record_reply(pool: str, log_id: UUID) -> None:
    """Record a reply: the waiting is over, and the breaker closes if this call was its probe."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD_REPLY, {"pool": pool, "log": log_id})
