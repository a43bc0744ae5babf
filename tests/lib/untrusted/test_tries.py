"""Counting tries: whose count together, that counts are atomic, and that guessing becomes slow instead of impossible."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from redis import ConnectionError as NoConnection

from lib.untrusted import tries
from lib.untrusted.tries import admit_try, count_try, find_network, forget_tries, take_back_try

LIMITS: dict[str, Any] = {"most": 3, "within_s": 60, "longest_wait_s": 8}


@pytest.fixture
def key() -> str:
    """Of nobody else: the counts stay in the broker."""
    return f"test-tries:{uuid.uuid4()}"


class Kept:
    """The cache, in which everything stays for ten minutes."""

    def __getattr__(self, name: str) -> Any:
        return getattr(cache, name)

    def add(self, key: str, value: object, *, timeout: float) -> bool:
        assert timeout <= 60
        return cache.add(key, value, timeout=600)


class Away:
    """A broker that is down."""

    def __getattr__(self, name: str) -> Any:
        raise NoConnection


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ends by itself, however slow the machine is."""
    monkeypatch.setattr(tries, "cache", Kept())
    monkeypatch.setattr("lib.untrusted.tries.time", SimpleNamespace(time=lambda: 1_000_000.0))


def pass_time(key: str) -> None:
    """The wait ends as if its time had passed."""
    cache.delete(f"{key}:next")


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", "unknown"),
        ("localhost", "unknown"),
    ],
)
def test_whose_tries_count_together(given: str, counted: str) -> None:
    assert find_network(given) == counted


def test_a_hundred_at_once_are_a_hundred(key: str) -> None:
    with ThreadPoolExecutor(20) as pool:
        counts = list(pool.map(lambda _: count_try(key, within_s=60), range(100)))
    assert sorted(counts) == list(range(1, 101))


def test_what_is_taken_back_does_not_count(key: str) -> None:
    count_try(key, within_s=60)
    take_back_try(key)
    assert count_try(key, within_s=60) == 1


def test_the_first_are_admitted_then_each_waits_longer(key: str) -> None:
    assert [admit_try(key, **LIMITS) for _ in range(3)] == [0, 0, 0]
    waits = []
    for _ in range(6):
        assert admit_try(key, **LIMITS) == 0, "nobody is locked out: after the wait one try is admitted"
        waits.append(admit_try(key, **LIMITS))
        pass_time(key)
    assert waits == [1, 2, 4, 8, 8, 8], "twice as long each time, up to the longest"


def test_of_many_at_once_as_many_are_admitted_as_may_be(key: str) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: admit_try(key, **LIMITS), range(60)))
    assert answers.count(0) == LIMITS["most"] + 1


def test_a_right_one_begins_anew(key: str) -> None:
    for _ in range(5):
        admit_try(key, **LIMITS)
    forget_tries(key)
    assert [admit_try(key, **LIMITS) for _ in range(3)] == [0, 0, 0]


def test_without_the_cache_everything_is_admitted(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "cache", Away())
    assert [admit_try(key, **LIMITS) for _ in range(9)] == [0] * 9
    take_back_try(key)
    forget_tries(key)
