"""A parameter matrix: all combinations of some lists of values, without excluded ones, each with its number. Pure Python."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm, prod
from operator import itemgetter
from typing import Any

from batches.planning.quotas import share_out
from lib.row_problems import RowProblem, RowsError

MOST_AXES = 6
MOST_CELLS = 100_000


class MatrixError(RowsError):
    """A matrix contradicts itself, or a quota cannot be met. `problems` has every problem."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One value of an axis. With weight 2 it is planned twice as often as a value with weight 1."""

    name: str
    weight: Fraction = Fraction(1)
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One dimension of the matrix: the name of a template variable, and its values in order."""

    name: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A fixed number for each cell that has these values. They may name all axes (one cell) or only some."""

    values: Mapping[str, str]
    count: int


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Either `per_cell` conversations for each cell, or `total` ones shared out by weight. A quota overrides both."""

    axes: tuple[Axis, ...]
    per_cell: int | None = 1
    total: int | None = None
    excluded: tuple[Mapping[str, str], ...] = ()
    quotas: tuple[Quota, ...] = ()
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One combination, in the order of the axes. `count`: how many conversations of it are planned."""

    choices: tuple[Choice, ...]
    values: Mapping[str, str]
    count: int = field(default=0)


def plan_cells(matrix: Matrix, *, most: int) -> list[Cell]:
    """Every cell that is not excluded, with its count. The last axis varies fastest.

    Raises MatrixError with all problems: unknown values, a quota without a cell, two quotas for one cell, quotas above the
    total, more than `most` conversations altogether.
    """
    problems = [*_axis_problems(matrix), *_size_problems(matrix, most)]
    if not problems:
        problems = [*_pattern_problems(matrix)]
    if problems:
        raise MatrixError(problems)
    cells = list(list_open_cells(matrix))
    fixed = _find_fixed_counts(matrix, cells)
    counts = _counts(matrix, cells, fixed)
    if sum(counts) > most:
        raise MatrixError(
            [
                _blame(
                    "perCell",
                    f"It asks for {sum(counts):,} conversations; at most {most:,} fit into one batch.",
                )
            ]
        )
    return [
        Cell(choices=cell.choices, values=cell.values, count=count)
        for cell, count in zip(cells, counts, strict=True)
    ]


def list_open_cells(matrix: Matrix) -> Iterator[Cell]:
    """The cells that are not excluded, without their counts."""
    names = [axis.name for axis in matrix.axes]
    patterns = _Patterns(names, matrix.excluded)
    for choices in itertools.product(*(axis.choices for axis in matrix.axes)):
        chosen = tuple(choice.name for choice in choices)
        if next(patterns.matching(chosen), None) is None:
            yield Cell(choices=choices, values=dict(zip(names, chosen, strict=True)))


class _Patterns:
    """Which of many patterns a cell matches. Those that name the same axes are looked up at once.

    A cell takes one look for each set of axes that is named, at most 2 to the power of `MOST_AXES`, however many the
    patterns are.
    """

    def __init__(self, names: Sequence[str], patterns: Sequence[Mapping[str, str]]) -> None:
        self._groups: dict[tuple[int, ...], dict[Any, int]] = defaultdict(dict)
        self.doubled: list[int] = []
        for number, pattern in enumerate(patterns):
            places = tuple(place for place, name in enumerate(names) if name in pattern)
            if len(places) < len(pattern):
                continue  # it names an axis that is not there: it matches nothing
            values = tuple(pattern[names[place]] for place in places)
            key = values[0] if len(values) == 1 else values
            if self._groups[places].setdefault(key, number) != number:
                self.doubled.append(number)
        self._looks = [
            (itemgetter(*places) if places else lambda _: (), known) for places, known in self._groups.items()
        ]

    def matching(self, chosen: tuple[str, ...]) -> Iterator[int]:
        """The numbers of the patterns that a cell with these values matches; of equal ones the first alone."""
        for look, known in self._looks:
            if (number := known.get(look(chosen))) is not None:
                yield number


def _find_fixed_counts(matrix: Matrix, cells: Sequence[Cell]) -> dict[int, int]:
    """The counts that quotas fix: index of the cell to number. Raises MatrixError."""
    patterns = _Patterns([axis.name for axis in matrix.axes], [quota.values for quota in matrix.quotas])
    fixed: dict[int, int] = {}
    used: set[int] = set()
    clashing = set(patterns.doubled)
    for place, cell in enumerate(cells):
        numbers = sorted(patterns.matching(tuple(choice.name for choice in cell.choices)))
        used.update(numbers)
        clashing.update(numbers[1:])
        if numbers:
            fixed[place] = matrix.quotas[numbers[-1]].count
    problems = []
    for number, quota in enumerate(matrix.quotas):
        if number in clashing:
            said = f"{_describe(quota.values)} has a cell that another quota names too; keep one of them."
            problems.append(_blame("quota", said))
        elif number not in used:
            said = f"{_describe(quota.values)} is excluded: it can have no quota of its own."
            problems.append(_blame("quota", said))
    if problems:
        raise MatrixError(problems)
    return fixed


