from decimal import Decimal
from typing import Any

import pytest

from lib.amounts import format_amount


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("7.9"), "7.90"),
        (Decimal("7.9000"), "7.90"),
        ("0.28", "0.28"),
        (Decimal("0.125"), "0.125"),
        (10, "10.00"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("0E-9"), "0.00"),
        (None, ""),
        ("", ""),
        ("abc", "abc"),
        ("NaN", "NaN"),
        ("1e999999", "1e999999"),
        ("1e-999999999", "1e-999999999"),
        ("9" * 40, "9" * 40),
    ],
)
def test_two_places_at_least_and_none_lost(value: Any, text: str) -> None:
    assert format_amount(value) == text
