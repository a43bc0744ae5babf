"""Amounts in USD, as every table of this app stores them."""

from typing import Any

# Nine decimals: a single token of the cheapest model costs less than a millionth of a dollar.
MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 9}
