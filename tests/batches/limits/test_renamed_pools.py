"""Pools of earlier versions keep what was learned of them when their names change, and those of a key when it is replaced."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from batches.limits.limiter import set_limits
from batches.limits.pools import pool_of, set_limits_from_settings
from batches.models import ProviderPool, RateLimit
from claude.messages import Provider
from provider.account import compute_fingerprint, compute_plain_fingerprint, get_provider
from provider.models import Finding

MODEL = "claude-sonnet-5-5"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keys(settings: Settings) -> None:
    settings.DEMO, settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = False, None, "sk-of-the-installation"
    settings.CLAUDE_NAMED_KEYS = {"research": "sk-of-research"}


@pytest.mark.parametrize("compute", [compute_plain_fingerprint, compute_fingerprint])
@pytest.mark.parametrize("key", ["", "research"])
def test_rows_are_renamed_at_the_start(key: str, compute: Callable[[Provider], str]) -> None:
    plain, group = compute(get_provider(key)), pool_of(MODEL).partition(":")[2]
    set_limits([f"{plain}:{group}"], per_minute=50)
    ProviderPool.objects.update(slowed_to=0.5)
    RateLimit.objects.update(told=7)
    Finding.objects.create(fingerprint=plain, model=MODEL, works=True, report={})
    for _ in range(2):
        set_limits_from_settings()
        assert ProviderPool.objects.get(pool=pool_of(MODEL, key)).slowed_to == 0.5
        assert set(RateLimit.objects.filter(pool=pool_of(MODEL, key)).values_list("told", flat=True)) == {7}
        assert not RateLimit.objects.filter(pool__startswith=plain).exists()
        assert Finding.objects.get().fingerprint == compute_fingerprint(get_provider(key))


def test_rows_of_other_keys_are_left_alone() -> None:
    set_limits(["0123456789ab:other"], per_minute=50)
    set_limits_from_settings()
    assert RateLimit.objects.filter(pool="0123456789ab:other").exists()


def test_a_replaced_key_keeps_its_pool_and_another_server_has_another(settings: Settings) -> None:
    before, theirs = pool_of(MODEL), pool_of(MODEL, "research")
    settings.CLAUDE_API_KEY = "sk-of-the-next-year"
    assert pool_of(MODEL) == before
    settings.CLAUDE_BASE_URL = "http://elsewhere.example"
    assert pool_of(MODEL) not in (before, theirs)


def test_two_names_of_one_key_share_their_limits(settings: Settings) -> None:
    settings.CLAUDE_NAMED_KEYS = {
        "research": "sk-of-the-installation",
        "law": "sk-of-law",
        "tax": "sk-of-law",
    }
    assert pool_of(MODEL, "research") == pool_of(MODEL)
    assert pool_of(MODEL, "law") == pool_of(MODEL, "tax") != pool_of(MODEL)
