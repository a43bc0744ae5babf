"""Matrices: quotas are exact, exclusions hold, the same seed gives the same cells; what cannot be is said."""

import itertools
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from batches.planning.quotas import share_out
from batches.planning.sources.matrix import (
    Axis,
    Choice,
    Matrix,
    MatrixError,
    Quota,
    _Patterns,
    list_open_cells,
    plan_cells,
)
from batches.planning.sources.matrix_text import (
    PatternReader,
    format_excluded,
    format_quotas,
    lines_of,
    values_of,
)
from batches.planning.sources.matrix_wire import as_json, matrix_of

MOST = 10_000
PERSONAS = Axis(
    name="persona", choices=tuple(Choice(name=name) for name in ("Nurse", "Farmer", "Gig Worker"))
)
EMOTIONS = Axis(name="emotion", choices=tuple(Choice(name=name) for name in ("calm", "ashamed")))

weights = st.lists(st.integers(0, 50_000).map(lambda number: Fraction(number, 1000)), min_size=1, max_size=30)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(weights, st.integers(0, 5000), st.integers(-5, 5))
def test_quotas_are_exact(weights: list[Fraction], total: int, seed: int) -> None:
    if not any(weights):
        weights = [*weights, Fraction(1)]
    found = share_out(weights, total, seed=seed)
    assert sum(found) == total
    assert found == share_out(weights, total, seed=seed)
    for number, weight in zip(found, weights, strict=True):
        assert abs(number - weight * total / sum(weights)) < 1
        assert number == 0 or weight > 0


def test_nobody_can_take_anything() -> None:
    with pytest.raises(ValueError, match="No weight"):
        share_out([Fraction(0)], 1)
    assert share_out([Fraction(0)], 0) == [0]


@st.composite
def matrices(draw: Any) -> Matrix:
    axes = tuple(
        Axis(
            name=f"axis{number}",
            choices=tuple(
                Choice(name=f"v{each}", weight=Fraction(draw(st.integers(0, 4))))
                for each in range(draw(st.integers(1, 4)))
            ),
        )
        for number in range(draw(st.integers(1, 3)))
    )
    pattern = st.fixed_dictionaries(
        {}, optional={axis.name: st.sampled_from([c.name for c in axis.choices]) for axis in axes}
    ).filter(bool)
    total = draw(st.none() | st.integers(1, 200))
    return Matrix(
        axes=axes,
        total=total,
        per_cell=draw(st.integers(1, 3)) if total is None else None,
        excluded=tuple(draw(st.lists(pattern, max_size=3))),
        seed=draw(st.integers(0, 3)),
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(matrices())
def test_exclusions_hold_and_the_total_is_met(matrix: Matrix) -> None:
    try:
        cells = plan_cells(matrix, most=MOST)
    except MatrixError as wrong:
        messages = {problem.message.split(" ")[-1] for problem in wrong.problems}
        assume(not messages)  # everything was excluded, or has no weight
    assert cells == plan_cells(matrix, most=MOST)
    for cell in cells:
        assert not any(pattern.items() <= cell.values.items() for pattern in matrix.excluded)
    if matrix.total is None:
        assert {cell.count for cell in cells} == {matrix.per_cell}
    else:
        assert sum(cell.count for cell in cells) == matrix.total
    again = matrix_of(as_json(matrix), seed=matrix.seed)
    assert again == matrix


@given(matrices())
def test_a_cell_is_open_where_no_pattern_matches_it(matrix: Matrix) -> None:
    """Against the plain definition: each cell beside each pattern."""
    names = [axis.name for axis in matrix.axes]
    every = itertools.product(*([choice.name for choice in axis.choices] for axis in matrix.axes))
    expected = [
        values
        for values in (dict(zip(names, chosen, strict=True)) for chosen in every)
        if not any(pattern.items() <= values.items() for pattern in matrix.excluded)
    ]
    assert [dict(cell.values) for cell in list_open_cells(matrix)] == expected


def test_two_thousand_exclusions_are_looked_up_not_tried_one_by_one() -> None:
    """A hundred of them took 15 s for 100,000 cells; the steps are counted here, not the seconds."""
    axes = tuple(
        Axis(name=name, choices=tuple(Choice(name=f"{name}{number}") for number in range(20)))
        for name in "abc"
    )
    values = itertools.islice(itertools.product(range(20), repeat=3), 2000)
    excluded = [
        {name: f"{name}{number}" for name, number in zip("abc", each, strict=True)} for each in values
    ]
    patterns = _Patterns([axis.name for axis in axes], excluded)
    assert len(patterns._looks) == 1, "all name the same axes: one look for each cell"
    assert len(plan_cells(Matrix(axes=axes, excluded=tuple(excluded)), most=MOST)) == 6000


def test_thousands_of_axes_are_told_by_their_number() -> None:
    """Their combinations were multiplied into a number of 4,300 digits."""
    axes = tuple(
        Axis(name=f"a{number}", choices=tuple(Choice(name=str(each)) for each in range(150)))
        for number in range(2000)
    )
    with pytest.raises(MatrixError, match="2,000 variables vary; at most 6 can"):
        plan_cells(Matrix(axes=axes), most=MOST)


def test_quotas_of_single_cells_stand_above_the_total() -> None:
    matrix = Matrix(
        axes=(PERSONAS, EMOTIONS),
        per_cell=None,
        total=20,
        quotas=(
            Quota(values={"persona": "Nurse", "emotion": "calm"}, count=11),
            Quota(values={"persona": "Farmer"}, count=0),
        ),
    )
    found = {tuple(cell.values.values()): cell.count for cell in plan_cells(matrix, most=MOST)}
    assert found.pop(("Nurse", "calm")) == 11
    assert found.pop(("Farmer", "calm")) == found.pop(("Farmer", "ashamed")) == 0
    assert found == {("Nurse", "ashamed"): 3, ("Gig Worker", "calm"): 3, ("Gig Worker", "ashamed"): 3}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"axes": ()}, "nothing to combine"),
        ({"axes": (Axis(name="persona", choices=()),)}, "has no values"),
        ({"axes": (Axis(name="p", choices=(Choice(name="a"), Choice(name="a"))),)}, "'a' more than once"),
        ({"total": 5}, "not both"),
        ({"per_cell": None}, "Say how many"),
        ({"per_cell": 0}, "must be 1 to 10,000"),
        ({"per_cell": 5000}, "asks for 30,000 conversations"),
        (
            {"excluded": ({"persona": "Nurse"}, {"persona": "Farmer"}, {"persona": "Gig Worker"})},
            "Every combination",
        ),
        ({"excluded": ({"persona": "Nobody"},)}, "'Nobody' is not a value of persona"),
        ({"excluded": ({"tone": "dry"},)}, "'tone' does not vary"),
        ({"quotas": (Quota(values={}, count=1),)}, "names no value"),
        ({"quotas": (Quota(values={"persona": "Nurse"}, count=-1),)}, "must be 0 to"),
        (
            {
                "quotas": (
                    Quota(values={"persona": "Nurse"}, count=1),
                    Quota(values={"emotion": "calm"}, count=2),
                )
            },
            "another quota names too",
        ),
        (
            {"excluded": ({"persona": "Nurse"},), "quotas": (Quota(values={"persona": "Nurse"}, count=1),)},
            "is excluded: it can have no quota",
        ),
        (
            {"per_cell": None, "total": 3, "quotas": (Quota(values={"persona": "Nurse"}, count=2),)},
            "more than the total",
        ),
        (
            {
                "per_cell": None,
                "total": 9,
                "quotas": tuple(Quota(values={"persona": c.name}, count=1) for c in PERSONAS.choices),
            },
            "have no cell to go to",
        ),
    ],
)
def test_what_cannot_be_is_said(fields: dict[str, Any], words: str) -> None:
    matrix = Matrix(**{"axes": (PERSONAS, EMOTIONS), **fields})
    with pytest.raises(MatrixError, match=words):
        plan_cells(matrix, most=MOST)


