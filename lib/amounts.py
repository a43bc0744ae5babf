"""Numbers as people write them: no exponent (`0E-9`, `1E+3`) and no needless zeros."""

from decimal import Decimal, InvalidOperation
from typing import Any

CENT_PLACES = 2
MOST_PLACES = 28  # the digits with which Decimal computes


def format_number(value: Decimal | int) -> str:
    """`12.5`, `0`, `1000`: every digit that counts, and none that does not."""
    return f"{Decimal(value).normalize():f}"


def count_words(number: int, noun: str) -> str:
    """`1 conversation`, `1,200 conversations`; the plural of the noun has an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_usd(value: Decimal | int) -> str:
    """An exact amount in a sentence, with two decimal places or as many as it needs: `$12.50`, `$0.00`, `$0.0008`."""
    whole, _, places = format_number(value).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}${whole.removeprefix('-')}.{places.ljust(CENT_PLACES, '0')}"


def format_amount(value: Any) -> str:
    """An amount as a field holds it: `7.90`, `0.125`. None gives "", and what is no amount stays as it was typed."""
    try:
        exactly = Decimal("" if value is None else str(value))
    except InvalidOperation:
        return "" if value is None else str(value)
    return format_usd(exactly).replace("$", "") if _can_be_written(exactly) else str(value)


def _can_be_written(number: Decimal) -> bool:
    """Whether it is a number without hundreds of zeros: `1e999999` has seven characters and stands for a million."""
    return (
        number.is_finite()
        and abs(number.adjusted()) <= MOST_PLACES
        and len(number.as_tuple().digits) <= MOST_PLACES
    )
