"""What is learned from few items, how far a total may be off, and how long calls take on slots and under limits."""

import math
import random
import statistics
from decimal import Decimal

import pytest

from batches.planning.estimate.forecast import Part, belief, distance
from batches.planning.estimate.schedule import (
    BETWEEN_CALLS_S,
    Call,
    Duration,
    Funds,
    Pace,
    Rate,
    duration,
    duration_within,
)


def learned(lengths: list[float], usual: float = 3000):  # type: ignore[no-untyped-def]
    logs = [math.log(each) for each in lengths]
    return belief(
        usual,
        mean=statistics.fmean(lengths),
        log_variance=statistics.variance(logs) if len(logs) > 1 else 0.0,
        known=len(lengths),
    )


def test_without_history_the_tier_rules() -> None:
    assert belief(3000).mean == 3000
    assert distance([Part(items=10, belief=belief(3000), cost=1.0)], fixed=0.1) == (0.5, 0.5)


def test_three_items_leave_the_usual_length_little_weight() -> None:
    three, twenty = learned([1000, 1100, 1200]), learned([1100] * 20)
    assert 1100 < three.mean < 1300
    assert 1100 < twenty.mean < 1120


def test_the_doubt_about_the_mean_does_not_average_out() -> None:
    short, long = learned([900, 1000, 1100]), learned([900, 1000, 1100] * 50)

    def share(known: object, items: int) -> float:
        return distance([Part(items=items, belief=known, cost=1.0)], fixed=0.0)[1]  # type: ignore[arg-type]

    assert share(short, 10_000) > 0.1, "three items, however many are made"
    assert share(long, 1) > 3 * share(long, 100)
    assert share(long, 10_000) > 0.02, "nothing is known better than from day to day"


@pytest.mark.parametrize(("spread", "known"), [(0.15, 20), (0.3, 5), (0.3, 60), (0.45, 20)])
def test_four_of_five_batches_fall_in_the_range(spread: float, known: int) -> None:
    """600 seeded histories and batches of one kind; the range is worth its name, and no wider than it has to be."""
    chance, held, errors = random.Random(7), 0, []
    for _ in range(600):
        mean = math.exp(chance.gauss(math.log(3000), 0.3))
        items = chance.randint(5, 80)

        def draw(n: int, mean: float = mean) -> list[float]:
            return [mean * math.exp(chance.gauss(-(spread**2) / 2, spread)) for _ in range(n)]

        found = learned(draw(known))
        expected, actual = found.mean * items, sum(draw(items))
        below, above = distance([Part(items=items, belief=found, cost=expected)], fixed=0.0)
        held += expected - below <= actual <= expected + above
        errors.append(abs(actual / expected - 1))
    assert 0.74 <= held / 600 <= 0.9
    assert statistics.median(errors) <= 0.1 if known >= 20 else 0.2


# --- time ---------------------------------------------------------------------------------------------------


def calls(number: int, *, spread: float = 0.0, takes: tuple[float, ...] = ()) -> list[Call]:
    return [Call(seconds=10.0, spread=spread, takes=takes)] * number


@pytest.mark.parametrize(("number", "rounds"), [(1, 1), (10, 1), (11, 2), (40, 4)])
def test_equal_calls_take_whole_rounds(number: int, rounds: int) -> None:
    found = duration(calls(number), concurrency=10)
    assert found.seconds == pytest.approx(rounds * 10 + (rounds - 1) * BETWEEN_CALLS_S)
    assert found.limited_by == "concurrency"


def test_the_slowest_call_of_the_last_round_rules() -> None:
    even, uneven = (duration(calls(10, spread=spread), concurrency=10).seconds for spread in (0.0, 0.12))
    assert uneven > 1.4 * even, "the longest of ten that differ by a third"
    many = duration(calls(1000, spread=0.12), concurrency=10).seconds
    assert 1000 < many < 1035, "over a hundred rounds it is a small share"


def test_a_limit_that_binds_rules() -> None:
    rates = [
        Rate(name="requests", burst=5, interval_s=0.1),
        Rate(name="output_tokens", burst=5000, interval_s=60 / 80_000),
    ]
    found = duration(calls(200, takes=(1, 1000)), concurrency=100, rates=rates)
    assert found.limited_by == "output_tokens"
    assert found.seconds == pytest.approx((200_000 - 5000) * 60 / 80_000 + 10)
    loose = duration(calls(200, takes=(1, 1000)), concurrency=2, rates=rates)
    assert loose.limited_by == "concurrency"


def test_a_call_that_is_bigger_than_a_bucket_passes() -> None:
    rates = [Rate(name="output_tokens", burst=100, interval_s=0.01)]
    assert duration(calls(1, takes=(5000,)), concurrency=1, rates=rates).seconds == 10


# --- money and refusals -------------------------------------------------------------------------------------


def within(room: float, number: int, *, concurrency: int = 10, cost: float = 0.02) -> Duration:
    """The duration of so many calls of 10 s, each of which reserves $0.10."""
    priced = [Call(seconds=10.0, spread=0.0, cost=cost)] * number
    free = duration(priced, concurrency=concurrency)
    funds = Funds(name="budget", room=room, worst=0.1)
    return duration_within(funds, free=free, calls=priced, concurrency=concurrency)


def test_money_for_all_reservations_does_not_slow_a_batch() -> None:
    assert within(20 * 0.02 + 10 * 0.1 + 0.001, 20) == duration(calls(20), concurrency=10)


def test_money_for_fewer_reservations_leaves_slots_idle() -> None:
    found = within(0.7, 20)
    assert (found.limited_by, found.covered) == ("budget", 20)
    assert found.seconds > 35, "seven at once and fewer, instead of ten in two rounds"


def test_money_for_a_part_covers_a_part() -> None:
    found = within(0.31, 20)
    assert (found.limited_by, found.covered) == ("budget", 11), "(0.31 - 0.1) / 0.02, and the last one"
    assert within(0.05, 20) == Duration(seconds=0.0, limited_by="budget", covered=0)


def test_a_slowed_pool_starts_slowly_and_recovers() -> None:
    rates = [Rate(name="requests", burst=1, interval_s=1.0)]
    many = calls(300, takes=(1,))
    full, slow = (
        duration(many, concurrency=300, rates=rates, pace=pace).seconds for pace in (Pace(), Pace(share=0.5))
    )
    assert full == pytest.approx(309)
    assert 1.3 * full < slow <= 2 * full + 1
    assert duration(calls(1), concurrency=1, pace=Pace(wait_s=30)).seconds == 40


def test_the_same_batch_takes_the_same_time() -> None:
    first, again = (duration(calls(37, spread=0.1), concurrency=4) for _ in range(2))
    assert first == again
    assert Decimal(str(round(first.seconds, 1))) == Decimal(str(round(again.seconds, 1)))
