"""How many passwords may be guessed, and what guessing costs the others."""

import threading
import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core.cache import cache
from django.test import Client
from redis import ConnectionError as NoConnection

from lorapipe import sign_in_limits
from lorapipe.sign_in_limits import HashingBusy
from tests.factories import make_user
from tests.support.polling import wait_for

SECRET = "correct horse battery"
MOST = 3


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of nobody else: the counts stay in the broker for five minutes."""
    monkeypatch.setattr(sign_in_limits, "MOST_WRONG", MOST)
    return f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::1"


def sign_in(address: str, password: str) -> int:
    body = {"name": "owner", "password": password}
    return Client(REMOTE_ADDR=address).post("/sign-in/", body).status_code


@pytest.mark.django_db
def test_the_admin_has_no_sign_in_of_its_own() -> None:
    """It leads to the page whose tries are counted."""
    answer = Client().post("/admin/login/", {"username": "owner", "password": "x"})
    assert answer["Location"].startswith("/sign-in/")


@pytest.mark.django_db
def test_wrong_passwords_of_an_address_are_counted(address: str) -> None:
    make_user(username="owner", password=SECRET)
    tries = [sign_in(address, "guess") for _ in range(MOST + 1)]
    assert tries == [*[422] * MOST, 429]
    assert sign_in(address, SECRET) == 429
    assert sign_in("203.0.113.5", SECRET) == 302


@pytest.mark.django_db
def test_the_refusal_says_what_to_do(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in_limits, "MOST_WRONG", 0)
    answer = Client(REMOTE_ADDR=address).post("/sign-in/", {"name": "owner", "password": "x"})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "300"
    assert "Wait five minutes, or use a sign-in link" in answer.text
    assert Client(REMOTE_ADDR=address).get("/sign-in/").status_code == 200


@pytest.mark.django_db
def test_who_signs_in_does_not_count(address: str) -> None:
    make_user(username="owner", password=SECRET)
    assert [sign_in(address, SECRET) for _ in range(MOST + 2)] == [302] * (MOST + 2)


@pytest.mark.django_db
def test_people_sign_in_while_the_broker_is_away(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise NoConnection

    monkeypatch.setattr(cache, "add", fail)
    make_user(username="owner", password=SECRET)
    assert [sign_in(address, "guess") for _ in range(MOST + 1)] == [422] * (MOST + 1)
    assert sign_in(address, SECRET) == 302


def in_threads(count: int, run: Callable[[], object]) -> None:
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_one_hash_at_a_time_and_few_wait() -> None:
    """The others are told at once, so that their threads answer pages."""
    refused: list[bool] = []
    everybody = threading.Barrier(20)

    def guess() -> None:
        everybody.wait(30)
        try:
            make_password("guess", salt="x" * 22)
        except HashingBusy:
            refused.append(True)

    with sign_in_limits._hashing:  # somebody's hash takes long
        waiting = threading.Thread(target=in_threads, args=(20, guess))
        waiting.start()
        everybody_else = 20 - 1 - sign_in_limits.MOST_WAITING
        wait_for(lambda: len(refused) == everybody_else, what="those beyond the queue are told")
    waiting.join(60)
    assert len(refused) == everybody_else
    assert check_password("guess", make_password("guess"))


@pytest.mark.django_db
def test_busy_is_told_and_does_not_count(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise HashingBusy

    make_user(username="owner", password=SECRET)
    with monkeypatch.context() as patch:
        patch.setattr(sign_in_limits, "_take_turn", refuse)
        for _ in range(MOST + 1):
            answer = Client(REMOTE_ADDR=address).post("/sign-in/", {"name": "owner", "password": SECRET})
            assert answer.status_code == 503
            assert "Try again in a few seconds" in answer.text
    assert sign_in(address, SECRET) == 302
