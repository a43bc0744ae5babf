"""Share a total out by weights, as whole numbers whose sum is exactly the total. Pure Python.

The method of largest remainders (Hare quota): each weight gets the whole part of its exact share, and what is left goes
one by one to the largest fractions. T. Hare, "The Election of Representatives" (1859); M. Balinski and H. P. Young,
"Fair Representation" (1982), chapter 3. Each number differs from its exact share by less than one.
"""

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from math import lcm


def share_out(weights: Sequence[Fraction | int], total: int, *, seed: int = 0) -> list[int]:
    """One whole number for each weight; their sum is `total`. The seed decides between equal fractions.

    Raises ValueError for a negative total or weight, and for a total above 0 when all weights are 0.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("Neither a total nor a weight is below zero.")
    exact = _scale(weights)
    whole = sum(exact)
    if not whole:
        if total:
            raise ValueError("No weight is above zero: nobody can take anything.")
        return [0] * len(weights)
    numbers, rests = map(list, zip(*[divmod(weight * total, whole) for weight in exact], strict=True))
    for place in _choose(rests, total - sum(numbers), seed):
        numbers[place] += 1
    return numbers


def _scale(weights: Sequence[Fraction | int]) -> list[int]:
    """The weights as whole numbers in the same proportion. A hundred thousand fractions would take seconds."""
    common = lcm(*{weight.denominator for weight in weights})
    return [weight.numerator * (common // weight.denominator) for weight in weights]


def _choose(rests: Sequence[int], count: int, seed: int) -> list[int]:
    """The places of the `count` largest. Among equal ones at the end the seed decides."""
    if not count:
        return []
    least = sorted(rests, reverse=True)[count - 1]
    above = [place for place, rest in enumerate(rests) if rest > least]
    equal = [place for place, rest in enumerate(rests) if rest == least]
    equal.sort(key=lambda place: draw_number(seed, "tie", place))
    return above + equal[: count - len(above)]


def draw_number(seed: int, *about: object) -> int:
    """A pseudo-random number below 2**64: equal for equal arguments, on every machine and version of Python."""
    key = "\x1f".join([str(seed), *map(str, about)])
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8])
