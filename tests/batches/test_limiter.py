"""The limiter's arithmetic, and its row under many takers at once."""

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from batches import limiter
from batches.limiter import (
    MARGIN_S,
    WINDOW_S,
    NoLimiter,
    Shape,
    block,
    permits,
    set_limits,
    shape,
    take_permit,
)
from batches.models import RateLimit


def most_permits(found: Shape, *, window_s: float) -> int:
    """The most permits that a bucket of this shape gives in a closed window: the burst, then one per interval."""
    return int(found.burst + window_s / found.interval_s + 1e-9)


@given(st.integers(min_value=1, max_value=1_000_000))
def test_no_window_holds_more_than_the_limit(per_minute: int) -> None:
    assert most_permits(shape(per_minute), window_s=WINDOW_S + MARGIN_S) <= per_minute


@given(st.integers(min_value=1, max_value=1_000_000))
def test_at_least_nine_tenths_of_the_limit_are_used(per_minute: int) -> None:
    assert WINDOW_S / shape(per_minute).interval_s >= 0.9 * per_minute


def test_a_permit_is_given_at_once_then_spaced(db: None) -> None:
    set_limits(["p"], per_minute=60)
    waits = [take_permit("p") for _ in range(5)]
    assert waits[:3] == pytest.approx([0, 0, 0], abs=0.2)
    assert waits[3] == pytest.approx(61.5 / 57, abs=0.2)
    assert waits[4] is None, "more than 2 s ahead: nothing is promised"


def test_two_pools_do_not_share(db: None) -> None:
    set_limits(["p", "q"], per_minute=1)
    assert take_permit("p") == pytest.approx(0, abs=0.05)
    assert take_permit("p") is None
    assert take_permit("q") == pytest.approx(0, abs=0.05)


def test_without_a_row_there_is_no_call(db: None) -> None:
    with pytest.raises(NoLimiter):
        take_permit("unknown")


def test_a_block_holds_everybody(db: None) -> None:
    set_limits(["p"], per_minute=600)
    block("p", seconds=30)
    assert take_permit("p") is None
    assert permits(["p"]) == {"p": 0}
    block("p", seconds=1)
    assert take_permit("p") is None, "a shorter block does not lift a longer one"


def test_new_settings_keep_what_is_left_of_the_window(db: None) -> None:
    set_limits(["p"], per_minute=1)
    take_permit("p")
    set_limits(["p"], per_minute=2)
    assert take_permit("p") is None
    assert RateLimit.objects.get(pool="p").per_minute == 2


def test_permits_counts_what_could_be_taken(db: None) -> None:
    set_limits(["p"], per_minute=60)
    promised = permits(["p"])["p"]
    taken = 0
    while take_permit("p") is not None:
        taken += 1
    assert taken == promised
    assert permits(["p"])["p"] == 0


def test_the_clock_is_read_after_the_lock(db: None) -> None:
    """`now()` would be the transaction's start: here half a second old, and the permit would start in the past."""
    set_limits(["p"], per_minute=600)
    with connection.cursor() as cursor:
        cursor.execute("SELECT now(), pg_sleep(0.5)")
        cursor.execute(
            f"UPDATE rate_limits SET tat = clock_timestamp() + interval '{limiter.AHEAD_S} s' WHERE pool = 'p'"
        )
    wait = take_permit("p")
    assert wait is not None
    assert wait <= limiter.AHEAD_S
