"""The results of `bench.estimator`: estimates beside what the jobs really took, as a table and as a summary."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batches.planning.estimate.estimate import Estimate

RANGE = (0.7, 0.9)
GOAL_COST, GOAL_TIME = 0.10, 0.20


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One job: its estimate (`said`), its cost in USD and its time in seconds."""

    name: str
    spread: float
    history: int
    said: "Estimate"
    cost: Decimal
    seconds: float

    @property
    def holds(self) -> bool:
        return self.said.cost_low <= self.cost <= self.said.cost_high

    @property
    def cost_error(self) -> float:
        return float(self.cost / self.said.cost) - 1

    @property
    def time_error(self) -> float:
        return self.seconds / self.said.seconds - 1


def table(outcomes: Sequence[Outcome]) -> None:
    print(
        f"\n{'job':58} {'spread':>6} {'past':>4} {'said $':>8} {'low':>7} {'high':>7} {'cost $':>8} {'error':>7}"
        f" {'said s':>7} {'took s':>7} {'error':>7}  limited by"
    )
    for each in outcomes:
        said = each.said
        print(
            f"{each.name:58} {each.spread:6.2f} {each.history:4} {said.cost:8.3f} {said.cost_low:7.3f} {said.cost_high:7.3f}"
            f" {each.cost:8.3f} {each.cost_error:+7.1%} {said.seconds:7.0f} {each.seconds:7.0f} {each.time_error:+7.1%}"
            f"  {said.limited_by}{'' if each.holds else '  OUT OF RANGE'}"
        )


def summary(name: str, outcomes: Sequence[Outcome], *, judged: bool) -> bool:
    holds = statistics.fmean(each.holds for each in outcomes)
    cost = statistics.median(abs(each.cost_error) for each in outcomes)
    seconds = statistics.median(abs(each.time_error) for each in outcomes)
    good = RANGE[0] <= holds <= RANGE[1] and cost <= GOAL_COST and seconds <= GOAL_TIME
    print(
        f"{name}: {len(outcomes)} jobs, the 80% range held in {holds:.0%}, median error of cost {cost:.1%}, of time {seconds:.1%}"
        f"{'' if good or not judged else '   OVER'}"
    )
    return good
