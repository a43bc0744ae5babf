"""Price and time of a plan: whole cents in, no tails of binary fractions out."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from batches.limits.limiter import block_pool
from batches.limits.pools import pool_of
from batches.models import ProviderPool, RateLimit, SpendingMonth
from batches.planning.estimate.estimate import Estimate, estimate, name_kind
from batches.planning.plan import PlanError, cut, starter_plan
from lib import clock
from workspaces.models import User, Workspace

TODAY = date(2026, 11, 22)


def priced(
    owner: User,
    *,
    limit: int,
    concurrency: int = 10,
    max_tokens: int = 8192,
    budget_usd: Decimal | None = None,
) -> Estimate:
    plan = cut(starter_plan(owner.personal_workspace()), limit=limit, seed=None)
    return estimate(
        plan,
        model="claude-sonnet-5-5",
        max_tokens=max_tokens,
        concurrency=concurrency,
        on=TODAY,
        budget_usd=budget_usd,
    )


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


# --- the money that there is ----------------------------------------------------------------------------------


def limit_month(owner: User, usd: str) -> Decimal:
    Workspace.objects.filter(pk=owner.personal_workspace().pk).update(monthly_budget_usd=usd)
    return Decimal(usd)


def test_the_offered_budget_is_never_more_than_the_month_has_left(owner: User) -> None:
    free = priced(owner, limit=20)
    room = limit_month(owner, "0.60")
    found = priced(owner, limit=20)
    assert found.default_budget == room < free.default_budget
    assert found.covered < found.items
    assert any("$0.60 covers about" in note.replace(",", "") for note in found.notes), found.notes
    SpendingMonth.objects.create(
        workspace=owner.personal_workspace(),
        month=clock.today().replace(day=1),
        demo=True,
        spent=Decimal("0.20"),
        reserved=Decimal("0.10"),
    )
    assert priced(owner, limit=20).default_budget == Decimal("0.30")


def test_a_month_that_does_not_cover_one_call_is_said(owner: User) -> None:
    limit_month(owner, "0.01")
    found = priced(owner, limit=2)
    assert (found.covered, found.limited_by) == (0, "month")
    assert any("nothing will be made" in note for note in found.notes)


def test_with_the_offered_budget_the_estimate_is_that_of_a_large_one(owner: User) -> None:
    """The offered budget holds back neither the last calls of a batch nor a small batch."""
    for limit in (1, 3, 20, 90):
        offered, large = priced(owner, limit=limit), priced(owner, limit=limit, budget_usd=Decimal(100))
        assert (offered.seconds, offered.covered, offered.notes) == (large.seconds, limit, ())


def test_a_budget_that_leaves_room_for_fewer_calls_at_once_takes_longer(owner: User) -> None:
    enough = priced(owner, limit=20)
    tight = priced(owner, limit=20, budget_usd=enough.cost + 2 * enough.worst_item)
    assert (tight.limited_by, tight.covered) == ("budget", 20)
    assert tight.limit_words == "limited by the budget"
    assert tight.seconds > 1.2 * enough.seconds
    assert any("fewer calls at once" in note for note in tight.notes)


def test_a_budget_that_covers_a_part_says_how_much(owner: User) -> None:
    tight = priced(owner, limit=20, budget_usd=Decimal("0.40"))
    assert (tight.limited_by, 0 < tight.covered < 20) == ("budget", True)
    words = f"The budget of $0.40 covers about {tight.covered} of the 20: the batch pauses then."
    assert words in tight.notes


def test_what_has_slowed_the_provider_lately_is_part_of_the_time(owner: User) -> None:
    before = priced(owner, limit=90, concurrency=90)
    pool = pool_of("claude-sonnet-5-5")
    ProviderPool.objects.filter(pool=pool).update(slowed_to=0.25, slowed_at=timezone.now())
    slowed = priced(owner, limit=90, concurrency=90)
    assert slowed.seconds > 3 * before.seconds
    assert any("25% of the rate limit" in note for note in slowed.notes)
    block_pool(pool, seconds=600)
    blocked = priced(owner, limit=90, concurrency=90)
    assert blocked.seconds > 550
    assert any("nothing starts for" in note for note in blocked.notes)


def test_a_lower_limit_that_the_provider_has_told_counts(owner: User) -> None:
    before = priced(owner, limit=90, concurrency=90)
    RateLimit.objects.filter(dimension="requests").update(per_minute=60, configured=600, told=60)
    assert priced(owner, limit=90, concurrency=90).seconds > 5 * before.seconds


def test_what_one_item_will_cost_is_kept_by_kind(owner: User) -> None:
    plan = starter_plan(owner.personal_workspace())
    found = priced(owner, limit=90)
    total = sum(Decimal(found.item_costs[name_kind(item.version.pk, item.tier)]) for item in plan)
    assert total == pytest.approx(found.cost)
    assert len(found.item_costs) > 1


def test_replies_that_would_be_cut_are_refused_with_the_number(owner: User) -> None:
    with pytest.raises(PlanError, match="ANTHROPIC_MAX_TOKENS to 3750 or more"):
        priced(owner, limit=1, max_tokens=3000)
