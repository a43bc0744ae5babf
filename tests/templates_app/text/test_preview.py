"""The preview marks where each run of text comes from, and says exactly what would be sent."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from templates_app.text import preview
from templates_app.text.preview import Piece, build_preview
from templates_app.text.rendering import Variable, render, resolve
from templates_app.text.variables import find_value_problems


def marked(text: str, values: dict[str, object], *variables: Variable) -> list[tuple[str, str]]:
    found = build_preview(text, [each.to_dict() for each in variables], values)
    return [(piece.text, piece.kind) for piece in found]


def test_the_three_marks() -> None:
    found = marked(
        "{{a}} and {{b}} and {{c}}", {"a": "A"}, Variable("a"), Variable("b", default="B"), Variable("c")
    )
    assert found == [("A", "filled"), (" and ", ""), ("B", "default"), (" and ", ""), ("{{c}}", "missing")]


def test_an_optional_variable_without_a_value_leaves_nothing() -> None:
    assert marked("x{{a}}y", {}, Variable("a", required=False)) == [("x", ""), ("y", "")]


def test_branches_are_marked_by_what_chose_them() -> None:
    text = "{{a ? 'yes' : 'no'}}"
    optional = Variable("a", required=False)
    assert marked(text, {"a": "1"}, optional) == [("yes", "filled")]
    assert marked(text, {}, optional) == [("no", "default")]


def test_a_section_is_shown_where_its_value_is_true() -> None:
    text = "x\n{{#a}}\nA: {{a}}\n{{/a}}{{^a}}no{{/a}}"
    optional = Variable("a", required=False)
    assert marked(text, {"a": "1"}, optional) == [("x\n", ""), ("A: ", ""), ("1", "filled"), ("\n", "")]
    assert marked(text, {}, optional) == [("x\n", ""), ("no", "")]


def test_a_value_is_never_read_again() -> None:
    assert marked("{{a}}", {"a": "{{b}} <b>"}, Variable("a"), Variable("b")) == [("{{b}} <b>", "filled")]


def test_wrong_values_unknown_names_and_broken_syntax_are_shown_not_raised() -> None:
    assert marked("{{n}}", {"n": "many"}, Variable("n", "number")) == [("many", "wrong")]
    assert marked("{{x}}", {}) == [("{{x}}", "missing")]
    assert marked("a {{x", {}) == [("a ", ""), ("{{x", "syntax")]
    assert marked("a {{#b}}c", {}, Variable("b")) == [("a ", ""), ("{{#b}}c", "syntax")]
    assert build_preview("{{x}}", [{"name": "x", "type": "colour"}], {"x": "1"})[0].text == "1"


def test_it_ends_somewhere() -> None:
    found = marked("{{a}}" * 30, {"a": "x" * 9_000}, Variable("a"))
    assert sum(len(text) for text, kind in found if kind != "syntax") == preview.LONGEST
    assert found[-1][1] == "syntax"
    assert len(marked("{{a}}" * 9_000, {"a": "x"}, Variable("a"))) == preview.MOST_PIECES + 2


@given(values=st.dictionaries(st.sampled_from("abc"), st.text(max_size=20), max_size=3))
def test_a_complete_preview_is_what_is_sent(values: dict[str, Any]) -> None:
    variables = [Variable(name, required=False, default="d" if name == "a" else None) for name in "abc"]
    text = "{{a}}-{{b ? 'B' : '\\''}}-{{c}}{{a}}"
    found = build_preview(text, [each.to_dict() for each in variables], values)
    if all(piece.kind != "wrong" for piece in found) and not find_value_problems(
        Variable("b"), values.get("b", "")
    ):
        assert "".join(piece.text for piece in found) == render(text, resolve(variables, values))
    assert all(isinstance(piece, Piece) for piece in found)
