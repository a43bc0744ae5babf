"""Details come below the prompt, in one order, and what they say is not touched."""

from conversations.details import HEADING, append_details, sort_names


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
