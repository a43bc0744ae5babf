"""The current table of models: what each model accepts, what it costs and since when. One table for the whole process.

At first it is the table that this version ships with. With a database, `provider.table` activates the table in its rows.
Code that needs the same table for several steps calls `get_active()` once and keeps the result.
"""

from datetime import date
from decimal import Decimal

from claude.messages import Usage
from claude.model_card import ModelCard, ModelTable, Price, RetiredModel, UnknownModel, UnknownPrice
from claude.shipped import SHIPPED

__all__ = [
    "ModelCard",
    "ModelTable",
    "Price",
    "RetiredModel",
    "UnknownModel",
    "UnknownPrice",
    "activate",
    "compute_cost",
    "compute_worst_case",
    "find_card",
    "find_price",
    "get_active",
    "list_cards",
    "list_pools",
]


class _Active:
    """Holds one reference, which is replaced as a whole: a reader sees either the old table or the new one."""

    table = SHIPPED


def get_active() -> ModelTable:
    """The current table. A table never changes; activating another one replaces it."""
    return _Active.table


def activate(table: ModelTable) -> None:
    """Make this the current table of this process."""
    _Active.table = table


def find_card(model: str, today: date | None = None) -> ModelCard:
    """The card of a model, by id or alias. Raises UnknownModel, and RetiredModel when it is retired on `today`.

    Without `today` retirement is ignored, as translating and booking an earlier call need it.
    """
    return get_active().card(model, today)


def list_cards(today: date | None = None) -> tuple[ModelCard, ...]:
    """All models that can be called on `today`, newest family first."""
    return get_active().cards(today)


def list_pools() -> tuple[str, ...]:
    """The names of the pools whose models share one rate limit."""
    return get_active().pools()


def find_price(model: str, *, on: date, prompt_tokens: int) -> Price:
    """The price of a model (id or alias) on a day, for a prompt of so many tokens, cached ones included. Raises UnknownPrice."""
    return get_active().price(model, on=on, prompt_tokens=prompt_tokens)


def compute_cost(usage: Usage, *, model: str, on: date) -> Decimal:
    """What a call cost, in US dollars with nine decimals, exactly. Raises UnknownPrice."""
    return get_active().cost(usage, model=model, on=on)


def compute_worst_case(
    *, model: str, input_tokens: int, max_tokens: int, on: date, lifetime: str = ""
) -> Decimal:
    """The most that a call can cost, in US dollars (see `ModelTable.worst_case`). Raises UnknownPrice."""
    return get_active().worst_case(
        model=model, input_tokens=input_tokens, max_tokens=max_tokens, on=on, lifetime=lifetime
    )
