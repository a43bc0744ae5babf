"""Bodies in JSON: what is read, and each bound at its edge."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.untrusted.json_bodies import (
    DEEPEST,
    LONGEST_NAME,
    LONGEST_NUMBER,
    MOST_VALUES,
    UnreadableJSON,
    check_count,
    find_problems,
    read_json,
)

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(ANY)
def test_what_json_writes_is_read(value: Any) -> None:
    text = json.dumps(value)
    infinite: list[str] = []
    expected = json.loads(text, parse_constant=infinite.append)
    if infinite:
        with pytest.raises(UnreadableJSON):
            read_json(text.encode())
    else:
        assert read_json(text.encode()) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "Expecting"),
        (b"\xff", "not text in utf-8. Send UTF-8"),
        (b"NaN", "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b"1e400", "too large"),
        (b"-1e400", "too large"),
        (b"1" * (LONGEST_NUMBER + 1), "31 digits"),
        (b"1." + b"1" * 5_000, "too large"),
        (b"[" * 100_000, "levels deep"),
        (b"[" + b"[]," * MOST_VALUES + b"[]]", "500,000 values"),
        (b'{"a":' * (MOST_VALUES + 1), "values"),
        (b" " * 10_000_001, "10,000,001 bytes"),
    ],
    ids=range(12),
)
def test_a_bound_is_told(body: bytes, words: str) -> None:
    with pytest.raises(UnreadableJSON, match=words):
        read_json(body)


def test_separators_inside_texts_do_not_count() -> None:
    text = ',[{"\\' * 100_000
    assert read_json(json.dumps([text, text]).encode()) == [text, text]


@pytest.mark.parametrize("unit", ['\\"', "\\", '"', '""', '"a', '",', "["])
def test_no_text_takes_time_by_its_square(unit: str) -> None:
    commas = "[" + "1," * MOST_VALUES
    before = time.thread_time()
    with pytest.raises(UnreadableJSON):
        read_json((commas + (unit * 1_000_000)[:1_000_000]).encode())
    with pytest.raises(UnreadableJSON):
        read_json(('["' + commas + (unit * 1_000_000)[:1_000_000]).encode())
    assert time.thread_time() - before < 5


def test_strings_are_told_apart_across_blocks() -> None:
    """They are counted a thousand at a time."""
    many = {f"a,{number}[": f'\\",{{{number}' for number in range(2_500)}
    text = json.dumps(many)
    check_count(text, most=5_000)
    with pytest.raises(UnreadableJSON, match="more than 2,499 values"):
        check_count(text, most=2_499)


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        ("a\x00", "", "U+0000 at character 2"),
        ({"a": [1, {"b": "\ud800"}]}, "a.1.b", "U+D800 at character 1"),
        ({"a": {"n\x00": 1}}, "a", "a field whose name contains U+0000"),
        ({"a": {"n" * (LONGEST_NAME + 1): 1}}, "a", "201 characters long"),
    ],
)
def test_a_problem_has_its_place(value: Any, place: str, words: str) -> None:
    [(path, message)] = find_problems(value)
    assert path == place
    assert words in message


def test_depth_has_its_bound() -> None:
    def nested(levels: int) -> Any:
        value: Any = "x"
        for _ in range(levels):
            value = [value]
        return value

    assert list(find_problems(nested(DEEPEST))) == []
    [(_, message)] = find_problems(nested(DEEPEST + 1))
    assert "50 levels" in message


def test_long_names_above_many_values_take_no_memory() -> None:
    """233 KB took a gigabyte: each of 7,000 values carried a copy of a name of 150 KB."""
    body = json.dumps({"n" * LONGEST_NAME: {f"k{number}": 1 for number in range(50_000)}}).encode()
    parsed = read_json(body)
    tracemalloc.start()
    assert list(find_problems(parsed)) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
