"""The plan of a matrix: its cells as items of one template, with the option lists' descriptions of the chosen values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from batches.planning.diversity import diversify
from batches.planning.plan import LARGEST_PLAN, PlanError, PlannedItem, cut
from batches.planning.sources.listed import names_of
from batches.planning.sources.matrix import Axis, Cell, Choice, Matrix, plan_cells
from lib.row_problems import RowProblem, RowsError
from templates_app.models import Option, OptionKind, TemplateVersion
from templates_app.states import LONGEST_TOPIC
from workspaces.models import Workspace


def matrix_plan(
    version: TemplateVersion,
    matrix: Matrix,
    *,
    values: Mapping[str, Any] | None = None,
    diversity: bool = True,
    shuffle: int | None = None,
) -> list[PlannedItem]:
    """The items of all cells, cell by cell. `values` fill the variables that do not vary.

    The same arguments give the same plan. `shuffle`: a seed for the order. Raises PlanError with all problems.
    """
    values = values or {}
    wrong = name_problems(version, matrix, values)
    try:
        cells = plan_cells(matrix, most=LARGEST_PLAN)
    except RowsError as problem:
        raise PlanError([*wrong, *problem.problems]) from problem
    if wrong:
        raise PlanError(wrong)
    items = [item for cell in cells for item in [item_of(version, cell, values)] * cell.count]
    if diversity:
        items = diversify(items, seed=matrix.seed)
    return cut(items, limit=None, seed=shuffle)


def item_of(version: TemplateVersion, cell: Cell, values: Mapping[str, Any]) -> PlannedItem:
    """One item of a cell. Without a topic in its values, the values of the cell together are shown as its topic."""
    parameters = {**values, **cell.values}
    topic = str(parameters.get("topic") or "")
    names = cell.values.keys()
    return PlannedItem(
        position=1,
        tier=version.template.tier,
        version=version,
        topic=(topic or ", ".join(cell.values.values()))[:LONGEST_TOPIC],
        parameters=parameters,
        details={
            name: choice.description
            for name, choice in zip(names, cell.choices, strict=True)
            if choice.description
        },
    )


def name_problems(version: TemplateVersion, matrix: Matrix, values: Mapping[str, Any]) -> list[RowProblem]:
    known = names_of(version)
    varying = [axis.name for axis in matrix.axes]
    problems = [
        RowProblem(None, name, f"is no variable of {version}; known are {', '.join(sorted(known))}.")
        for name in [*varying, *values]
        if name not in known
    ]
    problems += [
        RowProblem(None, name, "varies already: leave its single value out.")
        for name in values
        if name in varying
    ]
    twice = {name for name in varying if varying.count(name) > 1}
    problems += [
        RowProblem(None, name, "varies twice; put its values into one list.") for name in sorted(twice)
    ]
    return [
        *problems,
        *(
            RowProblem(
                None, "topic", f"has {len(choice.name):,} characters; at most {LONGEST_TOPIC} are kept."
            )
            for axis in matrix.axes
            if axis.name == "topic"
            for choice in axis.choices
            if len(choice.name) > LONGEST_TOPIC
        ),
    ]


def apply_options(workspace: Workspace, matrix: Matrix, *, weighted: Mapping[str, set[str]]) -> Matrix:
    """The matrix with the descriptions and weights of the option lists. Values in `weighted` (by axis) keep their own weight."""
    known = options_of(workspace, [axis.name for axis in matrix.axes])
    return replace(
        matrix,
        axes=tuple(
            Axis(
                name=axis.name,
                choices=tuple(
                    _describe(
                        choice,
                        known.get((axis.name, choice.name)),
                        keep=choice.name in weighted.get(axis.name, ()),
                    )
                    for choice in axis.choices
                ),
            )
            for axis in matrix.axes
        ),
    )


def options_of(workspace: Workspace, kinds: Sequence[str]) -> dict[tuple[str, str], Choice]:
    """The options of these lists as choices, by kind and name. Archived ones are left out."""
    wanted = [kind for kind in kinds if kind in OptionKind.values]
    rows = Option.objects.filter(workspace=workspace, kind__in=wanted).usable() if wanted else []
    return {(row.kind, row.name): choice_of(row) for row in rows}


def choice_of(option: Option) -> Choice:
    return Choice(name=option.name, weight=Fraction(option.weight), description=option.description)


def _describe(choice: Choice, option: Choice | None, *, keep: bool) -> Choice:
    if option is None:
        return choice
    return Choice(
        name=choice.name,
        weight=choice.weight if keep else option.weight,
        description=choice.description or option.description,
    )
