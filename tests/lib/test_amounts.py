"""Numbers and amounts as people write them."""

from decimal import Decimal

import pytest

from lib.amounts import count_words, format_number, format_usd


@pytest.mark.parametrize(
    ("value", "number", "usd"),
    [
        ("0E-9", "0", "$0.00"),
        ("0", "0", "$0.00"),
        ("1E+3", "1000", "$1000.00"),
        ("12.500000000", "12.5", "$12.50"),
        ("0.000800000", "0.0008", "$0.0008"),
        ("0.795364", "0.795364", "$0.795364"),
        ("-0.30", "-0.3", "-$0.30"),
        ("123456789.123456789", "123456789.123456789", "$123456789.123456789"),
    ],
)
def test_a_number_is_written_without_an_exponent(value: str, number: str, usd: str) -> None:
    assert (format_number(Decimal(value)), format_usd(Decimal(value))) == (number, usd)


def test_a_number_and_its_noun() -> None:
    said = [count_words(number, "row") for number in (0, 1, 1200)]
    assert said == ["0 rows", "1 row", "1,200 rows"]
