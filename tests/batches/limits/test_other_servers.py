"""Which limits of tokens a pool has: Anthropic's smallest tier, none with another server, or what somebody has set."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from batches.limits.pools import pools, set_limits_from_settings
from batches.models import RateLimit
from batches.models.limits import MOST_PER_MINUTE
from batches.models.states import Dimension

pytestmark = pytest.mark.django_db


def limits_with(settings: Settings, **given: Any) -> dict[str, int]:
    """The configured limits of the pool of Sonnet with these settings, by dimension."""
    settings.DEMO, settings.CLAUDE_API_KEY = False, "sk-of-a-test"
    settings.CLAUDE_BASE_URL = given.get("anthropic_base_url")
    settings.ENVIRONMENT = replace(settings.ENVIRONMENT, rate_limit_rpm=70, **given)
    set_limits_from_settings()
    [pool] = [name for name in pools() if "sonnet" in name][:1]
    return dict(RateLimit.objects.filter(pool=pool).values_list("dimension", "configured"))


def test_another_server_has_the_limit_of_requests_alone(settings: Settings) -> None:
    assert limits_with(settings, anthropic_base_url="http://models.example") == {
        Dimension.REQUESTS: 70,
        Dimension.INPUT_TOKENS: MOST_PER_MINUTE,
        Dimension.OUTPUT_TOKENS: MOST_PER_MINUTE,
    }


@pytest.mark.parametrize("url", [None, "https://api.anthropic.com", "https://eu.api.anthropic.com/x"])
def test_anthropic_has_those_of_its_smallest_tier(settings: Settings, url: str | None) -> None:
    found = limits_with(settings, anthropic_base_url=url)
    assert (found[Dimension.INPUT_TOKENS], found[Dimension.OUTPUT_TOKENS]) == (2_000_000, 400_000)


def test_what_is_set_holds_everywhere(settings: Settings) -> None:
    found = limits_with(settings, anthropic_base_url="http://models.example", rate_limit_otpm=900)
    assert (found[Dimension.INPUT_TOKENS], found[Dimension.OUTPUT_TOKENS]) == (MOST_PER_MINUTE, 900)
