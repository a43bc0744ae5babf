"""The models: what each accepts, what each costs and since when. The table in force, for everybody in this process.

Without a database it is what this version ships with. Where there is one, `provider.table` puts in force what its rows
say; whoever needs one table for several steps takes `get_active()` once.
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
    """One reference, replaced as a whole: a reader sees the old table or the new one."""

    table = SHIPPED


def get_active() -> ModelTable:
    return _Active.table


def activate(table: ModelTable) -> None:
    """From now on this table counts, in this process."""
    _Active.table = table


def find_card(model: str, today: date | None = None) -> ModelCard:
    """The card of a model id or alias. Raises UnknownModel; RetiredModel when it is gone on `today`.

    Without `today` a retirement is not looked at (for translating and billing what is already decided).
    """
    return get_active().card(model, today)


def list_cards(today: date | None = None) -> tuple[ModelCard, ...]:
    """All models that can be called on `today`, newest family first."""
    return get_active().cards(today)


def list_pools() -> tuple[str, ...]:
    """The names of the pools whose models share one rate limit."""
    return get_active().pools()


def find_price(model: str, *, on: date, prompt_tokens: int) -> Price:
    """The price of a model (id or alias) on a day for a prompt of that whole size, cached parts included."""
    return get_active().price(model, on=on, prompt_tokens=prompt_tokens)


def compute_cost(usage: Usage, *, model: str, on: date) -> Decimal:
    """What a call cost in US dollars, nine places, exact. Raises UnknownPrice."""
    return get_active().cost(usage, model=model, on=on)


def compute_worst_case(
    *, model: str, input_tokens: int, max_tokens: int, on: date, lifetime: str = ""
) -> Decimal:
    """The most a call can cost in US dollars, cached or not; the formula is `ModelTable.worst_case`'s."""
    return get_active().worst_case(
        model=model, input_tokens=input_tokens, max_tokens=max_tokens, on=on, lifetime=lifetime
    )
