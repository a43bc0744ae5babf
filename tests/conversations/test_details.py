"""Details come below the prompt, in one order, and what they say is not touched."""

import pytest

from conversations.details import HEADING, DetailsError, append_details, parse_details, sort_names


def test_without_details_the_prompt_is_as_it_was() -> None:
    assert append_details("Write it.\n", {}) == "Write it.\n"
    assert append_details("Write it.\n", {"setting": "  "}) == "Write it.\n"


def test_each_detail_is_a_line_below_the_prompt() -> None:
    prompt = append_details("Write it.\n", {"zeal": "high", "setting": "a train", "persona": "R&D <head>"})
    assert prompt == f"Write it.\n\n{HEADING}\n- persona: R&D <head>\n- setting: a train\n- zeal: high\n"


def test_the_order_does_not_depend_on_how_they_were_given() -> None:
    assert sort_names({"b": "", "tone": "", "a": "", "persona": ""}) == ["persona", "tone", "a", "b"]


def test_a_placeholder_in_a_detail_stays_text() -> None:
    assert "{{topic}}" in append_details("Write it.", {"setting": "{{topic}}"})


def test_too_many_lines_are_counted_and_not_read() -> None:
    """Each line of two megabytes would get a problem of its own."""
    with pytest.raises(DetailsError) as caught:
        parse_details("a: b\n" * 400_000)
    assert [str(problem) for problem in caught.value.problems] == [
        "details: has 400,000 entries; at most 30 are allowed"
    ]
