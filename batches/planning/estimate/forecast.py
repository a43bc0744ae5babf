"""What items of one kind will take, learned from a few earlier ones, and how far off the total of a batch may be. Pure.

Shrinkage as in Efron and Morris, "Stein's paradox in statistics" (1977), on logarithms: the mean of n items is pulled to the
tier's usual length D with the weight k / (k + n), k = spread / PRIOR_DOUBT**2. D counts as a guess that is off by a factor
of e**+-0.5, so with the usual spread it weighs as much as 0.4 of an item: three real items leave it 11%, twenty 2%.

The total of N items varies by the items themselves, which average out (spread / N), and by the doubt about the mean, which
does not (spread / n, bounded by the prior). Nothing is claimed to be known better than DRIFT.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# The standard normal's quantile for 80% in the middle.
Z80 = 1.2815515655446004
# How far the usual length of a tier may be off: the standard deviation of its logarithm.
PRIOR_DOUBT = 0.5
# How much conversations of one kind are assumed to differ before there are any (same unit), and how many items that weighs.
PRIOR_SPREAD = 0.3
PRIOR_SPREAD_ITEMS = 2
# However long the history is, a batch differs from it by about this, because its topics and its day are other ones.
DRIFT = 0.02
# Without history the length may be half more or half less.
COLD = 0.5


@dataclass(frozen=True, kw_only=True)
class Belief:
    """What is believed about one item: its mean, and two variances.

    `spread`: the relative variance of single items around the mean. `doubt`: the variance of the mean's logarithm.
    `known`: how many items of history it rests on; 0 means the usual length of the tier alone.
    """

    mean: float
    spread: float
    doubt: float
    known: int


def belief(
    usual: float,
    *,
    usual_spread: float = PRIOR_SPREAD,
    mean: float = 0.0,
    log_variance: float = 0.0,
    known: int = 0,
) -> Belief:
    """The belief from `known` items with this mean and variance of logarithms, pulled to the usual values of the tier."""
    seen = max(0, known - 1)
    variance = PRIOR_SPREAD_ITEMS * usual_spread**2 + seen * log_variance
    variance /= PRIOR_SPREAD_ITEMS + seen
    spread = math.expm1(variance)
    if not known:
        return Belief(mean=usual, spread=spread, doubt=PRIOR_DOUBT**2, known=0)
    prior_items = spread / PRIOR_DOUBT**2
    of_prior = prior_items / (prior_items + known)
    return Belief(
        mean=math.exp(of_prior * math.log(usual) + (1 - of_prior) * math.log(mean)),
        spread=spread,
        # The variance itself comes from few items: Student's quantile instead of the normal one.
        doubt=spread / (prior_items + known) * _student(PRIOR_SPREAD_ITEMS + seen) ** 2,
        known=known,
    )


def _student(freedom: int) -> float:
    """Student's quantile as a ratio to the normal's, by the first terms of its expansion (Abramowitz, Stegun 26.7.5)."""
    return 1 + (Z80**2 + 1) / (4 * freedom)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The items of one kind: how many, and the cost in USD of their expected output altogether."""

    items: int
    belief: Belief
    cost: float


def distance(parts: Sequence[Part], *, fixed: float) -> tuple[float, float]:
    """How far below and above its mean the total lies in 80% of such batches, in USD. `fixed`: costs that are known exactly.

    Kinds without history may all be wrong in the same direction, so their distances add up; the others are independent.
    """
    cold = COLD * sum(part.cost for part in parts if not part.belief.known)
    warm = [part for part in parts if part.belief.known]
    output = sum(part.cost for part in warm)
    if not output:
        return cold, cold
    variance = (
        sum(part.cost**2 * (part.belief.doubt + part.belief.spread / part.items) for part in warm)
        + (DRIFT * (output + fixed)) ** 2
    )
    # The total is skewed as its items are: a log-normal distribution with the same mean and variance.
    width = Z80 * math.sqrt(math.log1p(variance / output**2))
    return math.hypot(cold, -output * math.expm1(-width)), math.hypot(cold, output * math.expm1(width))
