"""An estimate after some conversations: theirs rather than the tier's usual length, with what it rests on in words."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from batches.models.states import ItemStatus, LogState
from batches.planning.estimate.estimate import Estimate, estimate
from batches.planning.plan import PlannedItem, cut, starter_plan
from tests.factories import MODEL, make_item, make_job, make_log
from workspaces.models import User

TODAY = date(2026, 11, 22)


@pytest.fixture
def plan(owner: User) -> list[PlannedItem]:
    """Twenty items of one template version."""
    return cut(starter_plan(owner.personal_workspace(), limit=1) * 20, limit=20, seed=None)


def priced(plan: Sequence[PlannedItem], max_tokens: int = 8192) -> Estimate:
    return estimate(plan, model=MODEL, max_tokens=max_tokens, concurrency=10, on=TODAY)


def remember(item: PlannedItem, outputs: Sequence[int], *, simulated: bool | None = None) -> None:
    """Each number is the output of one finished conversation of that template."""
    job = make_job(workspace=item.version.workspace, total_items=len(outputs))
    for output in outputs:
        made = make_item(job=job, version=item.version, status=ItemStatus.COMPLETED, tier=item.tier)
        make_log(
            item=made,
            state=LogState.SUCCEEDED,
            simulated=settings.DEMO if simulated is None else simulated,
            input_tokens=900,
            output_tokens=output,
            duration_ms=2000,
            cost_usd=Decimal("0.02"),
        )


def test_three_conversations_refine_it(plan: list[PlannedItem]) -> None:
    before = priced(plan)
    remember(plan[0], [1000, 1100, 1200])
    after = priced(plan)
    assert before.history == 0
    assert before.basis.startswith("no history yet")
    assert after.history == 3
    assert after.basis == (
        "from 3 conversations of this template, 80% of such batches fall in the range; "
        "prompts by their length, a little high"
    )
    assert 20 * 1100 < after.output_tokens < 20 * 1300, "not the 3,000 of the tier"
    assert after.cost_low < after.cost < after.cost_high
    assert after.seconds == pytest.approx(6, rel=0.2), (
        "equal prompts are cached: one call that warms, then two rounds of the two seconds that those took"
    )
    assert after.seconds > 1.5 * before.seconds


def test_more_of_them_narrow_the_range(plan: list[PlannedItem]) -> None:
    def width(found: Estimate) -> Decimal:
        return (found.cost_high - found.cost_low) / found.cost

    remember(plan[0], [900, 1000, 1100])
    few = width(priced(plan))
    remember(plan[0], [900, 1000, 1100] * 10)
    assert width(priced(plan)) < few * Decimal("0.6")


def test_the_other_sort_of_calls_does_not_count(plan: list[PlannedItem]) -> None:
    remember(plan[0], [1000] * 5, simulated=not settings.DEMO)
    assert priced(plan).history == 0


def test_templates_without_history_are_named(owner: User, plan: list[PlannedItem]) -> None:
    remember(plan[0], [1000] * 5)
    found = priced(starter_plan(owner.personal_workspace()))
    assert "5 conversations of 1 template," in found.basis
    assert "without history count with their tier's usual length" in found.basis


def test_repeated_calls_cost_too(plan: list[PlannedItem]) -> None:
    remember(plan[0], [1000] * 20)
    single = priced(plan)
    job = make_job(workspace=plan[0].version.workspace, total_items=20)
    for _ in range(20):
        item = make_item(job=job, version=plan[0].version, status=ItemStatus.COMPLETED, tier=plan[0].tier)
        for state in (LogState.UNUSABLE, LogState.SUCCEEDED):
            fields: dict[str, Any] = {
                "input_tokens": 900,
                "output_tokens": 1000,
                "duration_ms": 2000,
                "simulated": settings.DEMO,
            }
            make_log(item=item, state=state, cost_usd=Decimal("0.02"), **fields)
    double = priced(plan)
    assert double.output_tokens == pytest.approx(1.5 * single.output_tokens, rel=0.05), "half of them twice"
    assert double.input_tokens == pytest.approx(1.5 * single.input_tokens, rel=0.05)


def test_short_conversations_need_little_room(plan: list[PlannedItem]) -> None:
    remember(plan[0], [1000] * 20)
    assert priced(plan, max_tokens=1500), "the tier's usual 3,000 would have been refused"
