"""How many requests of the API are answered in a minute."""

import dataclasses
import threading
import uuid
from collections import Counter
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from redis import ConnectionError as NoConnection

from lorapipe.limits import requests
from tests.factories import make_token, make_user
from workspaces.models import User

PATH = "/api/templates"
NOON = 1_800_000_000.0  # the first second of a minute


@pytest.fixture(autouse=True)
def minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """One minute that does not end, 48 s of which are left."""
    monkeypatch.setattr(requests, "read_clock", lambda: NOON + 12)


def allow(monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
    monkeypatch.setattr(settings, "ENVIRONMENT", dataclasses.replace(settings.ENVIRONMENT, **limits))


def make_address() -> str:
    """An address of nobody else: the counts stay in the broker for two minutes."""
    return f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::1"


def call(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


@pytest.mark.django_db
def test_a_token_has_so_many_in_a_minute(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, api_per_minute=3)
    one, other = call(owner), call(owner)
    assert [one.get(PATH).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert other.get(PATH).status_code == 200, "another token has its own"
    monkeypatch.setattr(requests, "read_clock", lambda: NOON + 60)
    assert one.get(PATH).status_code == 200, "in the next minute"


@pytest.mark.django_db
def test_the_refusal_has_the_one_form_and_says_when(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, api_per_minute=0)
    answer = call(owner).get(PATH)
    assert (answer.status_code, answer["Retry-After"]) == (429, "48")
    assert answer.json() == {
        "success": False,
        "error": "Request was throttled. Expected available in 48 seconds.",
        "code": "throttled",
        "details": [],
    }


@pytest.mark.django_db
def test_a_session_counts_for_its_person(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, api_per_minute=2)
    user, statuses = make_user(), []
    for _ in range(3):
        client = Client()
        client.force_login(user)
        statuses.append(client.get(PATH).status_code)
    assert statuses == [200, 200, 429]


@pytest.mark.django_db
def test_strangers_count_by_their_address(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guessed token as well as none. Whoever has a token is not held up by them."""
    allow(monkeypatch, api_anonymous_per_minute=2)
    address = make_address()
    guess = {"authorization": "Bearer lp_guessed"}
    tries = [
        Client(REMOTE_ADDR=address, headers=headers).get(PATH).status_code
        for headers in ({}, guess, guess, {})
    ]
    assert tries == [401, 401, 429, 429]
    assert Client(REMOTE_ADDR=make_address()).get(PATH).status_code == 401
    known = Client(REMOTE_ADDR=address, headers={"authorization": f"Bearer {make_token(user=owner)}"})
    assert known.get(PATH).status_code == 200


@pytest.mark.django_db
def test_while_the_broker_is_away_nothing_is_refused(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NoConnection

    allow(monkeypatch, api_per_minute=1)
    monkeypatch.setattr(cache, "add", fail)
    caller = call(owner)
    assert [caller.get(PATH).status_code for _ in range(3)] == [200] * 3


def test_of_two_hundred_at_once_no_more_are_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers on ten threads: the count is one step of the broker, so none slips between looking and counting."""
    allow(monkeypatch, api_anonymous_per_minute=50)
    address, together, seen = make_address(), threading.Barrier(10), Counter[int]()

    def ask() -> None:
        client = Client(REMOTE_ADDR=address)
        together.wait(20)
        found = Counter(client.get(PATH).status_code for _ in range(20))
        seen.update(found)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == {401: 50, 429: 150}


@pytest.mark.django_db(transaction=True)
def test_neither_of_one_token(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, api_per_minute=20)
    token, together, seen = make_token(user=owner), threading.Barrier(8), Counter[int]()

    def ask() -> None:
        client = Client(headers={"authorization": f"Bearer {token}"})
        together.wait(20)
        seen.update(Counter(client.get(PATH).status_code for _ in range(25)))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == {200: 20, 429: 180}


def test_the_time_to_wait_is_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[Any] = []
    for at in (0.0, 59.9, 30.0):
        monkeypatch.setattr(requests, "read_clock", lambda at=at: NOON + at)
        waits.append(requests.find_wait_s())
    assert waits == [60, 1, 30]
