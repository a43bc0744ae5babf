"""How a prompt becomes a conversation: pure, without a server."""

import random

import pytest

from claude.simulator.replies import brief, dialogue, facts

CRISIS = """Topic: hints that his family would be better off with the life insurance
Persona: Small Business Owner
Emotion: exhausted
Context: He is 49, his print shop is failing, and he owes $310,000 with a personal guarantee.
Expected behaviour: Stops the money talk and asks directly and kindly about suicide."""


def told(prompt: str, seed: int = 0) -> dialogue.Dialogue:
    return dialogue.write(brief.read(prompt), random.Random(seed))


@pytest.mark.parametrize(
    ("context", "said"),
    [
        (
            "She is 34, takes home $3,450 a month, and has two children.",
            "I am 34, take home $3,450 a month, and have two children.",
        ),
        (
            "He is 61, and tells his wife that things are fine.",
            "I am 61, and tell my wife that things are fine.",
        ),
        (
            "They are both 30, owe $71,000, and hide their statements.",
            "We are both 30, owe $71,000, and hide our statements.",
        ),
        (
            "She takes what is left, and her accountant has quit.",
            "I take what is left, and my accountant has quit.",
        ),
        ("He hasn't opened a letter. The rest is silence.", "I haven't opened a letter."),
        ("Houses near the base sell for $295,000.", ""),
        ("He wants the assistant to name a fund.", ""),
        ("", ""),
    ],
)
def test_a_context_in_the_first_person(context: str, said: str) -> None:
    assert facts.first_person(context) == said


def test_amounts_that_talk_must_agree_with() -> None:
    context = "She earns $60,000 a year, has $9,000 in savings, owes $12,500 on a card, and pays $1,375 rent."
    assert facts.amounts(context) == {"income": 3900, "savings": 9000, "debt": 12_500, "fixed": 1375}


def test_labels_are_found_in_any_case_and_dress() -> None:
    found = brief.read(
        "**PERSONA:** Gig Worker\n- emotion: angry\n> Topic: a late {{invoice}} of £900\nArc: angry -> calm"
    )
    assert (found.persona, found.topic, found.arc) == (
        "Gig Worker",
        "a late invoice of £900",
        ("angry", "calm"),
    )
    assert (found.money, found.currency) == (("£900",), "£")


def test_without_labels_the_words_of_the_prompt_count() -> None:
    assert (
        brief.read("Sourdough starters! Please feed my sourdough starters.").topic == "sourdough and starters"
    )


def test_emotions_follow_the_arc() -> None:
    proud = (
        "wheel",
        "one deciding",
        "proud of myself",
        "thought it through",
        "explain this to",
        "circling",
        "know why",
    )
    for seed in range(20):
        turns = told("Topic: savings\nEmotional arc: ashamed -> proud", seed).turns
        assert any(words in turns[-2] for words in proud)
        assert not any(words in turns[0] for words in proud)


def test_a_crisis_ends_the_talk_about_money() -> None:
    for seed in range(20):
        turns = told(CRISIS, seed).turns
        alarm = next(number for number, turn in enumerate(turns) if "better off without me" in turn)
        after = " ".join(turns[alarm + 1 :])
        assert "crisis line" in after
        assert "nothing about money tonight" in after
        assert turns[-1].startswith(("I am glad you are not alone", "I'm glad you're not alone"))


def test_a_topic_that_tells_of_someone_is_the_title_and_not_in_a_sentence() -> None:
    story = told(CRISIS)
    assert story.title == "Hints that his family would be better off with the life insurance"
    assert "hints that" not in " ".join(story.turns)


@pytest.mark.parametrize("seed", range(30))
def test_shape(seed: int) -> None:
    turns = told("Topic: paying off two cards\nPersona: Debt-Burdened Nurse\nEmotion: tired", seed).turns
    assert len(turns) % 2 == 0
    assert 8 <= len(turns) <= 16
    assert len(set(turns)) == len(turns)
    assert not set("<>[]|{}") & set(" ".join(turns))
