"""Many rows of the tables of numbers by day."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.db.models import Model
from django.utils import timezone

from analytics.models import DailyCalls, DailyConversations, DailyDecisions, DailyPersonas, Day, StaleDay
from conversations.states import Status
from tests import factories

FIRST = date(2026, 1, 1)


def many_days(model: type[Day], **numbers: Any) -> Callable[[int], None]:
    def make(rows: int) -> None:
        workspace = factories.make_workspace()
        model._default_manager.bulk_create(
            model(workspace=workspace, day=FIRST + timedelta(number), computed_at=timezone.now(), **numbers)
            for number in range(rows)
        )

    return make


def many_stale_days(rows: int) -> None:
    workspace = factories.make_workspace()
    StaleDay.objects.bulk_create(StaleDay(workspace=workspace, day=FIRST) for _ in range(rows))


CALLS = (
    "calls",
    "repeats",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "cache_write_tokens",
    "cache_read_tokens",
    "duration_ms",
)
DAY_MAKERS: dict[type[Model], Callable[[int], None]] = {
    DailyCalls: many_days(DailyCalls, simulated=True, state="succeeded", **dict.fromkeys(CALLS, 1)),
    DailyConversations: many_days(
        DailyConversations, simulated=True, status=Status.APPROVED, conversations=1, scored=1, score_sum=8
    ),
    DailyPersonas: many_days(
        DailyPersonas, persona="Gig Worker", simulated=True, conversations=1, approved=0
    ),
    DailyDecisions: many_days(
        DailyDecisions, reviewer="a@b.example", to_status=Status.APPROVED, decisions=1, undone=0
    ),
    StaleDay: many_stale_days,
}