def _counts(matrix: Matrix, cells: Sequence[Cell], fixed: Mapping[int, int]) -> list[int]:
    if matrix.total is None:
        return [fixed.get(place, matrix.per_cell or 0) for place in range(len(cells))]
    left = matrix.total - sum(fixed.values())
    if left < 0:
        said = f"The quotas of single cells ask for {sum(fixed.values()):,}, more than the total of {matrix.total:,}."
        raise MatrixError([_blame("total", f"{said} Raise the total or lower a quota.")])
    weigh = _weigher(matrix.axes)
    weights = [0 if place in fixed else weigh(cell) for place, cell in enumerate(cells)]
    if left and not any(weights):
        said = f"{left:,} of {matrix.total:,} have no cell to go to: the others are excluded, have the weight 0 or a quota of their own."
        raise MatrixError([_blame("total", f"{said} Lower the total, or exclude less.")])
    shares = share_out(weights, left, seed=matrix.seed)
    return [fixed.get(place, share) for place, share in enumerate(shares)]


def _weigher(axes: Sequence[Axis]) -> Callable[[Cell], int]:
    """The weight of a cell: the product of its values' weights, times a number that is the same for all cells."""
    scaled = []
    for axis in axes:
        common = lcm(*{choice.weight.denominator for choice in axis.choices})
        scaled.append({choice.name: int(choice.weight * common) for choice in axis.choices})
    return lambda cell: prod([known[choice.name] for known, choice in zip(scaled, cell.choices, strict=True)])


def blame_axes(number: int) -> RowProblem:
    return _blame("axes", f"{number:,} variables vary; at most {MOST_AXES} can.")


def _axis_problems(matrix: Matrix) -> Iterator[RowProblem]:
    if not matrix.axes:
        yield _blame("axes", "There is nothing to combine: give at least one variable a list of values.")
    if len(matrix.axes) > MOST_AXES:
        yield blame_axes(len(matrix.axes))
    for axis in matrix.axes:
        names = [choice.name for choice in axis.choices]
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if not names:
            yield _blame(axis.name, "has no values.")
        if twice:
            yield _blame(axis.name, f"names {', '.join(map(repr, twice))} more than once.")
        if any(choice.weight < 0 for choice in axis.choices):
            yield _blame(axis.name, "has a weight below 0.")


def _size_problems(matrix: Matrix, most: int) -> Iterator[RowProblem]:
    size = prod(len(axis.choices) for axis in matrix.axes[:MOST_AXES])
    if size > MOST_CELLS:
        yield _blame(
            "axes",
            f"These lists have {size:,} combinations; at most {MOST_CELLS:,} can be planned. Shorten a list.",
        )
    if matrix.total is not None and matrix.per_cell is not None:
        yield _blame("total", "Give either a number for each cell or a total, not both.")
    if matrix.total is None and matrix.per_cell is None:
        yield _blame("perCell", "Say how many: for each cell, or in total.")
    for name, number in (("perCell", matrix.per_cell), ("total", matrix.total)):
        if number is not None and not 0 < number <= most:
            yield _blame(name, f"must be 1 to {most:,}, not {number:,}.")
    for quota in matrix.quotas:
        if not 0 <= quota.count <= most:
            yield _blame("quota", f"{_describe(quota.values)}: must be 0 to {most:,}, not {quota.count:,}.")


def _pattern_problems(matrix: Matrix) -> Iterator[RowProblem]:
    known = {axis.name: {choice.name for choice in axis.choices} for axis in matrix.axes}
    named = [("exclude", each) for each in matrix.excluded] + [
        ("quota", each.values) for each in matrix.quotas
    ]
    for where, values in named:
        if not values:
            yield _blame(where, "names no value.")
        for name, value in values.items():
            if name not in known:
                yield _blame(where, f"{name!r} does not vary here; known are {', '.join(known)}.")
            elif value not in known[name]:
                yield _blame(where, f"{value!r} is not a value of {name}.")
    if matrix.axes and not any(True for _ in list_open_cells(matrix)):
        yield _blame("exclude", "Every combination is excluded: nothing is left to plan.")


def _blame(column: str, message: str) -> RowProblem:
    return RowProblem(None, column, message)


def _describe(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in values.items())
