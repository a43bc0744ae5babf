"""What is stored about the turns of a conversation, and the status that follows."""

from decimal import Decimal

import pytest

from conversations.parsing import TurnDraft
from conversations.quality import SCORER_VERSION
from conversations.quality.near_duplicates import BANDS
from conversations.scoring import build_asked, score_turns
from tests.conversations.quality.demo import write_demo_turns
from tests.factories import make_template, make_version

CLEAN = write_demo_turns()[0]
LEAK = "As an AI language model, I was asked to play the adviser here. " * 3


def replace_last(text: str) -> list[TurnDraft]:
    return [*CLEAN[:-1], TurnDraft("assistant", text)]


def test_a_clean_conversation_is_generated_without_flags() -> None:
    scored = score_turns(CLEAN, version=None)
    assert (scored["status"], scored["flags"], scored["flag_count"]) == ("generated", [], 0)
    assert scored["quality_metrics"]["scorer"] == SCORER_VERSION
    assert len(scored["bands"]) == BANDS


def test_a_hard_flag_sends_any_score_to_review() -> None:
    high = score_turns(replace_last(LEAK), version=None)
    assert (high["quality_score"], high["status"], high["flag_count"]) == (
        Decimal("10.0"),
        "pending_review",
        1,
    )
    assert high["flags"][0]["kind"] == "prompt_leakage"
    assert high["flags"][0]["turn"] == len(CLEAN)
    low = score_turns([TurnDraft("user", "Hi?"), TurnDraft("assistant", "[Your Name], hi.")], version=None)
    assert low["quality_score"] < 6
    assert low["status"] == "pending_review"


def test_a_soft_flag_leaves_the_status() -> None:
    scored = score_turns(CLEAN, version=None, flags=["role_labels"])
    assert scored["flags"] == [{"kind": "role_labels", "turn": None, "quote": ""}]
    assert (scored["status"], scored["flag_count"]) == ("generated", 1)


@pytest.mark.django_db
def test_the_template_says_what_is_checked() -> None:
    version = make_version(template=make_template(), language="de", turns_min=2, turns_max=4)
    asked = build_asked(version)
    assert (asked.language, asked.turns_min, asked.turns_max) == ("de", 2, 4)
    assert version.text in asked.instructions
    kinds = {each["kind"] for each in score_turns(CLEAN, version=version)["flags"]}
    assert {"wrong_language", "turn_range"} <= kinds
