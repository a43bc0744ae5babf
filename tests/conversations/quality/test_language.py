"""Is a text in the language that was asked for?"""

import pytest

from conversations.quality.detectors.language.detection import CLOSE, is_other_language
from conversations.quality.prepared import split_words
from tests.conversations.quality.planted.writing import LANGUAGES

PLAIN = "I would like to know how much of my pay I can put aside each month, and where to begin."


def is_other(text: str, asked: str) -> bool:
    return is_other_language(text, split_words(text.lower()), asked)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_is_told_from_all_others(code: str) -> None:
    text = " ".join(LANGUAGES[code])
    assert not is_other(text, code)
    for asked in {*LANGUAGES, "en"} - {code}:
        if not any({code, asked} <= group for group in CLOSE):
            assert is_other(text, asked), asked


@pytest.mark.parametrize("code", LANGUAGES)
def test_english_where_another_language_was_asked_for(code: str) -> None:
    assert is_other(PLAIN, code)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (PLAIN, "en-GB"),
        ("OK.", "de"),
        ("Hakuna matata!", "en"),
        ("def total(costs): return sum(costs)", "de"),
        ("12 000 + 3 400 = 15 400", "ja"),
        ("我觉得每个月先存一点钱是个好主意。", "zh-TW"),
        ("Acho que é uma boa ideia começar com pouco.", "pt_BR"),
        ("Jeg synes det er en god ide at starte med lidt.", "no"),
        ("The Greek letters α, β, γ and δ stand for the four rates in the formula.", "en"),
        ("", "en"),
    ],
)
def test_what_is_no_other_language(text: str, asked: str) -> None:
    assert not is_other(text, asked)


def test_close_languages_are_told_apart_when_it_is_clear() -> None:
    assert is_other(
        "El perro no quiere comer y yo tampoco sé por qué, pero mañana iremos al veterinario.", "pt"
    )
    assert is_other(" ".join(LANGUAGES["ru"]), "uk")


def test_an_unknown_language_is_judged_only_against_a_clear_other_one() -> None:
    assert is_other(PLAIN, "xh")
    assert not is_other("Ndiyabulela kakhulu ngoncedo lwakho namhlanje mhlobo wam.", "xh")
