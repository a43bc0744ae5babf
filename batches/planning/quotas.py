"""Whole numbers in the proportion of weights, exactly as many as asked for. Pure Python.

The method is that of largest remainders (Hare quota): each part gets the whole part of its exact share, and what is left
goes one by one to the largest fractions. T. Hare, "The Election of Representatives" (1859); M. Balinski and H. P. Young,
"Fair Representation" (1982), chapter 3. Each number differs from its exact share by less than one.
"""

import hashlib
from collections.abc import Sequence
from fractions import Fraction


def share_out(weights: Sequence[Fraction], total: int, *, seed: int = 0) -> list[int]:
    """One number per weight; their sum is `total`. Equal fractions are served in an order that the seed draws.

    Raises ValueError for a negative total or weight, and for a total that no weight could take.
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
    """A number below 2**64 that looks random, the same for the same seed and words on every machine and version."""
    words = "\x1f".join([str(seed), *map(str, about)])
    return int.from_bytes(hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()[:8])
