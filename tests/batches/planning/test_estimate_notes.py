"""A setting that the model refuses is not sent, and whoever is about to start is told so."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from batches.planning.estimate.estimate import Estimate, estimate
from batches.planning.plan import starter_plan
from claude import translation
from workspaces.models import User

pytestmark = pytest.mark.django_db


def priced(owner: User, model: str) -> Estimate:
    plan = starter_plan(owner.personal_workspace(), limit=1)
    return estimate(plan, model=model, max_tokens=8192, concurrency=1, on=date(2026, 11, 22))


def test_a_temperature_that_is_not_sent_is_named(owner: User, settings: Settings) -> None:
    settings.ENVIRONMENT = replace(django_settings.ENVIRONMENT, anthropic_temperature=0.7)
    assert priced(owner, "claude-sonnet-5-5").notes == (
        "ANTHROPIC_TEMPERATURE is not sent: claude-sonnet-5-5 takes none.",
    )
    assert priced(owner, "claude-sonnet-4-6").notes == ()


def test_it_reaches_the_models_that_take_it(owner: User, settings: Settings) -> None:
    settings.ENVIRONMENT = replace(django_settings.ENVIRONMENT, anthropic_temperature=0.7)
    item = starter_plan(owner.personal_workspace(), limit=1)[0]
    sent = {
        model: translation.payload(item.request(model=model, max_tokens=100))
        for model in ("claude-sonnet-5-5", "claude-sonnet-4-6")
    }
    assert "temperature" not in sent["claude-sonnet-5-5"]
    assert sent["claude-sonnet-4-6"]["temperature"] == 0.7


def test_without_the_setting_there_is_nothing_to_say(owner: User) -> None:
    assert priced(owner, "claude-sonnet-5-5").notes == ()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "Set RATE_LIMIT_ITPM and RATE_LIMIT_OTPM"),
        ({"rate_limit_itpm": 5_000}, "Set RATE_LIMIT_OTPM"),
        ({"rate_limit_otpm": 5_000}, "Set RATE_LIMIT_ITPM if"),
    ],
)
def test_another_servers_unknown_token_limits_are_said(
    owner: User, settings: Settings, given: dict[str, Any], named: str
) -> None:
    settings.ENVIRONMENT = replace(
        django_settings.ENVIRONMENT, anthropic_base_url="http://models.example:8000", **given
    )
    [note] = priced(owner, "claude-sonnet-5-5").notes
    assert "No limit of tokens a minute is kept with models.example:8000" in note
    assert named in note


def test_nothing_is_said_of_limits_that_are_set_or_known(owner: User, settings: Settings) -> None:
    known: dict[str, Any] = {"anthropic_base_url": "https://api.anthropic.com"}
    given: dict[str, Any] = {"anthropic_base_url": "http://127.0.0.1:1"}
    for changes in (known, given | {"rate_limit_itpm": 9, "rate_limit_otpm": 9}):
        settings.ENVIRONMENT = replace(django_settings.ENVIRONMENT, **changes)
        assert priced(owner, "claude-sonnet-5-5").notes == ()
