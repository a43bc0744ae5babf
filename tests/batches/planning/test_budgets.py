"""The budget that is offered: room for the replies, for all calls in flight, and for two lost calls."""

from decimal import Decimal

import pytest

from batches.planning.estimate.budgets import default_budget, limit_funds

WORST = Decimal("0.09")


@pytest.mark.parametrize(
    ("high", "in_flight", "offered"),
    [
        ("0.05", 1, "0.32"),  # one reply and three reservations
        ("0.15", 3, "0.60"),
        ("1.001", 10, "2.09"),  # up to the next cent
        ("100", 10, "150.00"),  # half more than the upper end
    ],
)
def test_it_holds_the_upper_end_all_reservations_and_two_lost_calls(
    high: str, in_flight: int, offered: str
) -> None:
    assert default_budget(Decimal(high), worst=WORST, in_flight=in_flight) == Decimal(offered)


@pytest.mark.parametrize(
    ("room", "offered"),
    [("5", "0.60"), ("0.60", "0.60"), ("0.409", "0.40"), ("0.03", "0.09"), ("0", "0.09")],
)
def test_it_is_at_most_what_the_month_has_left_and_at_least_one_call(room: str, offered: str) -> None:
    found = default_budget(Decimal("0.15"), worst=WORST, in_flight=3, month_room=Decimal(room))
    assert found == Decimal(offered)


@pytest.mark.parametrize(("room", "name"), [(None, "budget"), ("2", "budget"), ("0.5", "month")])
def test_the_tighter_of_budget_and_month_counts(room: str | None, name: str) -> None:
    found = limit_funds(Decimal(1), month_room=Decimal(room) if room else None, worst=WORST)
    assert found.name == name
    assert found.room == min(1.0, float(room or 1))
