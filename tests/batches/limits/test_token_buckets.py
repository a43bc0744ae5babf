"""The buckets' arithmetic: no window of a minute above the limit, most of it usable, and everything passes in the end."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from batches.limits.limiter import AHEAD_S, INTERACTIVE_AHEAD_S
from batches.limits.token_buckets import MARGIN_S, WINDOW_S, Shape, shape, token_shape

LIMITS = st.integers(min_value=1, max_value=1_000_000)
TOKEN_LIMITS = st.integers(min_value=1000, max_value=10_000_000)


@dataclass
class Bucket:
    """What the statement in `batches.limits.limiter` does, without a database; `starts` are moments and costs."""

    limit: int
    shape: Shape
    tat: float = -1e9
    borrowed_until: float = -1e9
    starts: list[tuple[float, float]] = field(default_factory=list)

    def start_s(self, now: float, cost: float) -> float:
        """The earliest moment of a call of this cost that is asked for now."""
        burst = self.shape.burst - self.shape.reserve
        return max(now, self.tat + (min(cost, self.limit) - burst) * self.shape.interval_s)

    def take(self, now: float, cost: float, *, single: bool = False) -> float:
        start = turn = self.start_s(now, cost)
        if single and self.shape.reserve and self.borrowed_until <= now:
            start, self.borrowed_until = now, turn
        self.tat = max(self.tat, start) + cost * self.shape.interval_s
        self.starts.append((start, cost))
        return start

    def most_in_a_window(self, seconds: float) -> float:
        ordered = sorted(self.starts)
        return max(
            sum(cost for at, cost in ordered[first:] if at <= began + seconds)
            for first, (began, _) in enumerate(ordered)
        )


# --- requests ---------------------------------------------------------------------------------------


@given(LIMITS)
def test_no_window_holds_more_requests_than_the_limit(per_minute: int) -> None:
    """The burst, then one per interval."""
    found = shape(per_minute)
    assert int(found.burst + (WINDOW_S + MARGIN_S) / found.interval_s + 1e-9) <= per_minute


@given(LIMITS)
def test_at_least_nine_tenths_of_the_requests_are_used(per_minute: int) -> None:
    assert WINDOW_S / shape(per_minute).interval_s >= 0.9 * per_minute


@given(LIMITS)
def test_batches_leave_a_part_of_the_burst_to_single_generations(per_minute: int) -> None:
    found = shape(per_minute)
    assert 0 <= found.slack <= found.interactive_slack == found.burst - 1
    assert found.slack < found.interactive_slack or found.burst == 1


@given(st.integers(1, 2000), st.data())
def test_no_window_holds_more_although_single_generations_leave_before_their_turn(
    limit: int, data: st.DataObject
) -> None:
    """Batches that book as far ahead as they may, and single generations that come whenever they come."""
    bucket, now = Bucket(limit, shape(limit)), 0.0
    pauses = st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 30))
    for pause, singles in data.draw(st.lists(st.tuples(pauses, st.integers(0, 3)), min_size=1, max_size=30)):
        now += pause
        while bucket.tat - now <= AHEAD_S + bucket.shape.slack * bucket.shape.interval_s:
            bucket.take(now, 1)
        for _ in range(singles):
            if (
                bucket.tat - now
                <= INTERACTIVE_AHEAD_S + bucket.shape.interactive_slack * bucket.shape.interval_s
            ):
                bucket.take(now, 1, single=True)
    assert bucket.most_in_a_window(WINDOW_S) <= limit


# --- tokens -----------------------------------------------------------------------------------------


@given(TOKEN_LIMITS, st.data())
def test_no_window_holds_more_expected_tokens_than_the_limit(limit: int, data: st.DataObject) -> None:
    """Whatever the sizes of the calls, as long as none is bigger than the limit itself, and whenever they are asked for."""
    bucket, now = Bucket(limit, token_shape(limit)), 0.0
    sizes = st.one_of(st.integers(1, max(1, limit // 16)), st.integers(1, limit))
    pauses = st.one_of(st.just(0.0), st.floats(0, 30))
    for cost, pause in data.draw(st.lists(st.tuples(sizes, pauses), min_size=1, max_size=60)):
        now += pause
        now = bucket.take(now, cost) if data.draw(st.booleans()) else (bucket.take(now, cost), now)[1]
    assert bucket.most_in_a_window(WINDOW_S - 1e-6) <= limit * (1 + 1e-9)


@given(TOKEN_LIMITS, st.floats(0.001, 1))
def test_nine_tenths_of_the_tokens_are_used_by_calls_of_the_size_of_the_burst(
    limit: int, part: float
) -> None:
    bucket = Bucket(limit, token_shape(limit))
    cost = max(1.0, part * bucket.shape.burst)
    calls = min(2000, int(10 * limit / cost))
    for _ in range(calls):
        bucket.take(0.0, cost)
    first, last = bucket.starts[0][0], bucket.starts[-1][0]
    if last - first > WINDOW_S:
        assert (calls - 1) * cost / (last - first) * WINDOW_S >= 0.9 * limit


@given(TOKEN_LIMITS, st.floats(1, 8))
def test_a_call_bigger_than_the_limit_passes_alone_and_the_next_one_waits_for_it(
    limit: int, times: float
) -> None:
    bucket, cost = Bucket(limit, token_shape(limit)), times * limit
    first = bucket.take(0.0, cost)
    second = bucket.take(first, cost)
    assert first == 0.0
    assert second - first >= WINDOW_S * times * 0.999
    assert bucket.start_s(second, cost) < float("inf")


@given(TOKEN_LIMITS)
def test_a_big_call_waits_a_minute_at_most_behind_small_ones(limit: int) -> None:
    """It is not starved: small calls take their permits behind it."""
    bucket = Bucket(limit, token_shape(limit))
    bucket.tat = 1.2  # as far ahead as batches are let
    assert bucket.start_s(0.0, limit) <= 1.2 + WINDOW_S * 1.001
    big = bucket.take(0.0, limit)
    assert bucket.start_s(0.0, 1) >= big
