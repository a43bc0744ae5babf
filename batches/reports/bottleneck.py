"""The bottleneck: what keeps a running batch from making its next call, and until when.

Derived from the row that `batches.reports.progress` reads. The first that applies counts: a stop of all calls, no worker or a refusing provider,
money, concurrency or slots, rate limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from batches.models.states import RUNNING, Dimension, Reason

TEXTS = {
    "stopped": "the operator, who has stopped all calls",
    "workers": "missing workers",
    "provider": "the provider’s wait",
    "breaker": "the provider’s overload",
    "budget": "budget",
    "month": "the month’s budget",
    "slots": "free workers",
    "concurrency": "concurrency",
    **{each.value: each.label for each in Dimension},
}
# The bottleneck of a paused batch, by the reason of the pause.
REASONS = {Reason.BUDGET: "budget", Reason.MONTH_BUDGET: "month"}


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """`by`: the key that the API returns. `until`: when the next call may start, if known. `detail`: the number behind it."""

    by: str
    until: datetime | None = None
    detail: str = ""

    @property
    def words(self) -> str:
        return TEXTS[self.by]


def find_bottleneck(row: Mapping[str, Any]) -> Bottleneck | None:
    """The bottleneck of a job's row. None when no item waits, or when the next call may start now."""
    if row["status"] not in RUNNING:
        by = REASONS.get(row["reason"])
        return Bottleneck(by=by) if by else None
    waiting = row["total_items"] - row["completed_items"] - row["failed_items"] - row["in_flight"]
    if waiting <= 0:
        return None
    return _of_outside(row) or _of_money(row) or _of_room(row) or _of_rate(row)


def _of_outside(row: Mapping[str, Any]) -> Bottleneck | None:
    if row["calls_stopped"]:
        return Bottleneck(by="stopped", detail=row["stop_reason"] or "")
    if not row["has_worker"]:
        return Bottleneck(by="workers")
    if row["blocked_until"] is not None:
        return Bottleneck(by="provider", until=row["blocked_until"])
    if row["opened_until"] is not None:
        return Bottleneck(by="breaker", until=max(row["opened_until"], row["at"]))
    return None


def _of_money(row: Mapping[str, Any]) -> Bottleneck | None:
    worst = row["worst_item_usd"]
    if row["spent"] + row["reserved"] + worst > row["budget_usd"]:
        return Bottleneck(by="budget")
    if row["month_room"] is not None and worst > row["month_room"]:
        return Bottleneck(by="month")
    return None


def _of_room(row: Mapping[str, Any]) -> Bottleneck | None:
    if row["in_flight"] >= row["concurrent_processing"]:
        return Bottleneck(by="concurrency", detail=f"{row['concurrent_processing']} at once")
    if row["free_slots"] <= 0:
        return Bottleneck(by="slots", detail="all slots are taken")
    return None


def _of_rate(row: Mapping[str, Any]) -> Bottleneck | None:
    if row["dimension"] is None:
        return None
    parts = [f"{row['per_minute']:,} a minute"]
    if row["per_minute"] < row["configured"]:
        parts.append(f"the provider allows no more; the setting is {row['configured']:,}")
    if row["share"] < 1:
        parts.append(f"slowed to {row['share']:.0%} of it, and growing")
    return Bottleneck(by=row["dimension"], until=row["opens_at"], detail="; ".join(parts))
