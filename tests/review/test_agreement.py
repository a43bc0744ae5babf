"""Agreement of people with the judge: Cohen's weighted kappa, shown from 30 answers on."""

import math
import random
from collections import Counter

import pytest

from conversations.models import Judgement
from conversations.states import JudgedDimension
from review.actions import AnswerError, answer_judge
from review.agreement import LEAST_PAIRS, Agreement, compute_agreement, find_agreement
from review.models import Answer
from tests.factories import make_conversation, make_judgement, make_user
from workspaces.models import User

Pairs = list[tuple[int, int]]


def test_below_thirty_there_is_no_number() -> None:
    found = compute_agreement(Counter({(7, 7): 20, (3, 4): 9}))
    assert found == Agreement(n=29)
    assert found.words == "29 of 30"


def test_a_small_table_by_hand() -> None:
    """20 at (0, 0), 5 at (0, 10), 10 at (10, 0), 15 at (10, 10): with two scores at the ends it is Cohen's plain kappa.

    P_o = 35/50 = 0.7, P_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa = 0.4.
    """
    found = compute_agreement(Counter({(0, 0): 20, (0, 10): 5, (10, 0): 10, (10, 10): 15}))
    assert found.n == 50
    assert found.kappa == pytest.approx(0.4)
    assert found.low is not None
    assert found.high is not None
    # Fleiss, Cohen and Everitt's variance for this table, by hand: 0.016128, so 1.96 standard errors are 0.2489.
    assert (found.high - found.low) / 2 == pytest.approx(0.2489, abs=0.0001)
    assert found.words == "κ 0.40 (0.15 to 0.65), n = 50"


@pytest.mark.parametrize(
    ("pairs", "kappa"),
    [({(2, 2): 20, (8, 8): 20}, 1.0), ({(0, 10): 20, (10, 0): 20}, -1.0)],
)
def test_full_agreement_and_its_opposite(pairs: dict[tuple[int, int], int], kappa: float) -> None:
    found = compute_agreement(pairs)
    assert found.kappa == pytest.approx(kappa)


def test_one_score_alone_has_no_kappa() -> None:
    found = compute_agreement({(7, 7): 40})
    assert found == Agreement(n=40)
    assert found.words == "n = 40, always the same score"


def test_near_misses_count_less_than_far_ones() -> None:
    near = compute_agreement(Counter({(n % 11, min(10, n % 11 + 1)): 4 for n in range(11)}))
    far = compute_agreement(Counter({(n % 11, (n + 5) % 11): 4 for n in range(11)}))
    assert near.kappa is not None
    assert far.kappa is not None
    assert near.kappa > 0.9 > 0.3 > far.kappa


def test_the_interval_is_as_wide_as_that_of_resampled_pairs() -> None:
    chance = random.Random(7)
    pairs = [
        (score, min(10, max(0, score + chance.randint(-3, 3)))) for score in chance.choices(range(11), k=200)
    ]
    found = compute_agreement(Counter(pairs))
    drawn = [compute_agreement(Counter(chance.choices(pairs, k=200))).kappa or 0.0 for _ in range(300)]
    mean = sum(drawn) / len(drawn)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in drawn) / len(drawn))
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * deviation, rel=0.2)


# --- from the rows -------------------------------------------------------------------------------------


@pytest.fixture
def judgement(owner: User) -> Judgement:
    return make_judgement(conversation=make_conversation(by=owner))


@pytest.mark.django_db
def test_the_newest_answer_of_a_person_counts(judgement: Judgement, owner: User) -> None:
    score = judgement.scores.get(dimension="accuracy")
    for value in (2, 9):
        answer_judge(score, value=value, by=owner)
    answer_judge(score, value=7, by=make_user())
    found = find_agreement(judgement)
    assert found["accuracy"].n == 2
    assert {found[name].n for name in JudgedDimension.values if name != "accuracy"} == {0}
    assert Answer.objects.count() == 3, "rows are only added"


@pytest.mark.django_db
def test_simulated_and_real_judges_are_two(judgement: Judgement, owner: User) -> None:
    other = make_judgement(conversation=judgement.conversation, simulated=True)
    answer_judge(other.scores.get(dimension="accuracy"), value=7, by=owner)
    assert find_agreement(judgement)["accuracy"].n == 0
    assert find_agreement(other)["accuracy"].n == 1


@pytest.mark.django_db
def test_thirty_answers_show_kappa(judgement: Judgement, owner: User) -> None:
    scores = [judgement.scores.get(dimension="accuracy")]
    scores += [
        make_judgement(conversation=judgement.conversation, scores={"accuracy": n % 11}).scores.get(
            dimension="accuracy"
        )
        for n in range(LEAST_PAIRS - 1)
    ]
    for score in scores[:-1]:
        answer_judge(score, value=score.score, by=owner)
    assert find_agreement(judgement)["accuracy"].words == "29 of 30"
    answer_judge(scores[-1], value=scores[-1].score, by=owner)
    assert find_agreement(judgement)["accuracy"].kappa == pytest.approx(1.0)


@pytest.mark.django_db
@pytest.mark.parametrize("value", [-1, 11])
def test_an_answer_is_on_the_scale(judgement: Judgement, owner: User, value: int) -> None:
    with pytest.raises(AnswerError, match="from 0 to 10"):
        answer_judge(judgement.scores.all()[0], value=value, by=owner)
