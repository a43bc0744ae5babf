"""One conversation as one line."""

import json

import pytest

from exports.formats import ExportError, encode_messages

ODD = (
    "quotes \" and \\ and / and '",
    "line\nbreak\r\nand\ttab",
    "separators \u2028 \u2029 \x85 \x1f",
    "emoji \U0001f600 and \u05e9\u05dc\u05d5\u05dd \u200f",
    "<b>&amp;</b> {{name}}",
    "\ufeff\ufffe\U0010ffff",
)


@pytest.mark.parametrize("text", ODD)
def test_text_comes_back_byte_exact(text: str) -> None:
    line = encode_messages([("user", text), ("assistant", text)])
    assert json.loads(line) == {
        "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    }
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


def test_a_line_is_plain_utf8_without_needless_escapes() -> None:
    assert (
        encode_messages([("user", "Grüße / \u2027")])
        == '{"messages":[{"role":"user","content":"Grüße / \u2027"}]}\n'.encode()
    )


def test_what_unicode_takes_for_the_end_of_a_line_is_escaped() -> None:
    line = encode_messages([("user", "a\u2028b\u2029c\x85d")])
    assert rb"a\u2028b\u2029c\u0085d" in line
    assert len(line.decode().splitlines()) == 1


def test_the_system_message_comes_first_and_only_when_there_is_one() -> None:
    messages = json.loads(encode_messages([("user", "hi")], system="Be kind."))["messages"]
    assert messages == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]
    assert len(json.loads(encode_messages([("user", "hi")], system=" \n"))["messages"]) == 1


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(ExportError, match=r"half of a surrogate pair \(U\+D"):
        encode_messages([("user", text)])


def test_a_conversation_without_turns_is_refused() -> None:
    with pytest.raises(ExportError, match="no turns"):
        encode_messages([], system="Be kind.")
