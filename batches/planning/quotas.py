"""Share a total out by weights, as whole numbers whose sum is exactly the total. Pure Python.

The method of largest remainders (Hare quota): each weight gets the whole part of its exact share, and what is left goes
one by one to the largest fractions. T. Hare, "The Election of Representatives" (1859); M. Balinski and H. P. Young,
"Fair Representation" (1982), chapter 3. Each number differs from its exact share by less than one.
"""

import hashlib
from collections.abc import Sequence
from fractions import Fraction


def share_out(weights: Sequence[Fraction], total: int, *, seed: int = 0) -> list[int]:
    """One whole number for each weight; their sum is `total`. The seed decides between equal fractions.

    Raises ValueError for a negative total or weight, and for a total above 0 when all weights are 0.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("Neither a total nor a weight is below zero.")
    whole = sum(weights, Fraction(0))
    if not whole:
        if total:
            raise ValueError("No weight is above zero: nobody can take anything.")
        return [0] * len(weights)
    shares = [weight * total / whole for weight in weights]
    numbers = [int(share) for share in shares]
    order = sorted(
        range(len(shares)),
        key=lambda place: (numbers[place] - shares[place], draw_number(seed, "tie", place)),
    )
    for place in order[: total - sum(numbers)]:
        numbers[place] += 1
    return numbers


def draw_number(seed: int, *about: object) -> int:
    """A pseudo-random number below 2**64: equal for equal arguments, on every machine and version of Python."""
    key = "\x1f".join([str(seed), *map(str, about)])
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8])
