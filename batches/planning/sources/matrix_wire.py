"""A matrix as JSON, as the API takes it, drafts store it and the form writes it. Pure Python."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from batches.planning.sources.matrix import MOST_AXES, Axis, Choice, Matrix, MatrixError, Quota, blame_axes
from lib.amounts import format_number
from lib.row_problems import RowProblem

KEYS = ("axes", "perCell", "total", "exclude", "quotas")
AXIS_KEYS = ("name", "values")
CHOICE_KEYS = ("value", "weight", "description")
QUOTA_KEYS = ("values", "count")
MOST_VALUES = 2000
HIGHEST_WEIGHT = Decimal(1_000_000)


def matrix_of(given: Mapping[str, Any], *, seed: int) -> Matrix:
    """The matrix in a JSON object. Raises MatrixError with everything in it that has not the right shape."""
    reader = _Reader()
    reader.keys(given, KEYS, "matrix")
    listed = reader.list_of(given.get("axes", []), "axes")
    if len(listed) > MOST_AXES:
        raise MatrixError([blame_axes(len(listed))])
    axes = tuple(reader.axis(each) for each in listed)
    total = reader.whole(given.get("total"), "total")
    per_cell = reader.whole(given.get("perCell"), "perCell")
    matrix = Matrix(
        axes=axes,
        total=total,
        per_cell=1 if total is None and per_cell is None else per_cell,
        excluded=tuple(
            reader.pattern(each, "exclude") for each in reader.list_of(given.get("exclude", []), "exclude")
        ),
        quotas=tuple(reader.quota(each) for each in reader.list_of(given.get("quotas", []), "quotas")),
        seed=seed,
    )
    if reader.problems:
        raise MatrixError(reader.problems)
    return matrix


def as_json(matrix: Matrix) -> dict[str, Any]:
    """The matrix as JSON. `matrix_of` reads it back as the same matrix, given the same seed."""
    found: dict[str, Any] = {
        "axes": [
            {
                "name": axis.name,
                "values": [
                    {
                        "value": choice.name,
                        "weight": weight_text(choice.weight),
                        **({"description": choice.description} if choice.description else {}),
                    }
                    for choice in axis.choices
                ],
            }
            for axis in matrix.axes
        ],
        "exclude": [dict(each) for each in matrix.excluded],
        "quotas": [{"values": dict(each.values), "count": each.count} for each in matrix.quotas],
    }
    return {**found, **({"perCell": matrix.per_cell} if matrix.total is None else {"total": matrix.total})}


def weight_text(weight: Fraction) -> str:
    """A weight as a decimal number: `2`, `0.5`."""
    return format_number(Decimal(weight.numerator) / Decimal(weight.denominator))


def weight_of(given: object) -> Fraction | None:
    """A weight: a number from 0 to 1,000,000 with at most three decimals. None for anything else."""
    if isinstance(given, bool) or not isinstance(given, str | int | float | Decimal):
        return None
    try:
        number = Decimal(str(given).strip())
    except InvalidOperation:
        return None
    fits = number.is_finite() and 0 <= number <= HIGHEST_WEIGHT and number == round(number, 3)
    return Fraction(number) if fits else None


class _Reader:
    """Reads the parts of the JSON object and collects in `problems` what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[RowProblem] = []

    def blame(self, column: str, message: str) -> None:
        self.problems.append(RowProblem(None, column, message))

    def keys(self, given: object, known: Sequence[str], column: str) -> Mapping[str, Any]:
        if not isinstance(given, Mapping):
            self.blame(column, f"must be an object with {', '.join(known)}.")
            return {}
        for key in given:
            if key not in known:
                self.blame(column, f"has no field {key!r}; known are {', '.join(known)}.")
        return given

    def list_of(self, given: object, column: str) -> Sequence[Any]:
        if not isinstance(given, list):
            self.blame(column, "must be a list.")
            return []
        if len(given) > MOST_VALUES:
            self.blame(column, f"has {len(given):,} entries; at most {MOST_VALUES:,} are read.")
            return []
        return given

    def whole(self, given: object, column: str) -> int | None:
        if given is None or (isinstance(given, int) and not isinstance(given, bool)):
            return given
        self.blame(column, "must be a whole number.")
        return None

    def text(self, given: object, column: str) -> str:
        if isinstance(given, str) and given.strip():
            return given
        self.blame(column, "must be text that is not empty.")
        return ""

    def axis(self, given: object) -> Axis:
        found = self.keys(given, AXIS_KEYS, "axes")
        name = self.text(found.get("name"), "axes")
        values = self.list_of(found.get("values", []), name or "axes")
        return Axis(name=name, choices=tuple(self.choice(each, name or "axes") for each in values))

    def choice(self, given: object, axis: str) -> Choice:
        if isinstance(given, str):
            return Choice(name=self.text(given, axis))
        found = self.keys(given, CHOICE_KEYS, axis)
        weight = weight_of(found.get("weight", 1))
        if weight is None:
            self.blame(
                axis, f"has a weight that is no number from 0 to {HIGHEST_WEIGHT:,} with three decimals."
            )
        description = found.get("description", "")
        if not isinstance(description, str):
            self.blame(axis, "has a description that is no text.")
            description = ""
        return Choice(
            name=self.text(found.get("value"), axis), weight=weight or Fraction(0), description=description
        )

    def pattern(self, given: object, column: str) -> Mapping[str, str]:
        if isinstance(given, Mapping) and all(isinstance(value, str) for value in given.values()):
            return {str(name): value for name, value in given.items()}
        self.blame(column, 'must name values, as in {"persona": "Gig Worker"}.')
        return {}

    def quota(self, given: object) -> Quota:
        found = self.keys(given, QUOTA_KEYS, "quotas")
        count = self.whole(found.get("count"), "quotas")
        if count is None:
            self.blame("quotas", "needs a count.")
        return Quota(values=self.pattern(found.get("values"), "quotas"), count=count or 0)
