"""Extraction and lint of a template's content."""

import pytest

from templates_app.text.content import Content, extract_variables, find_unused_names, find_used_names, lint

TOPIC = {"name": "topic", "type": "text", "required": True}


def kinds(content: Content) -> list[tuple[str, str]]:
    return [(each.kind, each.level) for each in lint(content)]


def test_names_come_from_text_and_system_prompt_once_each() -> None:
    content = Content(
        text="{{b}} {{a ? 'x' : ''}} {{b}}", system_prompt="{{c}}", training_system_prompt="{{d}}"
    )
    assert find_used_names(content) == ["b", "a", "c"]


def test_names_around_a_broken_place_are_still_found() -> None:
    assert find_used_names(Content(text="{{a}} {{b}} {{ and on")) == ["a", "b"]
    assert find_used_names(Content(text="{{a}} {{1st}} {{#b}}{{c ? 'it's' : ''}}{{d}}{{/b}}")) == [
        "a",
        "b",
        "d",
    ]


def test_new_names_become_variables_after_the_declared_ones() -> None:
    found = extract_variables(Content(text="{{new}} {{topic}}", variables=[TOPIC]))
    assert found == [TOPIC, {"name": "new", "type": "text", "required": True}]


def test_a_new_name_that_a_text_can_do_without_is_optional() -> None:
    text = "{{a}} {{#b}}B: {{b}}{{/b}} {{c ? 'c' : ''}} {{#b}}{{d}}{{/b}} {{^e}}none{{/e}} {{#a}}{{f}}{{/a}} {{f ? '' : ''}}"
    found = extract_variables(Content(text=text))
    assert {each["name"]: each["required"] for each in found} == {
        **dict.fromkeys("adf", True),
        **dict.fromkeys("bce", False),
    }


def test_a_clean_content() -> None:
    assert lint(Content(text="On {{topic}}", variables=[TOPIC])) == []


def test_a_mistake_with_line_and_column() -> None:
    (found,) = lint(Content(text="On\n  {{topic", variables=[]))
    assert (found.kind, found.level) == ("syntax", "error")
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


def test_an_empty_text_is_named() -> None:
    assert kinds(Content(text=" \n")) == [("empty", "error")]


def test_every_mistake_is_told_at_once() -> None:
    found = lint(Content(text="{{1st}}\n{{a.b}}\n{{#x}}", system_prompt="{{", variables=[]))
    places = [each.message.split(":")[0] for each in found if each.kind == "syntax"]
    assert places == [
        "text, line 1, column 1",
        "text, line 2, column 1",
        "text, line 3, column 1",
        "system prompt, line 1, column 1",
    ]


def test_a_name_that_nothing_fills() -> None:
    rate = {"name": "rate", "type": "number", "required": True}
    content = Content(text="{{topic}} {{rate}}", variables=[TOPIC, rate])
    (found,) = lint(content, filled={"topic"})
    assert (found.kind, found.level) == ("unfilled", "warning")
    assert "{{rate}} is required, and nothing in the library fills it" in found.message
    for given in ({"default": 3}, {"required": False}):
        assert lint(Content(text=content.text, variables=[TOPIC, {**rate, **given}]), filled={"topic"}) == []
    assert lint(content, filled={"topic", "rate"}) == []
    assert lint(content) == [], "nothing is known about plans"


def test_unused_variables_are_dropped_or_kept_unrequired() -> None:
    tone = {"name": "tone", "type": "text", "required": True, "default": "warm"}
    content = Content(text="{{topic}}", variables=[TOPIC, tone, {**TOPIC, "name": "old"}])
    assert find_unused_names(content) == ["tone", "old"]
    assert content.drop_unused().variables == [TOPIC]
    assert content.drop_unused(keep={"tone"}).variables == [TOPIC, {**tone, "required": False}]
