"""The model table as JSON and back, and the values of models and model cards. Money is stored as text, exactly."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

from claude.model_card import ModelCard, ModelTable, Price, PriceRow
from provider.models import BATCH_RATES, RATES, LanguageModel, ModelPrice

LISTS = ("aliases", "thinking_modes", "effort_levels")
# The fields of a model card that `LanguageModel` has under the same name and with the same meaning.
SAME = tuple(
    each.name
    for each in fields(ModelCard)
    if each.name not in ("id", "thinking", "effort", "successor", "retires", *LISTS)
)


def get_card_values(card: ModelCard) -> dict[str, Any]:
    """The values of a model card, for JSON."""
    return {
        **{name: getattr(card, name) for name in SAME},
        **{name: list(getattr(card, name)) for name in LISTS},
        "thinking": card.thinking["type"] if card.thinking else "",
        "effort": card.effort or "",
        "successor": card.successor or "",
        "retires": card.retires.isoformat() if card.retires else None,
    }


def get_model_values(model: LanguageModel) -> dict[str, Any]:
    """The same values of a stored model."""
    return {
        **{name: getattr(model, name) for name in (*SAME, "thinking", "effort", "successor")},
        **{name: list(getattr(model, name)) for name in LISTS},
        "retires": model.retires.isoformat() if model.retires else None,
    }


def build_card(name: str, values: Mapping[str, Any]) -> ModelCard:
    given: dict[str, Any] = {field: values[field] for field in SAME}
    given |= {field: tuple(values[field]) for field in LISTS}
    return ModelCard(
        id=name,
        **given,
        thinking={"type": values["thinking"]} if values["thinking"] else None,
        effort=values["effort"] or None,
        successor=values["successor"] or None,
        retires=date.fromisoformat(values["retires"]) if values["retires"] else None,
    )


def get_price_values(price: Price) -> dict[str, Any]:
    """The values of a price, for JSON. Amounts have three decimal places, so that equal prices give equal texts."""
    given = {name: getattr(price, name) for name in (*RATES, *BATCH_RATES)}
    amounts = {name: None if amount is None else f"{amount:.3f}" for name, amount in given.items()}
    return {**amounts, "free": price.free}


def build_price(price: ModelPrice) -> Price:
    return Price(**{name: getattr(price, name) for name in (*RATES, *BATCH_RATES)}, free=price.free)


def dump_table(lineup: ModelTable) -> dict[str, Any]:
    """A whole table as JSON. Equal tables give equal JSON, whatever the order of their prices."""
    prices = [
        {
            "model": row.model,
            "valid_from": row.valid_from.isoformat(),
            "above_prompt_tokens": row.above_prompt_tokens,
            **get_price_values(row.price),
        }
        for row in lineup.prices
    ]
    return {
        "models": [{"id": each.id, **get_card_values(each)} for each in lineup.all_cards],
        "prices": sorted(
            prices, key=lambda row: (row["model"], row["valid_from"], row["above_prompt_tokens"])
        ),
    }


def load_table(version: str, content: Mapping[str, Any]) -> ModelTable:
    return ModelTable(
        version=version,
        all_cards=tuple(build_card(each["id"], each) for each in content["models"]),
        prices=tuple(_build_price_row(each) for each in content["prices"]),
    )


def _build_price_row(stored: Mapping[str, Any]) -> PriceRow:
    names = (*RATES, *BATCH_RATES)
    amounts: dict[str, Any] = {
        name: None if stored[name] is None else Decimal(stored[name]) for name in names
    }
    return PriceRow(
        model=stored["model"],
        valid_from=date.fromisoformat(stored["valid_from"]),
        above_prompt_tokens=stored["above_prompt_tokens"],
        price=Price(**amounts, free=stored["free"]),
    )