def test_accents_of_two_compositions_are_the_same_value() -> None:
    reader = PatternReader({"persona": ["Caf\u00e9 owner", "Nurse"]})
    assert reader.read_excluded("cafe\u0301  owner") == [{"persona": "Caf\u00e9 owner"}]
    assert reader.problems == []


def test_as_people_type_it() -> None:
    text = "Gig Worker * 2\n\nNurse\n  Farmer  *0.5 \n5 * 3 = 15 * x"
    values = values_of(text)
    assert values == [
        {"value": "Gig Worker", "weight": "2"},
        {"value": "Nurse"},
        {"value": "Farmer", "weight": "0.5"},
        {"value": "5 * 3 = 15 * x"},
    ]
    reader = PatternReader({"persona": ["Nurse", "calm"], "emotion": ["calm", "ashamed"]})
    assert reader.read_excluded("nurse | ASHAMED\n\nemotion = calm") == [
        {"persona": "Nurse", "emotion": "ashamed"},
        {"emotion": "calm"},
    ]
    assert reader.read_quotas("5 | Nurse") == [{"values": {"persona": "Nurse"}, "count": 5}]
    assert reader.problems == []
    reader.read_excluded("calm\nNobody")
    reader.read_quotas("Nurse | 5")
    assert [str(problem) for problem in reader.problems] == [
        "row 1, column exclude: 'calm' is in several lists; write persona = calm",
        "row 2, column exclude: 'Nobody' is in none of the lists that vary.",
        "row 1, column quotas: begins with a number, as in: 5 | Gig Worker | ashamed",
    ]


def test_text_and_json_say_the_same() -> None:
    axis = Axis(name="persona", choices=(Choice(name="Nurse", weight=Fraction(5, 2)), Choice(name="calm")))
    matrix = Matrix(
        axes=(axis, EMOTIONS),
        excluded=({"persona": "calm", "emotion": "ashamed"},),
        quotas=(Quota(values={"persona": "Nurse"}, count=4),),
    )
    assert lines_of(axis) == "Nurse * 2.5\ncalm"
    assert format_excluded(matrix) == "persona = calm | ashamed"
    assert format_quotas(matrix) == "4 | Nurse"
    reader = PatternReader({each.name: [c.name for c in each.choices] for each in matrix.axes})
    assert tuple(reader.read_excluded(format_excluded(matrix))) == matrix.excluded


@pytest.mark.parametrize(
    "given_",
    [
        {"axes": "persona"},
        {"axes": [{"name": "persona", "values": [3]}]},
        {"axes": [{"name": "persona", "values": [{"value": "a", "weight": "many"}]}]},
        {"axes": [{"name": "persona", "values": [{"value": "a", "weight": float("nan")}]}]},
        {"axes": [], "surprise": 1},
        {"axes": [], "perCell": True},
        {"axes": [], "exclude": [["persona"]]},
        {"axes": [], "quotas": [{"values": {"persona": "a"}}]},
        {"axes": [{"name": "persona", "values": ["a"] * 2001}]},
    ],
)
def test_other_shapes_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(MatrixError):
        matrix_of(given_, seed=0)
