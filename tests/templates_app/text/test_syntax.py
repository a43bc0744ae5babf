"""Sections, escapes and what is said about mistakes, compared with a second renderer and by example."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from templates_app.text.names import NAME, suggest_name
from templates_app.text.rendering import TemplateSyntax, find_placeholders, render
from templates_app.text.syntax import (
    MOST_MISTAKES,
    MOST_TAGS,
    PLAIN,
    Placeholder,
    Section,
    Text,
    scan_all,
    upgrade,
)
from tests.templates_app.text import reference

FRAGMENTS = (
    *("{{a}}", "{{ b }}", "{{#a}}", "{{/a}}", "{{^a}}", "{{# b}}", "{{/ b }}", "{{^b}}", "{{/b}}"),
    *("{{a ? 'yes' : ''}}", "{{b ? 'x}}' : 'no'}}", "{{a ? '{{b}}' : ''}}", "{{", "}}", "{", "}"),
    *("\\", "\\{{", "\\\\", "\n", "\r\n", "\n\n", " ", "\t", "text", "#", "'", "é"),
)
# Whole blocks, so that most texts are templates.
BLOCKS = (
    *("{{#a}}one {{b}}{{/a}}", "\n{{#b}}\nline {{a}}\n{{/b}}\n", "  {{^a}}\nnone\n\t{{/a}}  \r\n", "{{/a}}"),
    *("\n{{#a}}\nyes\n{{/a}}{{^a}}\nno\n{{/a}}\n", "\\{{a}}", "\\\\{{b}}", "{{#a}}{{/a}}\n"),
)
texts = st.lists(st.sampled_from(FRAGMENTS + 3 * BLOCKS), max_size=12).map("".join)
values = st.fixed_dictionaries({name: st.sampled_from(["", "V", "{{b}}", "{{#a}}", "\\"]) for name in "ab"})


@given(text=texts, values=values)
@example(text="#{{#a}}\n/\n  {{/a}}", values={"a": "V", "b": ""})
@example(text="{{#a}}\r\n|\r\n{{/a}}\r\n|", values={"a": "V", "b": ""})
@settings(deadline=None, max_examples=600)
def test_the_second_renderer_agrees(text: str, values: dict[str, str]) -> None:
    try:
        expected = reference.render(text, values)
    except reference.Wrong:
        with pytest.raises(TemplateSyntax):
            render(text, values)
        assert scan_all(text)[1]
    else:
        assert render(text, values) == expected
        assert scan_all(text)[1] == []


@given(text=texts, values=values)
@settings(deadline=None, max_examples=300)
def test_a_text_of_the_first_syntax_keeps_its_meaning_when_it_is_edited(
    text: str, values: dict[str, str]
) -> None:
    try:
        expected = render(text, values, syntax=PLAIN)
    except TemplateSyntax:
        return
    assert render(upgrade(text, syntax=PLAIN), values) == expected
    assert upgrade(upgrade(text, syntax=PLAIN), syntax=2) == upgrade(text, syntax=PLAIN)


@given(text=texts)
@settings(deadline=None, max_examples=300)
def test_parts_and_mistakes_lie_in_order(text: str) -> None:
    parts, mistakes = scan_all(text)
    starts = [part.start for part in parts]
    assert starts == sorted(starts)
    assert all(isinstance(part, Text | Placeholder | Section) for part in parts)
    assert all(text[mistake.start :].startswith("{{") for mistake in mistakes)
    lines = text.split("\n")
    assert all(1 <= mistake.column <= len(lines[mistake.line - 1]) + 1 for mistake in mistakes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\{{topic}} is {{topic}}", "{{topic}} is tea"),
        (r"\\{{topic}}", "\\tea"),
        (r"\\\{{topic}}", "\\{{topic}}"),
        (r"\\\\{{topic}}", r"\\tea"),
        (r"C:\new \{x} \\ \n", r"C:\new \{x} \\ \n"),
        (r'[\{{"role": "user"}}]', '[{{"role": "user"}}]'),
        (r"style=\{{color: 'red'}}", "style={{color: 'red'}}"),
        (r"\{{ .Values.image.tag }}", "{{ .Values.image.tag }}"),
        (r"$\{{ secrets.TOKEN }}", "${{ secrets.TOKEN }}"),
        (r"\{{#each items}}\{{/each}}", "{{#each items}}{{/each}}"),
        (r"\{{{{topic}}}}", "{{tea}}"),
        (r"{{topic ? '\{{x}} \' \\' : ''}}", "{{x}} ' \\"),
    ],
)
def test_braces_that_are_part_of_the_text(text: str, expected: str) -> None:
    assert render(text, {"topic": "tea"}) == expected


@pytest.mark.parametrize(
    ("text", "full", "empty"),
    [
        ("Topic\n{{#p}}\nPersona: {{p}}\n{{/p}}\nEnd", "Topic\nPersona: Ann\nEnd", "Topic\nEnd"),
        ("a {{#p}}for {{p}}{{/p}}{{^p}}for all{{/p}}.", "a for Ann.", "a for all."),
        ("  {{#p}}  \r\nx\r\n\t{{/p}}\r\ny", "x\r\ny", "y"),
        ("{{#p}}\nx\n{{/p}}", "x\n", ""),
        ("{{#p}}\nyes\n{{/p}}{{^p}}\nno\n{{/p}}\n", "yes\n", "no\n"),
        ("- {{#p}}\nx\n{{/p}} -\n", "- \nx\n -\n", "-  -\n"),
        ("{{#p}}{{p ? 'A' : 'B'}}{{/p}}{{^p}}{{p ? 'A' : 'B'}}{{/p}}", "A", "B"),
        ("{{#p}}\n\\{{p}} is {{p}}\n{{/p}}\n", "{{p}} is Ann\n", ""),
    ],
)
def test_sections(text: str, full: str, empty: str) -> None:
    assert render(text, {"p": "Ann"}) == full
    falsehoods: tuple[object, ...] = ("", " ", "0", "false", None, [], 0)
    for value in falsehoods:
        assert render(text, {"p": value}) == empty


def test_a_list_is_written_once() -> None:
    text = "{{#tags}}Tags: {{tags}}{{/tags}}{{^tags}}none{{/tags}}"
    assert render(text, {"tags": ["a", "b"]}) == "Tags: a, b"
    assert render(text, {"tags": []}) == "none"


def test_the_first_syntax_has_neither_sections_nor_escapes() -> None:
    assert render(r"\{{a}} {{a ? '{{b}} \{{' : ''}}", {"a": "x"}, syntax=PLAIN) == r"\x {{b}} \{{"
    with pytest.raises(TemplateSyntax):
        render("{{#a}}x{{/a}}", {"a": "x"}, syntax=PLAIN)


# --- what is said about a mistake: the text, where it is, and what the message contains ---------------


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        # Code with braces of its own: an escape is named.
        ('Answer as [{{"role": "user"}}] about {{topic}}.', (1, 12), (r"write \{{", "single { is ordinary")),
        ("{{topic}} shows style={{color: 'red'}}.", (1, 23), (r"write \{{",)),
        ("Explain {{ .Values.image.tag }}", (1, 9), (r"write \{{",)),
        ("run: ${{ secrets.TOKEN }}", (1, 7), (r"write \{{",)),
        ('<p :style="{{ width: w + 1 }}">', (1, 12), (r"write \{{",)),
        (r"\frac{{{a}}}{b}", (1, 6), (r"write \{{", "{{name}}")),
        # A placeholder within a branch.
        (
            "About {{t}}. {{p ? 'It is {{p}}.' : 'Invent one.'}}",
            (1, 27),
            ("{{#p}}It is {{p}}.{{/p}}{{^p}}Invent one.{{/p}}",),
        ),
        ("{{p ? 'yes' : 'ask {{topic}}'}}", (1, 20), ("{{#p}}yes{{/p}}{{^p}}ask {{topic}}{{/p}}",)),
        ("{{p ? 'one\ntwo {{p}}' : ''}}", (2, 5), ("{{#p}}one\ntwo {{p}}{{/p}}",)),
        ("{{p ? '{{ x }' : ''}}", (1, 8), ("section", r"write \{{")),
        # Names that cannot be one.
        ("{{Tweet text}}", (1, 1), ("a space (character 6)", "{{Tweet_text}}")),
        ("{{text-label}}", (1, 1), ("'-' (character 5)", "{{text_label}}")),
        ("{{user.name}}", (1, 1), ("'.' (character 5)", "{{user_name}}")),
        ("{{prénom}}", (1, 1), ("'é' (character 3)", "{{prenom}}")),
        ("{{имя}}", (1, 1), ("'и' (character 1)", "{{imya}}")),
        ("{{1st}}", (1, 1), ("begins with the digit 1", "{{_1st}}")),
        ("{{Größe}}", (1, 1), ("'ö' (character 3)", "{{Grosse}}")),
        ("{{items[0]}}", (1, 1), ("'[' (character 6)", "{{items_0}}")),
        ("{{#full name}}x{{/full name}}", (1, 1), ("a space (character 5)", "{{#full_name}}")),
        ("{{" + "a" * 65 + "}}", (1, 1), ("has 65 characters", "{{" + "a" * 64 + "}}")),
        # Defaults and filters.
        ("Tone: {{ tone | default('warm') }}", (1, 7), ("a default does not stand in the text", "{{tone}}")),
        ("{{ tone or 'warm' }}", (1, 1), ("a default does not stand in the text", "{{tone}}")),
        ('{{ tone ?? "warm" }}', (1, 1), ("a default does not stand in the text", "{{tone}}")),
        ("{{ tone|upper }}", (1, 1), ("filters such as upper are not run", "{{tone}}")),
        ("{{ today() }}", (1, 1), ("nothing is called", "{{today}}")),
        # Quotes in a text between quotes.
        ("{{p ? 'don't name them' : 'invent'}}", (1, 11), (r"write \'",)),
        ("{{p ? 'name' : 'don't'}}", (1, 20), (r"write \'",)),
        ("{{p ? 'a\nb's' : ''}}", (2, 2), (r"write \'",)),
        ('{{p ? "name them" : "invent"}}', (1, 7), ("straight single quotes",)),
        ("{{p ? ‘name them’ : ‘invent’}}", (1, 7), ("straight single quotes",)),
        ("{{p ? 'name' : “invent”}}", (1, 16), ("straight single quotes",)),
        ("{{p ? name : 'invent'}}", (1, 7), ("straight single quotes",)),
        ("{{p ? 'name'}}", (1, 13), ("second text is missing",)),
        ("{{p ? 'name : ''}}", (1, 15), (r"write \'",)),
        # Sections.
        ("{{#a}}{{#b}}{{/b}}{{/a}}", (1, 7), ("write {{/a}} first",)),
        ("x\n {{#a}}", (2, 2), ("{{#a}} is never closed", "{{/a}}")),
        ("x {{/a}}", (1, 3), ("{{/a}} closes nothing",)),
        ("{{^a}}x{{/b}}", (1, 8), ("{{^a}}", "write {{/a}} first")),
        # Blocks of other tools.
        ("{{#if tone}}x{{/if}}", (1, 1), ("write {{#tone}} ... {{/tone}}",)),
        ("{{#unless tone}}x", (1, 1), ("write {{^tone}} ... {{/tone}}",)),
        ("{{#each items}}x", (1, 1), ("lists are not repeated", "{{items}}")),
        ("{{> header}}", (1, 1), ("cannot be included",)),
        ("{{! note }}", (1, 1), ("comments",)),
        ("{{& name}}", (1, 1), ("{{name}}",)),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_write(
    text: str, place: tuple[int, int], said: tuple[str, ...]
) -> None:
    with pytest.raises(TemplateSyntax) as caught:
        find_placeholders(text)
    assert (caught.value.line, caught.value.column) == place
    for words in said:
        assert words in caught.value.message


def test_what_the_messages_suggest_is_accepted() -> None:
    assert render(r"{{p ? 'don\'t name them' : 'invent'}}", {"p": "x"}) == "don't name them"
    section = "{{#p}}The person is {{p}}.{{/p}}{{^p}}Invent one.{{/p}}"
    assert [render(section, {"p": value}) for value in ("Ann", "")] == ["The person is Ann.", "Invent one."]


@given(word=st.text(max_size=100))
@settings(deadline=None)
def test_a_suggested_name_is_a_name(word: str) -> None:
    assert NAME.fullmatch(suggest_name(word))


def test_tags_are_counted_to_a_limit() -> None:
    """A text of a megabyte with 100,000 names took twelve seconds to check."""
    most = "{{a}}" * MOST_TAGS
    assert scan_all(most)[1] == []
    parts, (wrong,) = scan_all(most + "{{b}}" * 100)
    assert len(parts) == MOST_TAGS
    assert str(wrong).endswith("there are more than 5,000 placeholders and tags; divide the text")


def test_mistakes_are_counted_to_a_limit() -> None:
    assert len(scan_all("{{1}}" * 100)[1]) == MOST_MISTAKES
    assert len(scan_all("{{" * 300_000)[1]) == MOST_MISTAKES
