"""Precision and recall on the planted set, by the same measure as `python -m bench.quality.flags`."""

from collections.abc import Sequence

import pytest

from bench.quality.flags import KINDS, assess_all, judge, judge_pairs
from conversations.quality import Assessment
from tests.conversations.quality.planted import Planted, build_planted
from tests.conversations.quality.planted.generator import COPIES, EACH

Set = tuple[Sequence[Planted], Sequence[Assessment]]


@pytest.fixture(scope="module")
def planted() -> Set:
    made = build_planted()
    return made, assess_all(made)


def test_the_set_is_as_large_as_it_says(planted: Set) -> None:
    made, _ = planted
    assert len(made) == 1_000
    for kind in KINDS:
        assert sum(kind in each.flaws and not each.paraphrase for each in made) >= EACH
        assert sum(each.look_alikes.count(kind) for each in made) >= EACH
    assert sum(each.twin_of is not None for each in made) == 3 * COPIES
    assert len({each.language for each in made}) >= 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_found_and_little_else(planted: Set, kind: str) -> None:
    outcome = judge(*planted, kind)
    assert outcome.precision >= 0.95
    assert outcome.recall >= 0.8


def test_near_duplicates_are_found_and_nothing_else(planted: Set) -> None:
    outcome, _ = judge_pairs(*planted)
    assert outcome.precision >= 0.95
    assert outcome.recall >= 0.8


def test_the_set_is_the_same_each_time() -> None:
    assert build_planted(3)[::100] == build_planted(3)[::100]
