"""Price and time of a plan: whole cents in, no tails of binary fractions out."""

from datetime import date
from decimal import Decimal

import pytest

from batches.planning.estimate.estimate import Estimate, estimate
from batches.planning.plan import PlanError, cut, starter_plan
from workspaces.models import User

TODAY = date(2026, 11, 22)


def priced(owner: User, *, limit: int, concurrency: int = 10, max_tokens: int = 8192) -> Estimate:
    plan = cut(starter_plan(owner.personal_workspace()), limit=limit, seed=None)
    return estimate(plan, model="claude-sonnet-5-5", max_tokens=max_tokens, concurrency=concurrency, on=TODAY)


@pytest.mark.parametrize("limit", [1, 3, 4, 90])
def test_seconds_have_one_place(owner: User, limit: int) -> None:
    seconds = str(priced(owner, limit=limit).as_json()["seconds"])
    assert len(seconds.partition(".")[2]) == 1, seconds


def test_the_slower_of_calls_and_limit_rules(owner: User) -> None:
    limited, busy = priced(owner, limit=90, concurrency=90), priced(owner, limit=90, concurrency=1)
    assert limited.seconds == pytest.approx(9.9, rel=0.03), (
        "85 permits after the burst of 5, 61.5 / 595 s apart, and a call"
    )
    assert busy.seconds == pytest.approx(90 * 1.1, rel=0.03)
    assert (limited.limited_by, busy.limited_by) == ("requests", "concurrency")


def test_the_default_budget_covers_the_dearest_item_too(owner: User) -> None:
    one = priced(owner, limit=1)
    assert one.default_budget >= one.cost_high + one.worst_item
    assert one.default_budget.as_tuple().exponent == -2
    many = priced(owner, limit=90)
    assert many.default_budget >= many.cost_high * Decimal("1.5") > many.cost_high + many.worst_item


def test_replies_that_would_be_cut_are_refused_with_the_number(owner: User) -> None:
    with pytest.raises(PlanError, match="ANTHROPIC_MAX_TOKENS to 3750 or more"):
        priced(owner, limit=1, max_tokens=3000)
