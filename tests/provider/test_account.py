"""How providers are told apart: by a hash of address and key that nobody can compute without SECRET_KEY."""

import pytest
from pytest_django import Settings

from claude.messages import Provider
from provider.account import compute_fingerprint, compute_plain_fingerprint

OURS = Provider(base_url=None, api_key="k1")


def test_address_and_key_tell_providers_apart() -> None:
    same = Provider(base_url="https://api.anthropic.com/", api_key="k1")
    assert compute_fingerprint(OURS) == compute_fingerprint(same)
    for other in (
        Provider(base_url=None, api_key="k2"),
        Provider(base_url="http://127.0.0.1:1", api_key="k1"),
    ):
        assert compute_fingerprint(OURS) != compute_fingerprint(other)


@pytest.mark.parametrize("key", ["k1", "é", "\ud800", ""], ids=ascii)
def test_a_fingerprint_is_twelve_hex_digits(key: str) -> None:
    found = compute_fingerprint(Provider(base_url=None, api_key=key))
    assert len(found) == 12
    assert int(found, 16) >= 0


def test_without_the_secret_key_it_cannot_be_computed(settings: Settings) -> None:
    before = compute_fingerprint(OURS)
    assert before != compute_plain_fingerprint(OURS)
    settings.SECRET_KEY = "another one"
    assert compute_fingerprint(OURS) != before
