"""The limiter's rows: what is granted, given back, corrected and believed. The arithmetic is in test_buckets.py."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from batches.limits import limiter
from batches.limits.limiter import (
    Correction,
    Expected,
    NoLimiter,
    block_pool,
    correct_limits,
    count_permits,
    set_limits,
    take_permit,
)
from batches.limits.token_buckets import WINDOW_S, shape, token_shape
from batches.models import RateLimit
from batches.models.limits import LONG_AGO
from batches.models.states import Dimension
from claude.allowance import Allowance
from tests.batches.limits.test_token_buckets import Bucket

REQUESTS, INPUT, OUTPUT = Dimension.REQUESTS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS


def debt_s(dimension: Dimension, pool: str = "p") -> float:
    """How far a bucket is taken ahead of now, in seconds; below 0 it is full."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM tat - clock_timestamp()) FROM rate_limits WHERE pool = %s AND dimension = %s",
            [pool, dimension.value],
        )
        return float(cursor.fetchone()[0])


def correction(log_id: UUID | None = None, **fields: Any) -> Correction:
    return Correction(**{"pool": "p", "log_id": log_id or uuid4(), "changes": {}, **fields})


def told(**limits: tuple[int | None, int | None]) -> dict[str, Allowance]:
    return {name: Allowance(limit=limit, remaining=left) for name, (limit, left) in limits.items()}


# --- requests ---------------------------------------------------------------------------------------


def test_a_permit_is_given_at_once_then_spaced(db: None) -> None:
    """Of the three at once one is left to single generations."""
    set_limits(["p"], per_minute=60)
    waits = [take_permit("p") for _ in range(4)]
    assert waits[:3] == pytest.approx([0, 0, 1], abs=0.2)
    assert waits[3] is None, "too far ahead: nothing is promised"


def test_single_generations_go_first(db: None) -> None:
    """A batch that takes what it can get leaves them a permit that starts within 1.2 s."""
    set_limits(["p"], per_minute=50)
    while take_permit("p") is not None:
        pass
    assert count_permits(["p"]) == {"p": 0}
    assert count_permits(["p"], interactive=True)["p"] >= 1
    wait = take_permit("p", interactive=True)
    assert wait is not None
    assert wait <= limiter.AHEAD_S
    assert take_permit("p") is None, "the batch waits until theirs are paid"


@pytest.mark.parametrize("per_minute", [60, 600])
def test_one_single_generation_at_a_time_leaves_at_once(per_minute: int, db: None) -> None:
    """The permits that the batch has booked keep their moments; the next single generation waits for its turn."""
    set_limits(["p"], per_minute=per_minute)
    while take_permit("p") is not None:
        pass
    turn = debt_s(REQUESTS) - 3 * shape(per_minute).interval_s
    assert take_permit("p", interactive=True) == 0
    second = take_permit("p", interactive=True)
    assert second is None or second >= min(turn, limiter.AHEAD_S) - 0.2
    row = RateLimit.objects.get(pool="p", dimension="requests")
    RateLimit.objects.update(borrowed_until=LONG_AGO, tat=row.tat - timedelta(seconds=2))
    assert take_permit("p", interactive=True) == 0, "when that turn has come"


@pytest.mark.parametrize("per_minute", [100_000, 2_000_000])
def test_single_generations_go_first_where_tokens_bind(per_minute: int, db: None) -> None:
    set_limits(["p"], per_minute=1_000_000, output_per_minute=per_minute)
    call = Expected(output=3000)
    for _ in range(500):
        if take_permit("p", call) is None:
            break
    wait = take_permit("p", call, interactive=True)
    assert wait is not None
    assert wait <= limiter.AHEAD_S


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
    block_pool("p", seconds=30)
    assert take_permit("p") is None
    assert count_permits(["p"]) == {"p": 0}
    block_pool("p", seconds=1)
    assert take_permit("p") is None, "a shorter block does not lift a longer one"


def test_new_settings_keep_what_is_left_of_the_window(db: None) -> None:
    set_limits(["p"], per_minute=1)
    take_permit("p")
    set_limits(["p"], per_minute=2)
    assert take_permit("p") is None
    assert RateLimit.objects.get(pool="p", dimension="requests").per_minute == 2


def test_permits_counts_what_could_be_taken(db: None) -> None:
    set_limits(["p"], per_minute=60)
    promised = count_permits(["p"])["p"]
    taken = 0
    while take_permit("p") is not None:
        taken += 1
    assert taken == promised
    assert count_permits(["p"])["p"] == 0


def test_the_clock_is_read_after_the_lock(db: None) -> None:
    """`now()` would be the transaction's start: here half a second old, and the permit would start in the past."""
    set_limits(["p"], per_minute=600)
    with connection.cursor() as cursor:
        cursor.execute("SELECT now(), pg_sleep(0.5)")
        cursor.execute(
            f"UPDATE rate_limits SET tat = clock_timestamp() + interval '{limiter.AHEAD_S} s' WHERE dimension = 'requests'"
        )
    wait = take_permit("p")
    assert wait is not None
    assert wait <= limiter.AHEAD_S


# --- tokens -----------------------------------------------------------------------------------------


