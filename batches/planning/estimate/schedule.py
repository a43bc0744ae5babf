"""How long a batch takes: a simulation of its calls in virtual time, with its slots, its rate limits and its money. Pure.

The longest of N / concurrency x seconds per call, N / request rate and tokens / token rate is a lower bound. The batch
takes longer because of its last round, in which some slots are idle and the slowest call decides. For small batches that
matters most (11 calls on 10 slots take two rounds, not 1.1), and calls that differ have no simple formula for it.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

# Seconds between the end of a call and the start of the next one in its slot: file, dispatch, claim (see bench/estimator.py).
BETWEEN_CALLS_S = 0.05
# Small batches are simulated several times, so that one unlucky order does not decide.
CALLS_PLAYED = 600
MOST_PLAYS = 20
# From so much on, a batch with this much money takes longer than with enough of it.
MUCH_LONGER = 1.02
STEPS = 64
QUANTILES = tuple(NormalDist().inv_cdf((step + 0.5) / STEPS) for step in range(STEPS))


@dataclass(frozen=True, kw_only=True)
class Call:
    """The calls of one item: mean seconds in a slot, the variance of their logarithm, what it uses of each rate limit, and USD."""

    seconds: float
    spread: float
    takes: tuple[float, ...] = ()
    cost: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A rate limit as a token bucket: `burst` at once, then one unit every `interval_s` seconds."""

    name: str
    burst: float
    interval_s: float


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What refusals of the provider have left behind: nothing starts for `wait_s` seconds, and only `share` of each rate
    limit is used at first. The share grows by 10% every `minute_s` seconds.
    """

    wait_s: float = 0.0
    share: float = 1.0
    minute_s: float = 60.0

    def share_at(self, seconds: float) -> float:
        return min(1.0, self.share * 1.1 ** min(100.0, seconds / self.minute_s)) if self.share < 1 else 1.0


@dataclass(frozen=True, kw_only=True)
class Funds:
    """The money that there is, in USD: a call reserves `worst` of it until its reply has come. `name` is that of the limit."""

    name: str
    room: float
    worst: float


@dataclass(frozen=True, kw_only=True)
class Duration:
    """How long a batch takes, and what decides it: `concurrency`, `budget`, `month`, or the name of a rate limit.

    `covered`: how many of its items the money covers; after these the batch pauses.
    """

    seconds: float
    limited_by: str
    covered: int


FULL_PACE = Pace()


def duration(
    calls: Sequence[Call], *, concurrency: int, rates: Sequence[Rate] = (), pace: Pace = FULL_PACE
) -> Duration:
    """The time from the start to the last reply, as the mean of several simulations. Equal for equal arguments."""
    return _simulate(calls, concurrency, rates, pace)


def duration_within(
    funds: Funds,
    *,
    free: Duration,
    calls: Sequence[Call],
    concurrency: int,
    rates: Sequence[Rate] = (),
    pace: Pace = FULL_PACE,
) -> Duration:
    """`duration` with this money. `free` is the one without a limit. It is the same where the money cannot matter."""
    if _are_ample(funds, calls, concurrency):
        return free
    bound = _simulate(calls, concurrency, rates, pace, funds)
    if bound.covered < len(calls) or bound.seconds > free.seconds * MUCH_LONGER:
        return replace(bound, limited_by=funds.name)
    return bound


def _are_ample(funds: Funds, calls: Sequence[Call], concurrency: int) -> bool:
    """Whether the money can never hold a call back: not even the last ones, with all slots in use."""
    in_flight = min(max(1, concurrency), len(calls))
    return sum(call.cost for call in calls) + in_flight * funds.worst <= funds.room


def _simulate(
    calls: Sequence[Call], concurrency: int, rates: Sequence[Rate], pace: Pace, funds: Funds | None = None
) -> Duration:
    chance = random.Random(0)  # noqa: S311
    plays = max(1, min(MOST_PLAYS, CALLS_PLAYED // len(calls)))
    slots = max(1, min(concurrency, len(calls)))  # more are never used, and each has a place in memory
    played = [_play(_draw_calls(calls, chance), slots, rates, pace, funds) for _ in range(plays)]
    return Duration(
        seconds=sum(seconds for seconds, _ in played) / plays,
        limited_by=_find_tightest_limit(calls, concurrency, rates, pace),
        covered=sum(count for _, count in played) // plays,
    )


def _draw_calls(calls: Sequence[Call], chance: random.Random) -> Iterator[tuple[float, Call]]:
    """Each call with the seconds that it takes this time."""
    factors = {spread: _factors(spread) for spread in {call.spread for call in calls}}
    for call in calls:
        yield call.seconds * chance.choice(factors[call.spread]), call


def _factors(spread: float) -> tuple[float, ...]:
    """Factors of a log-normal distribution with the mean 1, in equal steps of probability."""
    deviation = math.sqrt(spread)
    factors = [math.exp(deviation * quantile) for quantile in QUANTILES]
    mean = sum(factors) / len(factors)
    return tuple(factor / mean for factor in factors)


def _play(
    drawn: Iterator[tuple[float, Call]],
    concurrency: int,
    rates: Sequence[Rate],
    pace: Pace,
    funds: Funds | None,
) -> tuple[float, int]:
    """The seconds until the last reply, and the number of calls that were made."""
    free = [pace.wait_s] * max(1, concurrency)
    arrivals = [-math.inf] * len(rates)  # of each bucket, its theoretical arrival time (GCRA)
    purse = _Purse(funds) if funds else None
    last, count = 0.0, 0
    for seconds, call in drawn:
        start = free[0]
        share = pace.share_at(start)
        for index, rate in enumerate(rates):
            room = (call.takes[index] - rate.burst) * rate.interval_s / share
            start = max(start, arrivals[index] + room)
        if purse is not None:
            start = purse.pay(call.cost, start=start, seconds=seconds)
            if start == math.inf:
                break
        for index, rate in enumerate(rates):
            arrivals[index] = max(arrivals[index], start) + call.takes[index] * rate.interval_s / share
        last = max(last, start + seconds)
        heapq.heapreplace(free, start + seconds + BETWEEN_CALLS_S)
        count += 1
    return last, count


class _Purse:
    """The money of one simulation: what is spent, and what the calls in flight reserve."""

    def __init__(self, funds: Funds) -> None:
        self.funds = funds
        self.spent = 0.0
        self.in_flight: list[tuple[float, float]] = []  # when each ends, and what it then has cost

    def pay(self, cost: float, *, start: float, seconds: float) -> float:
        """The moment at or after `start` at which the call can be reserved; infinite when the money does not cover it."""
        while self.in_flight and (self.in_flight[0][0] <= start or not self._covers_another()):
            end, price = heapq.heappop(self.in_flight)
            self.spent += price
            start = max(start, end)
        if not self._covers_another():
            return math.inf
        heapq.heappush(self.in_flight, (start + seconds, cost))
        return start

    def _covers_another(self) -> bool:
        return self.spent + (len(self.in_flight) + 1) * self.funds.worst <= self.funds.room


def _find_tightest_limit(calls: Sequence[Call], concurrency: int, rates: Sequence[Rate], pace: Pace) -> str:
    bounds = {"concurrency": sum(call.seconds + BETWEEN_CALLS_S for call in calls) / max(1, concurrency)}
    for index, rate in enumerate(rates):
        units = sum(call.takes[index] for call in calls) - rate.burst
        bounds[rate.name] = units * rate.interval_s / pace.share
    return max(bounds, key=lambda name: bounds[name])
