"""Installs the models and prices that the product ships with, without undoing what a person has changed.

It is a three-way merge of each field: a field that still has the value that was shipped last takes the new one. A field
with any other value was changed by somebody and stays. Prices are only added.
"""

from datetime import date
from typing import Any

from django.db import transaction

from claude.model_card import ModelCard, ModelTable
from claude.shipped import SHIPPED
from provider import contents, table
from provider.models import BATCH_RATES, RATES, LanguageModel, ModelPrice


@transaction.atomic
def ship(lineup: ModelTable = SHIPPED) -> None:
    """Install the models and prices of this version of the product, and publish the table. Safe to repeat."""
    table.lock_table()
    models = {model.name: model for model in LanguageModel.objects.all()}
    for position, card in enumerate(lineup.all_cards, start=1):
        _ship_card(card, models.get(card.id), position=position)
    _ship_prices(lineup)
    table.publish()


def _ship_card(card: ModelCard, model: LanguageModel | None, *, position: int) -> None:
    values = contents.get_card_values(card)
    if model is None:
        LanguageModel.objects.create(name=card.id, position=position, shipped=values, **_make_columns(values))
        return
    changes = {**_make_columns(_find_untouched(model, values)), "shipped": values, "position": position}
    if any(getattr(model, field) != value for field, value in changes.items()):
        LanguageModel.objects.filter(pk=model.pk).update(**changes)


def _find_untouched(model: LanguageModel, values: dict[str, Any]) -> dict[str, Any]:
    """The fields that nobody has changed since they were shipped. A model that a person has added is never changed."""
    if model.shipped is None:
        return {}
    mine = contents.get_model_values(model)
    news = {
        field: value
        for field, value in values.items()
        if field not in model.shipped or mine[field] == model.shipped[field]
    }
    if news.get("max_output", model.max_output) > news.get("context", model.context):
        news = {field: value for field, value in news.items() if field not in ("max_output", "context")}
    return news


def _make_columns(values: dict[str, Any]) -> dict[str, Any]:
    """The values as the columns hold them. A shipped successor clears the tick that there is none."""
    columns = dict(values)
    if columns.get("retires"):
        columns["retires"] = date.fromisoformat(columns["retires"])
    if columns.get("successor"):
        columns["no_successor"] = False
    return columns


def _ship_prices(lineup: ModelTable) -> None:
    models = {model.name: model for model in LanguageModel.objects.all()}
    ModelPrice.objects.bulk_create(
        (
            ModelPrice(
                model=models[row.model],
                valid_from=row.valid_from,
                above_prompt_tokens=row.above_prompt_tokens,
                free=row.price.free,
                **{name: getattr(row.price, name) for name in (*RATES, *BATCH_RATES)},
            )
            for row in lineup.prices
        ),
        ignore_conflicts=True,
    )


def find_changed_fields(model: LanguageModel) -> list[str]:
    """What a person has changed of a shipped model; empty for one that a person added."""
    if model.shipped is None:
        return []
    mine = contents.get_model_values(model)
    return [field for field, value in model.shipped.items() if field in mine and mine[field] != value]
