"""The rate of a batch is that of the time in which it works."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from batches.reports.rate import MOST_INTERRUPTIONS, measure_rate

START = datetime(2026, 1, 1, tzinfo=UTC)


def rate(gaps: Sequence[float], *, since: float = 0, call_s: float = 1) -> float | None:
    ends = [START + timedelta(seconds=sum(gaps[:n])) for n in range(len(gaps) + 1)]
    return measure_rate(ends, until=ends[-1] + timedelta(seconds=since), call_s=call_s)


def test_none_before_the_fifth_end() -> None:
    assert measure_rate([], until=START, call_s=1) is None
    assert rate([1, 1, 1]) is None
    assert rate([1, 1, 1, 1]) == pytest.approx(60)


@pytest.mark.parametrize("pauses", [1, 2, 3])
@pytest.mark.parametrize("length", [10, 60, 3600])
def test_interruptions_do_not_count(pauses: int, length: float) -> None:
    gaps = [1.0] * 26 + [float(length)] * pauses
    assert rate(gaps) == pytest.approx(60)
    assert rate([1.0] * 20, since=length) == pytest.approx(60), "one that is going on"


def test_calls_that_end_together_are_no_interruptions() -> None:
    """Ten at once, each call takes 30 s: ten ends within a moment, then 30 s nothing."""
    assert rate(([0.0] * 9 + [30.0]) * 2 + [0.0] * 9, call_s=30) == pytest.approx(29 / 60 * 60)


def test_a_provider_that_lets_few_calls_through_each_minute_sets_the_pace() -> None:
    assert rate([60.0] * 10, call_s=5) == pytest.approx(1)
    often = [0.5, 0.5, 0.5, 60.0] * 5
    assert len([gap for gap in often if gap > 3]) > MOST_INTERRUPTIONS
    assert rate(often, call_s=1) == pytest.approx(20 / sum(often) * 60)


def test_a_call_that_takes_a_little_longer_is_work() -> None:
    assert rate([1.0] * 20, since=1.5) == pytest.approx(20 / 21.5 * 60)
