"""Texts that look the same are the same; texts that could mean two things mean none."""

import pytest

from lib.same_text import find_match, make_match_key

OPTIONS = ("wary caf\u00e9 owner", "calm", "don\u2019t know", "Very Calm")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("wary cafe\u0301 owner", "wary caf\u00e9 owner"),
        ("WARY CAF\u00c9 OWNER", "wary caf\u00e9 owner"),
        ("calm ", "calm"),
        ("\u00a0Calm\u200b", "calm"),
        ("don't know", "don\u2019t know"),
        ("very  calm", "Very Calm"),
        ("calmer", None),
        ("", None),
    ],
)
def test_a_text_finds_the_option_that_looks_the_same(text: str, meant: str | None) -> None:
    assert find_match(text, OPTIONS) == meant


def test_the_exact_text_comes_first_and_an_unclear_one_is_none() -> None:
    assert find_match("Polish", ("polish", "Polish")) == "Polish"
    assert find_match("POLISH", ("polish", "Polish")) is None


@pytest.mark.parametrize("text", ["stra\u00dfe", "\u0130stanbul", "\ufb01ne", "\u1e9e"])
def test_a_key_is_the_key_of_itself(text: str) -> None:
    assert make_match_key(make_match_key(text)) == make_match_key(text)
