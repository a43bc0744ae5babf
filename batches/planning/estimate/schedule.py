"""How long a batch takes: a simulation of its calls in virtual time, with its slots and its rate limits. Pure.

The longest of N / concurrency x seconds per call, N / request rate and tokens / token rate is a lower bound. The batch
takes longer because of its last round, in which some slots are idle and the slowest call decides. For small batches that
matters most (11 calls on 10 slots take two rounds, not 1.1), and calls that differ have no simple formula for it.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

# Seconds between the end of a call and the start of the next one in its slot: file, dispatch, claim (see bench/estimator.py).
BETWEEN_CALLS_S = 0.05
# Small batches are simulated several times, so that one unlucky order does not decide.
CALLS_PLAYED = 600
MOST_PLAYS = 20
STEPS = 64
QUANTILES = tuple(NormalDist().inv_cdf((step + 0.5) / STEPS) for step in range(STEPS))


@dataclass(frozen=True, kw_only=True)
class Call:
    """The calls of one item: mean seconds in a slot, the variance of their logarithm, and what it uses of each rate limit."""

    seconds: float
    spread: float
    takes: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A rate limit as a token bucket: `burst` at once, then one unit every `interval_s` seconds."""

    name: str
    burst: float
    interval_s: float


@dataclass(frozen=True, kw_only=True)
class Duration:
    """How long a batch takes, and what decides it: `concurrency`, or the name of a rate limit."""

    seconds: float
    limited_by: str


def duration(calls: Sequence[Call], *, concurrency: int, rates: Sequence[Rate] = ()) -> Duration:
    """The time from the start to the last reply, as the mean of several simulations. Equal for equal arguments."""
    chance = random.Random(0)  # noqa: S311
    plays = max(1, min(MOST_PLAYS, CALLS_PLAYED // len(calls)))
    total = sum(_play(_draw_calls(calls, chance), concurrency, rates) for _ in range(plays))
    return Duration(seconds=total / plays, limited_by=_find_tightest_limit(calls, concurrency, rates))


def _draw_calls(calls: Sequence[Call], chance: random.Random) -> Iterator[tuple[float, tuple[float, ...]]]:
    factors = {spread: _factors(spread) for spread in {call.spread for call in calls}}
    for call in calls:
        yield call.seconds * chance.choice(factors[call.spread]), call.takes


def _factors(spread: float) -> tuple[float, ...]:
    """Factors of a log-normal distribution with the mean 1, in equal steps of probability."""
    deviation = math.sqrt(spread)
    factors = [math.exp(deviation * quantile) for quantile in QUANTILES]
    mean = sum(factors) / len(factors)
    return tuple(factor / mean for factor in factors)


def _play(drawn: Iterator[tuple[float, tuple[float, ...]]], concurrency: int, rates: Sequence[Rate]) -> float:
    free = [0.0] * max(1, concurrency)
    arrivals = [-math.inf] * len(rates)  # of each bucket, its theoretical arrival time (GCRA)
    last = 0.0
    for seconds, takes in drawn:
        start = free[0]
        for index, rate in enumerate(rates):
            start = max(
                start, arrivals[index] - rate.burst * rate.interval_s + takes[index] * rate.interval_s
            )
        for index, rate in enumerate(rates):
            arrivals[index] = max(arrivals[index], start) + takes[index] * rate.interval_s
        last = max(last, start + seconds)
        heapq.heapreplace(free, start + seconds + BETWEEN_CALLS_S)
    return last


def _find_tightest_limit(calls: Sequence[Call], concurrency: int, rates: Sequence[Rate]) -> str:
    bounds = {"concurrency": sum(call.seconds + BETWEEN_CALLS_S for call in calls) / max(1, concurrency)}
    for index, rate in enumerate(rates):
        bounds[rate.name] = (sum(call.takes[index] for call in calls) - rate.burst) * rate.interval_s
    return max(bounds, key=lambda name: bounds[name])
