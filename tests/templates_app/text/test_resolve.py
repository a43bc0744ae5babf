"""Values against variables: defaults, types, bounds, characters, and every problem at once."""

from decimal import Decimal

import pytest

from templates_app.text.rendering import MAX_VALUE, Value, ValuesError, Variable, VariableType, resolve


def messages(variables: list[Variable], values: dict[str, object]) -> dict[str, str]:
    with pytest.raises(ValuesError) as caught:
        resolve(variables, values)
    return {problem.name: problem.message for problem in caught.value.problems}


def accepted(variable: Variable, value: object) -> Value:
    return resolve([variable], {variable.name: value})[variable.name]


def test_all_problems_are_reported_at_once() -> None:
    variables = [
        Variable("topic", help="What it is about."),
        Variable("age", "number", minimum=18, maximum=120, help="Age in years."),
        Variable("mood", "dropdown", options=("calm", "tense")),
        Variable("tags", "list", options=("tax", "debt"), required=False),
        Variable("fine"),
    ]
    found = messages(
        variables, {"age": "12", "mood": "sad", "tags": ["tax", "pets"], "fine": "ok", "topicc": "x"}
    )
    assert set(found) == {"topic", "age", "mood", "tags", "topicc"}
    assert found["topic"] == "is required; fill it in (What it is about.)"
    assert found["age"] == "must be at least 18; raise it (Age in years.)"
    assert found["mood"] == "'sad' is not one of its options; choose from: calm, tense"
    assert found["tags"] == "'pets' is not one of its options; choose from: tax, debt"
    assert "topic, age, mood, tags, fine" in found["topicc"]


def test_the_error_lists_one_problem_per_line() -> None:
    with pytest.raises(ValuesError) as caught:
        resolve([Variable("a"), Variable("b")], {})
    assert str(caught.value).splitlines() == [f"{name}: is required; fill it in" for name in "ab"]


@pytest.mark.parametrize("blank", [None, "", "  \n\t", [], ()])
def test_a_blank_value_takes_the_default(blank: object) -> None:
    assert accepted(Variable("tone", default="warm"), blank) == "warm"
    assert accepted(Variable("tone", required=False), blank) == ""
    assert accepted(Variable("tags", "list", required=False), blank) == []
    assert messages([Variable("tone")], {"tone": blank})["tone"].startswith("is required")


def test_every_declared_variable_is_resolved() -> None:
    variables = [Variable("a"), Variable("b", required=False), Variable("c", "list", required=False)]
    assert resolve(variables, {"a": " x "}) == {"a": " x ", "b": "", "c": []}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("007", "007"),
        (" 4.50 ", " 4.50 "),
        (12, "12"),
        (-1.5, "-1.5"),
        (Decimal("3.10"), "3.10"),
        ("1e3", "1e3"),
        (0, "0"),
    ],
)
def test_a_number_renders_as_it_was_given(value: object, text: str) -> None:
    assert accepted(Variable("n", "number"), value) == text


@pytest.mark.parametrize(
    "value",
    [
        "twelve",
        "1,200",
        "$5",
        "1e9999",
        "0x10",
        "١٢",
        "NaN",
        float("inf"),
        float("nan"),
        True,
        [1],
        "9" * 120_000 + "x",
    ],
)
def test_what_is_no_number_is_refused(value: object) -> None:
    assert messages([Variable("n", "number")], {"n": value})["n"].startswith("must be a number, not ")


def test_number_bounds_are_inclusive_and_exact() -> None:
    rate = Variable("rate", "number", minimum=0.1, maximum=0.3)
    assert [accepted(rate, value) for value in ("0.1", "0.3", 0.2)] == ["0.1", "0.3", "0.2"]
    assert messages([rate], {"rate": "0.0999"})["rate"] == "must be at least 0.1; raise it"
    assert messages([rate], {"rate": "0.3001"})["rate"] == "must be at most 0.3; lower it"


def test_a_dropdown_without_options_takes_any_text() -> None:
    assert accepted(Variable("persona", "dropdown"), "Lighthouse Keeper") == "Lighthouse Keeper"


@pytest.mark.parametrize(
    ("value", "entries"),
    [(["a", "b, c"], ["a", "b, c"]), (("a",), ["a"]), ("a\nb|c\r\n\nd", ["a", "b", "c", "d"])],
)
def test_a_list_comes_as_a_list_or_as_text(value: object, entries: list[str]) -> None:
    assert accepted(Variable("tags", "list"), value) == entries


@pytest.mark.parametrize(
    ("kind", "value", "start"),
    [
        ("text", 5, "must be text, not a number"),
        ("text", True, "must be text, not true or false"),
        ("text", {"a": 1}, "must be text, not an object"),
        ("dropdown", ["a"], "must be text, not a list"),
        ("list", 5, "must be a list of texts, not a number"),
        ("list", ["a", 5], "must be a list of texts, not a list"),
        ("text", b"raw", "must be text, not a bytes"),
    ],
)
def test_a_wrong_type_is_refused(kind: VariableType, value: object, start: str) -> None:
    assert messages([Variable("v", kind)], {"v": value})["v"].startswith(start)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a\x00b", "a NUL (U+0000)"),
        ("a\x1bb", "a control character (U+001B)"),
        ("a\x0bb", "a control character (U+000B)"),
        ("a\ud800b", "half of a surrogate pair (U+D800)"),
    ],
)
def test_characters_that_cannot_be_stored_are_refused(value: str, kind: str) -> None:
    expected = f"contains {kind} at character 2; remove it"
    assert messages([Variable("v")], {"v": value})["v"] == expected
    assert messages([Variable("v", "list")], {"v": ["fine", value]})["v"] == expected


def test_every_other_character_is_allowed() -> None:
    value = "a\n\r\t\x7f\x85\u2028\ufeff\ufffe😀"
    assert accepted(Variable("v"), value) == value


def test_the_length_is_counted_in_characters() -> None:
    assert accepted(Variable("v"), "😀" * MAX_VALUE) == "😀" * MAX_VALUE
    assert messages([Variable("v")], {"v": "x" * (MAX_VALUE + 1)})["v"].startswith(
        "has 100,001 characters; at most 100,000"
    )
    assert "at most 5" in messages([Variable("v", "list", max_length=5)], {"v": ["abc", "def"]})["v"]


def test_several_problems_of_one_value_are_all_told() -> None:
    with pytest.raises(ValuesError) as caught:
        resolve([Variable("v", "dropdown", options=("a",), max_length=3)], {"v": "b\x00ccc"})
    assert len(caught.value.problems) == 3
