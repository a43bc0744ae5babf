"""What a new version ships reaches the rows; what a person changed there stays."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import call_command

from claude.shipped import SHIPPED
from provider.models import LanguageModel, ModelPrice, ModelTableVersion
from provider.shipping import find_changed_fields, ship
from tests.factories import make_model

pytestmark = pytest.mark.django_db
SONNET = "claude-sonnet-5-5"


def next_version(**changes: object) -> None:
    """The same line-up with another Sonnet."""
    first, *rest = SHIPPED.all_cards
    ship(replace(SHIPPED, version="next", all_cards=(replace(first, **changes), *rest)))  # type: ignore[arg-type]


def sonnet() -> LanguageModel:
    return LanguageModel.objects.get(name=SONNET)


def test_every_card_and_price_has_its_row() -> None:
    ship()
    assert LanguageModel.objects.count() == len(SHIPPED.all_cards)
    assert ModelPrice.objects.count() == len(SHIPPED.prices)
    for row in LanguageModel.objects.all():
        row.full_clean()
        assert find_changed_fields(row) == []


def test_what_nobody_changed_follows() -> None:
    ship()
    next_version(context=2_000_000, retires=date(2027, 5, 1), successor="claude-opus-5-5")
    assert (sonnet().context, sonnet().retires) == (2_000_000, date(2027, 5, 1))
    assert ModelTableVersion.objects.count() == 2


def test_what_somebody_changed_stays_field_by_field() -> None:
    ship()
    LanguageModel.objects.filter(name=SONNET).update(pool="mine", max_output=1000)
    next_version(pool="theirs", context=2_000_000, max_output=64_000)
    assert (sonnet().pool, sonnet().max_output, sonnet().context) == ("mine", 1000, 2_000_000)
    assert find_changed_fields(sonnet()) == ["pool", "max_output"]


def test_going_back_to_the_shipped_value_follows_again() -> None:
    ship()
    LanguageModel.objects.filter(name=SONNET).update(pool="mine")
    next_version(pool="theirs")
    LanguageModel.objects.filter(name=SONNET).update(pool="theirs")
    ship()
    assert sonnet().pool == SHIPPED.card(SONNET).pool


def test_a_shipment_never_breaks_a_row() -> None:
    """A smaller context beside somebody's larger reply, a successor beside the word that there is none."""
    ship()
    LanguageModel.objects.filter(name=SONNET).update(max_output=500_000, no_successor=True)
    next_version(context=100_000, max_output=50_000, successor="claude-opus-5-5")
    assert (sonnet().context, sonnet().max_output) == (1_000_000, 500_000)
    assert (sonnet().successor, sonnet().no_successor) == ("claude-opus-5-5", False)


def test_a_row_that_a_person_made_is_his() -> None:
    make_model(name=SONNET, pool="mine")
    ship()
    assert (sonnet().pool, sonnet().context) == ("mine", 32_000)
    ship()
    assert sonnet().pool == "mine"


def test_prices_are_only_added() -> None:
    ship()
    ModelPrice.objects.filter(model__name=SONNET).update(input=Decimal(3))
    ship()
    assert set(ModelPrice.objects.filter(model__name=SONNET).values_list("input", flat=True)) == {Decimal(3)}


def test_prepare_ships(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # the static files would be collected into a folder that stays: tests/lorapipe/test_static_files.py does it
    monkeypatch.setattr("lorapipe.management.commands.prepare.collect_if_changed", lambda: False)
    call_command("prepare")
    assert LanguageModel.objects.filter(name=SONNET).exists()
    assert ModelTableVersion.objects.get().name == SHIPPED.version
