"""Placeholders and tags of other tools are told, and what a prompt usually holds is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_app.text.content import Content, extract_variables, lint
from templates_app.text.foreign import MOST_REPORTED, find_foreign_marks


def told(text: str, *names: str) -> list[tuple[str, int, int]]:
    return [(each.text, each.line, each.column) for each in find_foreign_marks(text, names)]


def lints(text: str) -> list[str]:
    content = Content(text=text)
    content = Content(text=text, variables=extract_variables(content))
    return [each.message for each in lint(content) if each.kind == "foreign" and each.level == "warning"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Write about {topic} with a {persona}.", ["{topic}", "{persona}"]),
        ("Answer {question} from {sources}.", ["{question}", "{sources}"]),
        ("{{topic}} and {Topic}", ["{Topic}"]),
        (
            "{{rate}}: ${rate}, #{rate}, {rate:.2f}, { rate }, {rate!r}",
            ["${rate}", "#{rate}", "{rate:.2f}", "{ rate }", "{rate!r}"],
        ),
        ("{{mood}} %(mood)s", ["%(mood)s"]),
        ("{{mood}} then <mood>", ["<mood>"]),
        ("{% if tone %}{{tone}}{% endif %}", ["{% if tone %}", "{% endif %}"]),
        ("{%- for t in turns -%}", ["{%- for t in turns -%}"]),
        ("<%= topic %>", ["<%= topic %>"]),
    ],
)
def test_what_was_probably_meant_as_a_placeholder(text: str, said: list[str]) -> None:
    messages = lints(text)
    assert [message.split(": ", 1)[1].split(" is sent as it is")[0] for message in messages] == said
    assert all("line 1, column" in message for message in messages)


@pytest.mark.parametrize(
    "text",
    [
        "{{topic}}: <topic>tea</topic>",
        "<context>\n{{context}}\n</context>",
        '{{topic}} as {"turns": [{"role": "user"}]}',
        r"{{topic}} as \{{topic}}",
        "{{topic}} { } {x y} {1} {a: 1, b: 2}",
        "{{topic}}: if (x) {return} 50 % {a} 30 %} {",
        "{{topic}} <b>bold</b> <br> <turn>",
        "{{a ? 'x' : 'y'}}{{#a}}{{a}}{{/a}}",
        "no placeholder, {} {1} { a b }",
    ],
)
def test_what_prompts_usually_hold(text: str) -> None:
    assert lints(text) == []


def test_a_section_is_suggested_for_a_tag() -> None:
    (first, _) = lints("{% if persona %}x{% endif %} {{persona}}")
    assert "{{#persona}} ... {{/persona}}" in first


def test_each_mark_comes_once_with_its_first_place() -> None:
    assert told("{{a}}\n {a} {a}\n{b} <a>", "a", "b") == [("{a}", 2, 2), ("{b}", 3, 1), ("<a>", 3, 5)]
    assert len(told(" ".join(f"{{n{number}}}" for number in range(99)))) == MOST_REPORTED


names = st.sampled_from(["topic", "persona", "rate"])
marks = st.sampled_from(["{%s}", "${%s}", "<%s>", "{{%s}}", "%s", "\\{{%s}}", "<%s>x</%s>"])


@given(parts=st.lists(st.tuples(marks, names), max_size=6))
@settings(deadline=None)
def test_exactly_the_marks_of_variables_are_told(parts: list[tuple[str, str]]) -> None:
    written = [mark.replace("%s", name) for mark, name in parts]
    text = " ".join(("{{used}}", *written))
    closed = {name for mark, name in parts if "</" in mark}
    expected = {
        each
        for each, (mark, name) in zip(written, parts, strict=True)
        if mark in ("{%s}", "${%s}") or (mark == "<%s>" and name not in closed)
    }
    assert {mark for mark, _, _ in told(text, "topic", "persona", "rate")} == expected


@pytest.mark.parametrize("piece", ["{%", "<%", "{a", "<a>", "{a}", "{a:", "</a", "%(a", "${"])
def test_a_megabyte_is_searched(piece: str) -> None:
    find_foreign_marks(piece * (1_000_000 // len(piece)), ["a"])
