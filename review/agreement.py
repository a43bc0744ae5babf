"""How far people agree with the judge, for each dimension: Cohen's weighted kappa with quadratic weights, and its interval.

With p the shares of the pairs (judge's score i, person's score j) and w_ij = 1 - (i - j)^2 / 100:

    kappa = (P_o - P_e) / (1 - P_e),   P_o = sum w_ij p_ij,   P_e = sum w_ij p_i. p_.j

J. Cohen, "Weighted kappa: nominal scale agreement with provision for scaled disagreement or partial credit", Psychological
Bulletin 70 (1968), 213-220. The interval of 95% is kappa +- 1.96 standard errors, by the large-sample variance of J. L.
Fleiss, J. Cohen and B. S. Everitt, "Large sample standard errors of kappa and weighted kappa", Psychological Bulletin 72
(1969), 323-327. It is only shown from 30 pairs on: with fewer the interval says nothing.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from conversations.models import Judgement
from conversations.models.judgements import HIGHEST_SCORE, LOWEST_SCORE
from conversations.states import JudgedDimension

LEAST_PAIRS = 30
Z95 = 1.959963984540054  # the standard normal's quantile for 95% in the middle
# Pairs by dimension, counted. Of a person's answers to the same score the newest counts. Judgements by another version of
# the rubric, and simulated beside real ones, are different judges.
COUNT_PAIRS = """
SELECT dimension, judged, answered, count(*) FROM (
    SELECT DISTINCT ON (a.score_id, a.user_id) s.dimension, s.score AS judged, a.value AS answered
      FROM review_answers a JOIN judgement_scores s ON s.id = a.score_id JOIN judgements j ON j.id = s.judgement_id
     WHERE j.rubric_id = %(rubric)s AND j.simulated = %(simulated)s
     ORDER BY a.score_id, a.user_id, a.created_at DESC, a.id) newest
 GROUP BY dimension, judged, answered
"""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """`n` pairs of scores. `kappa` with its interval from 30 on; None below, and where one score alone was ever given."""

    n: int
    kappa: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def words(self) -> str:
        """As it is shown: `n of 30` as long as there are too few."""
        if self.n < LEAST_PAIRS:
            return f"{self.n} of {LEAST_PAIRS}"
        if self.kappa is None:
            return f"n = {self.n:,}, always the same score"
        return f"κ {self.kappa:.2f} ({self.low:.2f} to {self.high:.2f}), n = {self.n:,}"


NONE = Agreement(n=0)


def find_agreement(judgement: Judgement) -> dict[str, Agreement]:
    """By dimension, over all judgements by the same version of the rubric. One query."""
    values: dict[str, Any] = {"rubric": judgement.rubric_id, "simulated": judgement.simulated}
    pairs: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(COUNT_PAIRS, values)
        for dimension, judged, answered, count in cursor.fetchall():
            pairs[dimension][judged, answered] = count
    return {name: compute_agreement(pairs[name]) for name in JudgedDimension.values}


def compute_agreement(pairs: Mapping[tuple[int, int], int]) -> Agreement:
    """The agreement of these pairs (judge's score, person's score), each with how often it occurs. Scores are 0 to 10."""
    n = sum(pairs.values())
    if n < LEAST_PAIRS:
        return Agreement(n=n)
    shares = {pair: count / n for pair, count in pairs.items() if count}
    judge: dict[int, float] = defaultdict(float)
    person: dict[int, float] = defaultdict(float)
    for (judged, answered), share in shares.items():
        judge[judged] += share
        person[answered] += share
    observed = sum(share * weigh(*pair) for pair, share in shares.items())
    expected = sum(weigh(i, j) * judge[i] * person[j] for i in judge for j in person)
    if math.isclose(expected, 1.0):
        return Agreement(n=n)
    kappa = (observed - expected) / (1 - expected)
    mean_of_judge = {i: sum(person[j] * weigh(i, j) for j in person) for i in judge}
    mean_of_person = {j: sum(judge[i] * weigh(i, j) for i in judge) for j in person}
    spread = sum(
        share * (weigh(i, j) - (mean_of_judge[i] + mean_of_person[j]) * (1 - kappa)) ** 2
        for (i, j), share in shares.items()
    )
    variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    width = Z95 * math.sqrt(max(0.0, variance))
    return Agreement(n=n, kappa=kappa, low=max(-1.0, kappa - width), high=min(1.0, kappa + width))


def weigh(judged: int, answered: int) -> float:
    """1 for the same score, 0 for the opposite ends of the scale."""
    return 1 - ((judged - answered) / (HIGHEST_SCORE - LOWEST_SCORE)) ** 2
