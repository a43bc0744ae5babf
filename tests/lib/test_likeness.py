"""Edits between sequences, against their definition; and names that were misspelt."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.likeness import find_edits, suggest

SEQUENCE = st.lists(st.sampled_from("abc "), max_size=12)


@given(SEQUENCE, SEQUENCE)
def test_edits_lead_from_the_one_to_the_other(old: list[str], new: list[str]) -> None:
    at_old = at_new = 0
    before = ""
    for kind, i, i_end, j, j_end in find_edits(old, new):
        assert (i, j) == (at_old, at_new)
        assert (old[i:i_end] == new[j:j_end]) is (kind == "equal") or kind == "replace"
        assert (i < i_end, j < j_end) == (kind != "insert", kind != "delete")
        assert kind == "equal" or before in ("", "equal"), "what is changed at one place is one edit"
        at_old, at_new, before = i_end, j_end, kind
    assert (at_old, at_new) == (len(old), len(new))


def test_lines_without_a_common_order_take_no_time() -> None:
    """28 s with difflib."""
    line = [chr(0x4E00 + number) for number in range(1600)]
    started = time.thread_time()
    assert len(find_edits(line, line[::-1])) <= 3
    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("persna", ["topic", "persona"], "persona"),
        ("PERSONA", ["topic", "persona"], "persona"),
        ("colour", ["topic", "persona"], None),
        ("x" * 201, ["x" * 201], None),
        ("topic", [], None),
    ],
)
def test_the_name_that_was_meant(name: str, known: list[str], meant: str | None) -> None:
    assert suggest(name, known) == meant
