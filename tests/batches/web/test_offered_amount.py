"""The amount that the button of "Generate all" showed comes back from the browser, and a stranger may send any text."""

from decimal import Decimal

import pytest

from batches.web.jobs.forms import read_amount


@pytest.mark.parametrize(
    ("text", "amount"), [("7.50", Decimal("7.50")), (" 0 ", Decimal(0)), (5, Decimal(5))]
)
def test_an_amount(text: object, amount: Decimal) -> None:
    assert read_amount(text) == amount


@pytest.mark.parametrize(
    "text", ["", "x", None, "NaN", "Infinity", "-1", "1e8", "1e999999999", "9" * 5_000, "1\x00"]
)
def test_no_amount(text: object) -> None:
    assert read_amount(text) is None
