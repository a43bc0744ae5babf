"""A quote counts where its words stand; how a model copies marks and blanks does not matter, what it invents does."""

import pytest

from conversations.judging.quotes import FoundQuote, find_quote
from conversations.parsing import TurnDraft
from tests.support.judgements import TALK

TURNS = [TurnDraft(("user", "assistant")[n % 2], text) for n, text in enumerate(TALK)]


@pytest.mark.parametrize(
    ("quote", "turn", "passage"),
    [
        ("Let's take it step by step.", 2, "Let's take it step by step"),
        ("“let’s TAKE it\nstep  by step”", 2, "Let's take it step by step"),
        ("Turn 2: Let's take it step by step", 2, "Let's take it step by step"),
        ("assistant: 'Good.'", 4, "Good"),
        ("I don’t know where to start - my savings", 1, "I don't know where to start — my savings"),
        ("my savings are all over the place.", 1, "my savings are **all over the place"),
        ("First, how much do you have in each account?!", 0, ""),
        ("About $4,000 ... $12,500 in the other", 3, "About $4,000 … $12,500 in the other"),
        ("Three months of costs […] can be invested.", 4, "Three months of costs … can be invested"),
        ("... the rest can be invested", 4, "the rest can be invested"),
    ],
)
def test_what_stands_there_is_found(quote: str, turn: int, passage: str) -> None:
    assert find_quote(quote, TURNS) == (FoundQuote(turn, passage) if turn else None)


@pytest.mark.parametrize(
    "quote",
    [
        "Let's take it one step at a time.",
        "can be invested ... Three months of costs",  # in another order
        "About $4,000 ... can be invested",  # in two turns
        "avings are all",  # begins inside a word
        "About $4,00",
        "…",
        "",
        ' "" ',
        "a",
        "x" * 3_000,
    ],
)
def test_what_does_not_stand_there_is_not(quote: str) -> None:
    assert find_quote(quote, TURNS) is None


def test_scripts_without_blanks_are_searched_by_characters() -> None:
    turns = [TurnDraft("user", "退職金をどう運用すればいいですか。")]
    assert find_quote("「どう運用すれば」", turns) is None, "the marks are not in the text"
    assert find_quote("どう運用すれば", turns) == FoundQuote(1, "どう運用すれば")
