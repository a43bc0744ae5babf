"""Settings, Models: the table in force as every process has it."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from claude.shipped import SHIPPED
from provider import table
from provider.models import LanguageModel
from provider.shipping import ship
from tests.factories import MODEL, make_model, make_price, make_user
from tests.provider.test_check import use_model

pytestmark = pytest.mark.django_db
PAGE = "/settings/models/"


@pytest.fixture
def signed_in(client: Client) -> Client:
    client.force_login(make_user())
    return client


def shown(client: Client) -> str:
    return " ".join(client.get(PAGE).content.decode().split())


def test_it_shows_every_model_with_price_and_limits(
    signed_in: Client, set_today: Callable[[date], None]
) -> None:
    set_today(date(2026, 11, 29))
    page = shown(signed_in)
    for card in SHIPPED.cards():
        assert f"<b>{card.id}</b>" in page
    assert SHIPPED.version in page
    assert "$0.125" in page
    assert "above 100,000" in page
    assert "Until 30 Nov 2026" in page
    assert "claude-opus-4-0" in page  # a retired name and what to use
    assert "In use" in page


def test_a_model_is_retired_from_its_day_on(signed_in: Client, set_today: Callable[[date], None]) -> None:
    set_today(date(2026, 11, 30))
    page = shown(signed_in)
    assert "Until 30 Nov 2026" not in page
    assert '<span class="badge tone-bad">Retired</span>' in page


def test_a_change_shows_with_its_version(signed_in: Client) -> None:
    ship()
    row = make_model(name="qwen-3", aliases=["qwen"])
    make_price(model=row, free=True)
    later = LanguageModel.objects.get(name=MODEL)
    make_price(model=later, valid_from=date(2099, 1, 1), input=Decimal(3), output=Decimal("12.5"))
    version = table.publish()
    table.refresh(now=True)
    page = shown(signed_in)
    assert version
    assert version.name in page
    assert "also qwen" in page
    assert "Costs nothing" in page
    assert "Coming" in page
    assert "$12.5" in page


def test_a_model_without_price_is_said_to_be_not_called(signed_in: Client, settings: Settings) -> None:
    make_model(name="qwen-3")
    table.publish()
    table.refresh(now=True)
    use_model(settings, "qwen-3")
    page = shown(signed_in)
    assert "No price: not called" in page
    assert "No batch starts with qwen-3" in page
    assert "Admin, Prices" in page


def test_a_retired_model_in_use_is_an_alarm(signed_in: Client, settings: Settings) -> None:
    use_model(settings, "claude-opus-4-0")
    assert "Use claude-opus-5-5" in shown(signed_in)


def test_only_who_may_edit_sees_the_way_there(signed_in: Client) -> None:
    assert "Edit models" not in shown(signed_in)
    signed_in.force_login(make_user(superuser=True))
    assert "Edit models" in shown(signed_in)


def test_it_takes_few_queries(
    signed_in: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    ship()
    shown(signed_in)
    with django_assert_max_num_queries(9):
        shown(signed_in)