def test_the_statement_does_what_the_arithmetic_says(db: None) -> None:
    """Calls of all sizes, one after the other; the pure bucket is in test_buckets.py."""
    limit, chance = 80_000, random.Random(7)
    set_limits(["p"], per_minute=1_000_000, output_per_minute=limit)
    bucket, interval = Bucket(limit, token_shape(limit)), token_shape(limit).interval_s
    for _ in range(12):
        cost = chance.choice([100, 3000, 5000, 9000, 100_000])
        RateLimit.objects.update(tat="2000-01-01T00:00:00Z")
        ahead = chance.uniform(0, 1.1)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE rate_limits SET tat = clock_timestamp() + make_interval(secs => %s) WHERE dimension = 'output_tokens'",
                [ahead],
            )
        bucket.tat = ahead
        start = bucket.take(0.0, cost)
        assert take_permit("p", Expected(output=cost)) == pytest.approx(start, abs=0.2)
        assert debt_s(OUTPUT) == pytest.approx(bucket.tat, abs=0.2 + 0.01 * cost * interval)


def test_the_dimension_that_binds_decides(db: None) -> None:
    set_limits(["p"], per_minute=1_000_000, input_per_minute=1_000_000, output_per_minute=60_000)
    call = Expected(input=1000, output=3000)
    assert take_permit("p", call) == pytest.approx(0, abs=0.1)
    assert take_permit("p", call) is None, "3,000 of 60,000 a minute are 3.2 s"
    assert debt_s(OUTPUT) == pytest.approx(3.2, abs=0.3)
    assert debt_s(INPUT) < 0.3


def test_a_refused_call_takes_nothing_of_any_dimension(db: None) -> None:
    set_limits(["p"], per_minute=60, output_per_minute=60_000)
    take_permit("p", Expected(output=5000))
    before = debt_s(REQUESTS)
    assert take_permit("p", Expected(output=5000)) is None
    assert debt_s(REQUESTS) <= before


def test_a_call_bigger_than_the_limit_passes(db: None) -> None:
    set_limits(["p"], per_minute=60, output_per_minute=1000)
    wait = take_permit("p", Expected(output=4000))
    assert wait == pytest.approx(0, abs=0.1), "the bucket was full for years"
    assert debt_s(OUTPUT) == pytest.approx(4 * WINDOW_S * 16 / 15, rel=0.01)


def test_permits_count_calls_of_late_s_size(db: None) -> None:
    set_limits(["p"], per_minute=1_000_000, output_per_minute=400_000)
    for _ in range(60):
        RateLimit.objects.update(tat="2000-01-01T00:00:00Z")
        take_permit("p", Expected(output=2000))
    RateLimit.objects.update(tat="2000-01-01T00:00:00Z")
    promised, taken = count_permits(["p"])["p"], 0
    while take_permit("p", Expected(output=2000)) is not None:
        taken += 1
    assert abs(promised - taken) <= 1


# --- corrections ------------------------------------------------------------------------------------


def test_what_was_not_taken_comes_back_and_what_was_more_is_paid(db: None) -> None:
    set_limits(["p"], per_minute=1_000_000, output_per_minute=80_000)
    second = 80_000 * 15 / 16 / 60
    take_permit("p", Expected(output=5000))
    assert debt_s(OUTPUT) == pytest.approx(5000 / second, abs=0.3)
    correct_limits(correction(changes={OUTPUT: -3000}))
    assert debt_s(OUTPUT) == pytest.approx(2000 / second, abs=0.3)
    correct_limits(correction(changes={OUTPUT: 1000}))
    assert debt_s(OUTPUT) == pytest.approx(3000 / second, abs=0.3)


def test_what_comes_back_makes_no_bucket_fuller_than_full(db: None) -> None:
    set_limits(["p"], per_minute=60, output_per_minute=80_000)
    take_permit("p", Expected(output=1000))
    before = RateLimit.objects.get(dimension=REQUESTS).tat
    correct_limits(correction(changes={OUTPUT: -50_000, REQUESTS: -1}))
    assert -0.3 < debt_s(OUTPUT) <= 0
    assert -0.3 < debt_s(REQUESTS) <= 0
    correct_limits(correction(changes={REQUESTS: -1}))
    assert RateLimit.objects.get(dimension=REQUESTS).tat <= before


def test_a_lower_limit_of_the_provider_is_adopted_and_a_higher_one_only_up_to_the_setting(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    set_limits(["p"], per_minute=600, output_per_minute=80_000)
    correct_limits(
        correction(reported=told(requests=(60, 10), output_tokens=(8000, 8000), input_tokens=(None, None)))
    )
    limits = dict(RateLimit.objects.values_list("dimension", "per_minute"))
    assert (limits[REQUESTS], limits[OUTPUT], limits[INPUT]) == (60, 8000, 100_000_000)
    assert "allows 60 requests a minute" in caplog.text
    set_limits(["p"], per_minute=600, output_per_minute=80_000)
    assert RateLimit.objects.get(dimension=REQUESTS).per_minute == 60, "also after a restart"
    correct_limits(correction(reported=told(requests=(1000, 999))))
    row = RateLimit.objects.get(dimension=REQUESTS)
    assert (row.per_minute, row.told, row.interval_s) == (600, 1000, shape(600).interval_s)


def test_where_the_provider_has_less_left_than_we_believe_somebody_else_uses_the_key(db: None) -> None:
    set_limits(["p"], per_minute=600, output_per_minute=80_000)
    correct_limits(correction(reported=told(requests=(600, 5), output_tokens=(80_000, 40_000))))
    assert debt_s(REQUESTS) < 0, "it has as much as our burst: nothing to correct"
    correct_limits(correction(reported=told(requests=(600, 0), output_tokens=(80_000, 0))))
    assert debt_s(REQUESTS) == pytest.approx(5 * 61.5 / 595, abs=0.1), "the burst is gone"
    assert debt_s(OUTPUT) == pytest.approx(4, abs=0.1)


def test_a_pool_without_rows_is_corrected_silently(db: None) -> None:
    correct_limits(correction(reported=told(requests=(60, 10)), replied=True))
