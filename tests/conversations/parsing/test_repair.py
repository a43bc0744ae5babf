"""The certain repairs of JSON, and that nothing uncertain is repaired."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.parsing.repair import RAW_LINE_BREAKS, TRAILING_COMMA, TYPOGRAPHIC_QUOTES, decode

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value", "repairs"),
    [
        ('{"a": [1, 2,], }', {"a": [1, 2]}, (TRAILING_COMMA,)),
        ("{“a”: “b”}", {"a": "b"}, (TYPOGRAPHIC_QUOTES,)),
        ('{„a“: "b"}', {"a": "b"}, (TYPOGRAPHIC_QUOTES,)),
        ('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}, (RAW_LINE_BREAKS,)),
        ('{"a": "He said “no”", }', {"a": "He said “no”"}, (TRAILING_COMMA,)),
        ('{"a": "\\ud83d\\ude00",}', {"a": "\U0001f600"}, (TRAILING_COMMA,)),
    ],
)
def test_what_is_certain_is_repaired_and_noted(text: str, value: Any, repairs: tuple[str, ...]) -> None:
    assert decode(text) == (value, len(text), repairs)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "cut',
        '{"a": ["b", "c"',
        '{"a": "b"',
        '{"a": "he said "no" again"}',
        "{“a”: “he said “no” again”}",
        "{'a': 'b'}",
        '{a: "b"}',
        '{"a": True}',
        '{"a": 1, "a": 2}',
        '{"a": 1 "b": 2}',
        '{"a": "\\q"}',
        '{"a": ,}',
        "[,]",
        '{"a": // comment\n 1}',
        "[" * 5_000,
    ],
)
def test_what_could_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decode(text)


@unhurried
@given(value=values, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_strict_json_is_read_as_it_is(value: Any, indent: int | None, *, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert decode(text) == (value, len(text), ())


@unhurried
@given(value=st.dictionaries(texts, values, min_size=1, max_size=4))
def test_a_trailing_comma_anywhere_changes_nothing(value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1).replace("\n}", ",\n}").replace("\n]", ",\n]")
    found = decode(text)
    assert (found.value, found.repairs) == (value, (TRAILING_COMMA,))


@unhurried
@given(value=st.dictionaries(texts, values, min_size=1, max_size=4), cut=st.integers(1, 30))
def test_a_cut_text_is_never_completed(value: dict[str, Any], cut: int) -> None:
    text = json.dumps(value)
    with pytest.raises(ValueError, match=r".*"):
        decode(text[: max(1, len(text) - cut)])
