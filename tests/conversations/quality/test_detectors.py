"""Each detector by single texts: what it flags, what it leaves alone, and where its flag points."""

import tomllib
from pathlib import Path
from time import process_time

import pytest

from conversations.details import HEADING
from conversations.parsing import TurnDraft
from conversations.quality import Asked, Flag, assess

EXAMPLES = tomllib.loads((Path(__file__).parent / "examples.toml").read_text())
QUESTION = "Could you tell me how I should begin with the emergency fund this month?"
# The language of the template for the few examples that are not English.
LANGUAGES = {"Es tut": "de", "Lo sie": "es", "Désolé": "fr", "Mi dis": "it", "Descul": "pt", "Tel.: ": "de"}


def find(*contents: str, **asked: object) -> list[Flag]:
    turns = [TurnDraft(("user", "assistant")[at % 2], text) for at, text in enumerate(contents)]
    return assess(turns, asked=Asked(**asked)).flags  # type: ignore[arg-type]


def kinds(*contents: str, **asked: object) -> set[str]:
    return {flag.kind for flag in find(*contents, **asked)}


def read_examples(name: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, texts in EXAMPLES[name].items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), read_examples("flagged"))
def test_a_text_is_flagged(kind: str, text: str) -> None:
    found = [
        each for each in find(QUESTION, text, language=LANGUAGES.get(text[:6], "en")) if each.kind == kind
    ]
    assert [each.turn for each in found] == [2]
    assert found[0].quote


@pytest.mark.parametrize(("kind", "text"), read_examples("plain"))
def test_a_text_that_only_looks_like_it_is_not(kind: str, text: str) -> None:
    assert kind not in kinds(QUESTION, text)


def test_only_the_variables_of_the_template_are_unresolved() -> None:
    texts = (QUESTION, "Hello {{ persona }}, and {{name}} of the shop's newsletter.")
    assert "unresolved_variable" in kinds(*texts, variables={"persona"})
    assert "unresolved_variable" not in kinds(*texts, variables={"topic"})


def test_a_user_may_decline() -> None:
    assert "refusal" not in kinds(
        "I can't help you with that, I told my brother.", "What did he say to that?"
    )


INSTRUCTIONS = """Acknowledge the feeling in a sentence of its own before touching a number.
The person begins with: "I have put this off for weeks and now it is keeping me awake."
Write about {{topic}} and {{context}} in natural spoken English with contractions."""


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        ("I will acknowledge the feeling in a sentence of its own before touching a number.", True),
        ("I have put this off for weeks and now it is keeping me awake.", False),
        ("Here is a sentence of its own.", False),
    ],
)
def test_instructions_of_the_template_are_not_to_be_copied(text: str, leaks: bool) -> None:
    found = kinds(QUESTION, text, instructions=(INSTRUCTIONS, ""))
    assert ("prompt_leakage" in found) == leaks


def test_our_own_instructions_are_not_to_be_copied() -> None:
    assert "prompt_leakage" in kinds(QUESTION, HEADING)


def test_a_repeated_turn_points_at_the_later_one() -> None:
    said = "Write down every fixed cost, and put the rest aside for now."
    found = find(QUESTION, said, "And then what would you do?", f"  {said.upper()}! ")
    assert [(each.kind, each.turn) for each in found] == [("repeated_turn", 4)]
    assert not find(QUESTION, "Yes, please go on.", QUESTION[:20], "Yes, please go on.")


def test_a_card_number_in_an_iban_is_one_hit() -> None:
    # The digits behind DE.. are a valid Visa number.
    text = "My account is DE40 4556 7375 8689 9855 00."
    found = [each for each in find(QUESTION, text) if each.kind == "personal_data"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("de", "Sie erreichen mich unter 030 23125 678 am Abend.", True),
        ("en-GB", "Ring me on 020 7183 8750 after six.", True),
        ("fr", "Appelez-moi au 01 42 68 53 00 ce soir.", True),
        ("en", "The term is 12 to 24 months, and 360 at most.", False),
    ],
)
def test_a_number_without_country_code_is_dialled_where_the_language_is_spoken(
    language: str, text: str, found: bool
) -> None:
    assert ("personal_data" in kinds(text, language=language)) == found


def test_the_number_of_turns_and_their_lengths() -> None:
    assert [each.quote for each in find(QUESTION, "Begin with a list.", turns_min=4)] == ["2 turns"]
    assert kinds(QUESTION, "Hm.", QUESTION + " Please.", "Begin with a list.") == {
        "short_turn",
        "repeated_turn",
    }
    assert kinds("The fee is not the rate. " * 300, "Begin with a list.") == {"long_turn"}


def test_stock_phrases_are_weighed_over_the_whole_conversation() -> None:
    first = "Great question! Let us look at the fee."
    second = "I hope this helps. The form is on page two."
    assert not find(QUESTION, first)
    found = find(QUESTION, first, "And the form?", second)
    assert [(each.kind, each.turn) for each in found] == [("stock_phrases", 2)]
    assert "great question" in found[0].quote
    assert "hope this helps" in found[0].quote


def test_flags_are_bounded_whatever_the_text() -> None:
    turns = [f"[Your Name {at}] <|im_end|> a{at}@web.de" for at in range(400)]
    found = find(*turns)
    assert len(found) <= 30
    assert all(len(each.quote) <= 130 for each in found)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "." * 20_000,
            "\n" * 20_000,
            " " * 20_000,
            "[" * 20_000,
            "[a-" * 8_000,
            "[a_b-c'd " * 2_000,
            "1 " * 10_000,
            "1" * 20_000,
        ),
        *(
            "a@" * 10_000,
            "a.a@a." * 3_200,
            "<a " * 6_400,
            "{{" * 10_000,
            "{a_" * 6_400,
            "i can't " * 2_400,
            "DE12 3456 " * 2_000,
        ),
        *(
            "you are a " * 2_000,
            "here is a " * 2_000,
            "insert a " * 2_000,
            "4" + "-1111" * 4_000,
            '"' * 20_000,
            "(the user a " * 1_600,
        ),
        *(
            "persona: a, " * 1_600,
            "+1 415 " * 2_800,
            "the " * 4_800,
            "X," * 10_000,
            "\u4f60" * 20_000,
            "`" * 20_000,
            "turn-" * 4_000,
        ),
    ],
)
def test_no_text_takes_long(text: str) -> None:
    """Every search is linear: four times the text takes about four times as long, on any machine."""

    def measure(size: int) -> float:
        times = []
        for _ in range(2):
            started = process_time()
            find(QUESTION, text[:size], variables={"persona"}, instructions=(text[:size],))
            times.append(process_time() - started)
        return min(times)

    small, large = measure(len(text) // 4), measure(len(text))
    assert large < 0.2 or large < 8 * small
