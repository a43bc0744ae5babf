"""Flags as they are stored, ordered and quoted."""

import pytest

from conversations.quality import KINDS, Flag, is_hard, read_flags
from conversations.quality.flags import LONGEST_QUOTE, MOST_OF_A_KIND, arrange, cut_quote


def test_every_kind_has_a_label_and_an_explanation_in_sentences() -> None:
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.label[0].isupper()
        assert kind.explanation.endswith(".")


def test_a_flag_comes_back_as_it_was_stored() -> None:
    flags = [
        Flag("refusal", 4, "I can't help"),
        Flag("turn_range"),
        Flag("near_duplicate", None, "", "some-key"),
    ]
    assert read_flags([each.to_json() for each in flags]) == flags
    assert flags[0].to_json() == {"kind": "refusal", "turn": 4, "quote": "I can't help"}


def test_what_is_no_flag_is_left_out_and_a_bare_word_is_a_flag_of_before() -> None:
    assert read_flags(["turn_range", 3, None, {"turn": 1}, {"kind": "refusal"}]) == [
        Flag("turn_range"),
        Flag("refusal"),
    ]


def test_hard_flags_come_first_once_for_each_turn_and_a_few_of_a_kind() -> None:
    many = [Flag("placeholder", number) for number in range(1, 20)]
    found = arrange([Flag("turn_range"), *reversed(many), Flag("refusal", 2), Flag("refusal", 2, "again")])
    assert found == [Flag("refusal", 2), *many[:MOST_OF_A_KIND], Flag("turn_range")]


@pytest.mark.parametrize(
    ("flags", "hard"),
    [([], False), ([Flag("stock_phrases")], False), ([Flag("gone")], False), ([Flag("refusal", 2)], True)],
)
def test_which_flags_are_hard(flags: list[Flag], hard: bool) -> None:
    assert is_hard(flags) == hard


def test_a_quote_is_short_holds_the_place_and_is_one_line() -> None:
    text = "a " * 200 + "HERE\n" + "b " * 200
    quote = cut_quote(text, 400, 404)
    assert "HERE" in quote
    assert "\n" not in quote
    assert len(quote) <= LONGEST_QUOTE
    assert quote.startswith("…")
    assert quote.endswith("…")
    assert cut_quote("short", 0, 5) == "short"
