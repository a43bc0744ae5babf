"""What a newcomer finds among the 90 conversations of the demo: planted flaws of every kind, and no others."""

from decimal import Decimal

import pytest

from claude.simulator.replies.flaws import KINDS
from conversations.quality.near_duplicates import NEAR, compute_likeness, read_shingles
from conversations.quality.prepared import prepare
from conversations.quality.scoring import find_flags
from conversations.quality.structure import choose_status, score
from tests.conversations.quality.demo import DemoConversation, write_planted_demo

FLAG_OF = {"leak": "prompt_leakage", "too_short": "turn_range"}


def find_kinds(conversation: DemoConversation) -> set[str]:
    return {flag.kind for flag in find_flags(prepare(conversation.turns), conversation.asked)}


def find_twins(demo: list[DemoConversation]) -> set[int]:
    """The indices of those that are near-duplicates of an earlier one."""
    shingles = [read_shingles(each.turns) for each in demo]
    return {
        later
        for later in range(len(demo))
        if any(compute_likeness(shingles[later], earlier) >= NEAR for earlier in shingles[:later])
    }


@pytest.mark.parametrize(("seed", "before"), [(0, 0), (1, 3), (2, 90)])
def test_one_in_eight_is_flawed_and_the_flags_find_exactly_those(seed: int, before: int) -> None:
    demo = write_planted_demo(seed=seed, before=before)
    twins = find_twins(demo)
    for number, each in enumerate(demo):
        expected = {FLAG_OF.get(each.flaw, each.flaw)} - {"", "near_duplicate"}
        assert find_kinds(each) == expected, (number + 1, each)
        assert (number in twins) == (each.flaw == "near_duplicate")
    flawed = [each.flaw for each in demo if each.flaw]
    assert len(flawed) in (11, 12)
    assert set(flawed) == set(KINDS)


def test_too_short_is_the_path_to_revision() -> None:
    for each in (each for each in write_planted_demo() if each.flaw == "too_short"):
        found = score(each.turns).overall
        assert (found, choose_status(found)) == (Decimal("5.4"), "needs_revision")


def test_the_clean_ones_differ_to_the_last_turn() -> None:
    clean = [each.turns for each in write_planted_demo() if not each.flaw]
    assert len({turns[-1].content for turns in clean}) == len(clean) == 79
