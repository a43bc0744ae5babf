"""The models: what each accepts, what each costs and since when. The table in force, for everybody in this process.

Without a database it is what this version ships with. Where there is one, `provider.table` puts in force what its rows
say; whoever needs one table for several steps takes `in_force()` once.
"""

from datetime import date
from decimal import Decimal

from claude.messages import Usage
from claude.model_card import Lineup, ModelCard, Price, RetiredModel, UnknownModel, UnknownPrice
from claude.shipped import SHIPPED

__all__ = [
    "Lineup",
    "ModelCard",
    "Price",
    "RetiredModel",
    "UnknownModel",
    "UnknownPrice",
    "card",
    "cards",
    "cost",
    "in_force",
    "pools",
    "price",
    "put_in_force",
    "worst_case",
]


class _InForce:
    """One reference, replaced as a whole: a reader sees the old table or the new one."""

    lineup = SHIPPED


def in_force() -> Lineup:
    return _InForce.lineup


def put_in_force(lineup: Lineup) -> None:
    """From now on this table counts, in this process."""
    _InForce.lineup = lineup


def card(model: str, today: date | None = None) -> ModelCard:
    """The card of a model id or alias. Raises UnknownModel; RetiredModel when it is gone on `today`.

    Without `today` a retirement is not looked at (for translating and billing what is already decided).
    """
    return in_force().card(model, today)


def cards(today: date | None = None) -> tuple[ModelCard, ...]:
    """All models that can be called on `today`, newest family first."""
    return in_force().cards(today)


def pools() -> tuple[str, ...]:
    """The names of the pools whose models share one rate limit."""
    return in_force().pools()


def price(model: str, *, on: date, prompt_tokens: int) -> Price:
    """The price of a model (id or alias) on a day for a prompt of that whole size, cached parts included."""
    return in_force().price(model, on=on, prompt_tokens=prompt_tokens)


def cost(usage: Usage, *, model: str, on: date) -> Decimal:
    """What a call cost in US dollars, nine places, exact. Raises UnknownPrice."""
    return in_force().cost(usage, model=model, on=on)


def worst_case(*, model: str, input_tokens: int, max_tokens: int, on: date, lifetime: str = "") -> Decimal:
    """The most a call can cost in US dollars, cached or not; the formula is `Lineup.worst_case`'s."""
    return in_force().worst_case(
        model=model, input_tokens=input_tokens, max_tokens=max_tokens, on=on, lifetime=lifetime
    )
