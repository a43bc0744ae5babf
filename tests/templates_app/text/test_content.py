"""Extraction and lint of a template's content."""

import pytest

from templates_app.text.content import Content, extract_variables, find_used_names, lint

TOPIC = {"name": "topic", "type": "text", "required": True}


def kinds(content: Content) -> list[tuple[str, str]]:
    return [(each.kind, each.level) for each in lint(content)]


def test_names_come_from_text_and_system_prompt_once_each() -> None:
    content = Content(
        text="{{b}} {{a ? 'x' : ''}} {{b}}", system_prompt="{{c}}", training_system_prompt="{{d}}"
    )
    assert find_used_names(content) == ["b", "a", "c"]


def test_names_before_a_broken_place_are_still_found() -> None:
    assert find_used_names(Content(text="{{a}} {{b}} {{ and on")) == ["a", "b"]


def test_new_names_become_variables_after_the_declared_ones() -> None:
    found = extract_variables(Content(text="{{new}} {{topic}}", variables=[TOPIC]))
    assert found == [TOPIC, {"name": "new", "type": "text", "required": True}]


def test_a_clean_content() -> None:
    assert lint(Content(text="On {{topic}}", variables=[TOPIC])) == []


def test_unclosed_with_line_and_column() -> None:
    (found,) = lint(Content(text="On\n  {{topic", variables=[]))
    assert (found.kind, found.level) == ("unclosed", "error")
    assert "text, line 2, column 3" in found.message


def test_unknown_offers_the_close_name() -> None:
    unknown, unused = lint(Content(text="On {{topc}}", variables=[TOPIC]))
    assert "did you mean {{topic}}?" in unknown.message
    assert (unused.kind, unused.level) == ("unused", "warning")


def test_duplicates_and_doubtful_spellings() -> None:
    assert kinds(Content(text="{{topic}}", variables=[TOPIC, TOPIC])) == [("duplicate", "error")]
    other = {**TOPIC, "name": "Topic"}
    content = Content(text="{{topic}}{{Topic}}", variables=[TOPIC, other])
    assert kinds(content) == [("duplicate", "warning")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "topic", "type": "colour"},
        {"name": "topic", "type": "number", "minimum": 3, "maximum": 1},
        {"name": "topic", "type": "dropdown", "options": ["a"], "default": "b"},
    ],
)
def test_a_definition_that_contradicts_itself(wrong: dict[str, object]) -> None:
    assert kinds(Content(text="{{topic}}", variables=[wrong])) == [("definition", "error")]


def test_placeholders_in_the_training_prompt_are_doubtful() -> None:
    assert kinds(Content(text="x", training_system_prompt="Be {{kind}}")) == [("literal", "warning")]
