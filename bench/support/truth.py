"""The true values of `bench.estimator` (lengths and speeds of calls), and a simulation of the engine in virtual time.

The estimator knows only the calls in the history. The true values have effects that it does not model: the speed of a model differs from
call to call, unusable replies are paid for again after a wait, and the engine needs time between two calls.
"""

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

UNUSABLE = (0.0, 0.02, 0.06)
BACKOFF_S = (1.0, 2.0)
BETWEEN_S = (0.02, 0.12)
MOST_CALLS = 3


@dataclass(frozen=True, kw_only=True)
class Made:
    """One call of an item, with the numbers that the log would have."""

    usable: bool
    prompt: int
    output: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Rate limits per minute; None: no limit. The buckets are those of docs/execution.md section 3."""

    requests: int
    output_tokens: int | None = None


class World:
    """The true lengths for each template version. `spread`: the standard deviation of their logarithm."""

    def __init__(self, chance: random.Random, *, spread: float, usual: dict[UUID, int]) -> None:
        self.chance = chance
        self.spread = spread
        self.mean = {version: tokens * math.exp(chance.gauss(0, 0.35)) for version, tokens in usual.items()}
        self.unusable = chance.choice(UNUSABLE)
        self.tokens_per_second = chance.uniform(45, 90)
        self.before_output_s = chance.uniform(0.8, 3.0)

    def item(self, version: UUID, *, prompt: int) -> list[Made]:
        """The calls of one item. If the last one is unusable too, the item has failed."""
        calls: list[Made] = []
        while len(calls) < MOST_CALLS and not (calls and calls[-1].usable):
            output = self._skewed(self.mean[version], self.spread)
            speed = self._skewed(self.tokens_per_second, 0.1)
            seconds = self._skewed(self.before_output_s, 0.3) + output / speed
            usable = self.chance.random() >= self.unusable
            calls.append(Made(usable=usable, prompt=prompt, output=round(output), seconds=seconds))
        return calls

    def _skewed(self, mean: float, deviation: float) -> float:
        return mean * math.exp(self.chance.gauss(-(deviation**2) / 2, deviation))


@dataclass
class Bucket:
    """A GCRA bucket as in the limiter: `burst` at once, then one unit every `interval_s` seconds."""

    burst: float
    interval_s: float
    arrival: float = -math.inf

    def earliest(self, takes: float) -> float:
        return self.arrival + (takes - self.burst) * self.interval_s

    def take(self, start: float, takes: float) -> None:
        self.arrival = max(self.arrival, start) + takes * self.interval_s

    def correct(self, takes: float) -> None:
        self.arrival += takes * self.interval_s


def play(
    items: Sequence[Sequence[Made]],
    *,
    concurrency: int,
    requests: Bucket,
    output: Bucket | None,
    expected: float,
    chance: random.Random,
) -> float:
    """Seconds until the last reply. `expected`: the output tokens that a call takes from the limit until its usage is known."""
    free = [0.0] * concurrency
    waiting = [(0.0, place, 0) for place in range(len(items))]
    corrections: list[tuple[float, float]] = []
    last = 0.0
    while waiting:
        ready, place, number = heapq.heappop(waiting)
        call = items[place][number]
        start = max(ready, free[0], requests.earliest(1))
        if output:
            while corrections and corrections[0][0] <= start:
                output.correct(heapq.heappop(corrections)[1])
            start = max(start, output.earliest(expected))
            output.take(start, expected)
            heapq.heappush(corrections, (start + call.seconds, call.output - expected))
        requests.take(start, 1)
        end = start + call.seconds
        last = max(last, end)
        heapq.heapreplace(free, end + chance.uniform(*BETWEEN_S))
        if number + 1 < len(items[place]):
            heapq.heappush(waiting, (end + BACKOFF_S[number] * chance.uniform(0.75, 1.25), place, number + 1))
    return last
