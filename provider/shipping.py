"""The line-up that the product ships with, brought into the rows without undoing what a person changed there.

Field by field, as a merge of three: a field that still has the value of the last shipment takes the new one; any other
was changed by somebody and stays. Prices are only added.
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
    """Models and prices of this version of the product; safe to repeat. What it changes is a new version of the table."""
    table.lock_table()
    rows = {row.name: row for row in LanguageModel.objects.all()}
    for position, card in enumerate(lineup.all_cards, start=1):
        _ship_card(card, rows.get(card.id), position=position)
    _ship_prices(lineup)
    table.publish()


def _ship_card(card: ModelCard, row: LanguageModel | None, *, position: int) -> None:
    values = contents.values_of_card(card)
    if row is None:
        LanguageModel.objects.create(name=card.id, position=position, shipped=values, **_columns(values))
        return
    changes = {**_columns(_news(row, values)), "shipped": values, "position": position}
    if any(getattr(row, field) != value for field, value in changes.items()):
        LanguageModel.objects.filter(pk=row.pk).update(**changes)


def _news(row: LanguageModel, values: dict[str, Any]) -> dict[str, Any]:
    """The fields that nobody has changed since the last shipment. A row of the same name that a person made is his."""
    if row.shipped is None:
        return {}
    mine = contents.values_of_row(row)
    news = {
        field: value
        for field, value in values.items()
        if field not in row.shipped or mine[field] == row.shipped[field]
    }
    if news.get("max_output", row.max_output) > news.get("context", row.context):
        news = {field: value for field, value in news.items() if field not in ("max_output", "context")}
    return news


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """Values as the table's columns hold them; a successor that is new overrules the word that there is none."""
    columns = dict(values)
    if columns.get("retires"):
        columns["retires"] = date.fromisoformat(columns["retires"])
    if columns.get("successor"):
        columns["no_successor"] = False
    return columns


def _ship_prices(lineup: ModelTable) -> None:
    models = {row.name: row for row in LanguageModel.objects.all()}
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


def changed_fields(row: LanguageModel) -> list[str]:
    """What a person has changed of a shipped model; empty for one that a person added."""
    if row.shipped is None:
        return []
    mine = contents.values_of_row(row)
    return [field for field, value in row.shipped.items() if field in mine and mine[field] != value]
