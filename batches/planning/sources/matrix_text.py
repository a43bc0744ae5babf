"""A matrix as people type it into a form. Pure Python.

Each line of a list is a value; ` * 2` after it gives it the weight 2. Exclusions and quotas name cells by their values,
separated by `|`: `Gig Worker | ashamed`, and with a count `5 | Gig Worker`. A value that is in two lists is written with
the name of its list: `persona = Gig Worker`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from batches.planning.sources.matrix import Axis, Matrix
from batches.planning.sources.matrix_wire import MOST_VALUES, weight_of, weight_text
from lib.row_problems import RowProblem
from lib.same_text import make_match_key

MOST_BARS = 20
WEIGHTED = re.compile(r"(?P<value>.*\S)\s+\*\s*(?P<weight>\d{1,7}(?:\.\d{1,3})?)", re.ASCII)


def values_of(text: str) -> list[dict[str, Any]]:
    """The values of a list, as `{"value": ..., "weight": ...}`. `weight` is left out where none is given, empty lines are skipped.

    Of more than a list may have, one more is read, which `matrix_of` refuses.
    """
    found: list[dict[str, Any]] = []
    for _, line in islice(_lines(text), MOST_VALUES + 1):
        match = WEIGHTED.fullmatch(line)
        if match and weight_of(match["weight"]) is not None:
            found.append({"value": match["value"], "weight": match["weight"]})
        else:
            found.append({"value": line})
    return found


def lines_of(axis: Axis) -> str:
    return "\n".join(
        choice.name + ("" if choice.weight == 1 else f" * {weight_text(choice.weight)}")
        for choice in axis.choices
    )


class PatternReader:
    """Reads exclusions and quotas, given the values of the axes. `problems`: the lines that name no cell."""

    def __init__(self, axes: Mapping[str, Iterable[str]]) -> None:
        self.problems: list[RowProblem] = []
        self.axes = {
            name: {make_match_key(value): value for value in values} for name, values in axes.items()
        }

    def read_excluded(self, text: str) -> list[dict[str, str]]:
        lines = self._read_lines(text, "exclude")
        return [pattern for number, line in lines if (pattern := self._pattern(line, number, "exclude"))]

    def read_quotas(self, text: str) -> list[dict[str, Any]]:
        found = []
        for number, line in self._read_lines(text, "quotas"):
            count, _, rest = line.partition("|")
            if not count.strip().isascii() or not count.strip().isdigit() or len(count.strip()) > 7:
                self._blame(number, "quotas", "begins with a number, as in: 5 | Gig Worker | ashamed")
            elif pattern := self._pattern(rest, number, "quotas"):
                found.append({"values": pattern, "count": int(count)})
        return found

    def _read_lines(self, text: str, column: str) -> list[tuple[int, str]]:
        """The lines with their numbers; none of too many, each of which would get problems of its own."""
        lines = list(islice(_lines(text), MOST_VALUES + 1))
        if len(lines) <= MOST_VALUES:
            return lines
        self.problems.append(RowProblem(None, column, f"has more than {MOST_VALUES:,} lines; use fewer."))
        return []

    def _pattern(self, line: str, number: int, column: str) -> dict[str, str]:
        pattern: dict[str, str] = {}
        if line.count("|") > MOST_BARS:
            self._blame(number, column, f"has more than {MOST_BARS} bars; write one value of each list.")
            return pattern
        for word in filter(None, (word.strip() for word in line.split("|"))):
            found = self._find(word)
            if len(found) == 1:
                pattern |= dict(found)
            elif found:
                name = found[0][0]
                self._blame(number, column, f"{word!r} is in several lists; write {name} = {word}")
            else:
                self._blame(number, column, f"{word!r} is in none of the lists that vary.")
        return pattern

    def _find(self, word: str) -> list[tuple[str, str]]:
        key = make_match_key(word)
        everywhere = [(name, values[key]) for name, values in self.axes.items() if key in values]
        name, _, value = (part.strip() for part in word.partition("="))
        if everywhere or name not in self.axes:
            return everywhere
        found = self.axes[name].get(make_match_key(value))
        return [(name, found)] if found is not None else []

    def _blame(self, number: int, column: str, message: str) -> None:
        self.problems.append(RowProblem(number, column, message))


def format_excluded(matrix: Matrix) -> str:
    return "\n".join(_line(matrix, pattern) for pattern in matrix.excluded)


def format_quotas(matrix: Matrix) -> str:
    return "\n".join(f"{quota.count} | {_line(matrix, quota.values)}" for quota in matrix.quotas)


def _line(matrix: Matrix, pattern: Mapping[str, str]) -> str:
    """The pattern as a line. A value that is in several lists is written with the name of its list."""
    words = []
    for name, value in pattern.items():
        homes = [
            axis
            for axis in matrix.axes
            if any(make_match_key(choice.name) == make_match_key(value) for choice in axis.choices)
        ]
        words.append(value if len(homes) == 1 else f"{name} = {value}")
    return " | ".join(words)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line.strip()
