"""The definition of a variable: checked, and the same after a round trip through JSON."""

import json
from typing import Any

import pytest

from templates_app.text.rendering import Variable, VariableError
from templates_app.text.variables import find_value_problems


@pytest.mark.parametrize(
    "variable",
    [
        Variable("topic"),
        Variable("topic", help="About what.", max_length=50),
        Variable("age", "number", required=False, default=30, minimum=18, maximum=99.5),
        Variable("mood", "dropdown", options=("calm", "tense"), default="calm"),
        Variable("tags", "list", options=("a", "b"), default=["a"], required=False),
    ],
)
def test_round_trip(variable: Variable) -> None:
    assert Variable.from_dict(json.loads(json.dumps(variable.to_dict()))) == variable


def test_only_the_name_is_needed() -> None:
    variable = Variable.from_dict({"name": "topic"})
    assert variable == Variable("topic", "text", required=True)
    assert variable.to_dict() == {"name": "topic", "type": "text", "required": True}


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({}, "needs a name"),
        ({"name": "a", "typ": "text"}, "unknown key 'typ'"),
        ({"name": "a b"}, "a name has letters"),
        ({"name": "a" * 65}, "a name has letters"),
        ({"name": "a\n"}, "a name has letters"),
        ({"name": 5}, "a name has letters"),
        ({"name": "a", "type": "date"}, "type must be one of dropdown, list, number, text"),
        ({"name": "a", "type": ["text"]}, "type must be one of"),
        ({"name": "a", "required": "yes"}, "required must be true or false"),
        ({"name": "a", "help": None}, "help must be text"),
        ({"name": "a", "options": ["x"]}, "options are for"),
        ({"name": "a", "type": "dropdown", "options": ["x", "x"]}, "must differ"),
        ({"name": "a", "type": "dropdown", "options": ["x", ""]}, "not empty"),
        ({"name": "a", "type": "dropdown", "options": "xy"}, "options must be a list"),
        ({"name": "a", "minimum": 1}, "minimum and maximum are for"),
        ({"name": "a", "type": "number", "minimum": "1"}, "must be numbers"),
        ({"name": "a", "type": "number", "maximum": True}, "must be numbers"),
        ({"name": "a", "type": "number", "maximum": float("nan")}, "must be numbers"),
        ({"name": "a", "type": "number", "minimum": 5, "maximum": 4}, "must not exceed"),
        ({"name": "a", "max_length": 0}, "above 0"),
        ({"name": "a", "type": "number", "default": "x"}, "default must be a number"),
        (
            {"name": "a", "type": "dropdown", "options": ["x"], "default": "y"},
            "default 'y' is not one of its options",
        ),
        ({"name": "a", "default": "\x00"}, "default contains a NUL"),
    ],
)
def test_a_contradictory_definition_is_refused(definition: dict[str, Any], message: str) -> None:
    with pytest.raises(VariableError) as caught:
        Variable.from_dict(definition)
    assert message in str(caught.value)


def test_all_problems_of_a_definition_come_at_once() -> None:
    with pytest.raises(VariableError) as caught:
        Variable.from_dict({"name": "1", "type": "date", "required": 1, "max_length": -1})
    assert len(caught.value.problems) == 4


def test_unknown_keys_are_listed_to_a_limit() -> None:
    with pytest.raises(VariableError) as caught:
        Variable.from_dict({"name": "a", **dict.fromkeys((f"k{number}" for number in range(1_000)), 1)})
    assert len(caught.value.problems) == 21
    assert str(caught.value.problems[-1]) == "a: 980 more keys are unknown"


def test_the_entries_of_a_list_are_bounded() -> None:
    """Each wrong entry would be told with all options: a form of two megabytes was answered with gigabytes."""
    options = tuple(f"option {number}" for number in range(1_000))
    variable = Variable("a", type="list", options=options)
    assert find_value_problems(variable, "x\n" * 1_001) == ["has 1,001 entries; at most 1,000 are allowed"]
    found = find_value_problems(variable, [f"wrong {number}" for number in range(1_000)])
    assert len(found) == 20
    assert found[0].endswith("option 49 and 950 more")
    with pytest.raises(VariableError, match="has 1,001 options; at most 1,000 are allowed"):
        Variable("a", type="list", options=(*options, "one more"))
