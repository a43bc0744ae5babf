"""How often the password of an account may be guessed, and that guessing does not keep its person out."""

import uuid

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from lib.untrusted.tries import find_network
from tests.factories import make_user
from workspaces import tries
from workspaces.actions import create_sign_in_link
from workspaces.models import User

pytestmark = pytest.mark.django_db
SECRET = "correct horse battery"


@pytest.fixture
def person(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> User:
    """Of a name that nobody else has: the counts stay in the broker."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr(tries, "MOST_OF_ACCOUNT", 2)
    name = f"p{uuid.uuid4().hex[:12]}"
    return make_user(username=name, email=f"{name}@example.org", password=SECRET)


@pytest.fixture(autouse=True)
def slow_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first wait is long enough for any machine."""
    monkeypatch.setattr("lib.untrusted.tries.min", lambda *_: 60, raising=False)


def sign_in(name: str, password: str, client: Client | None = None) -> int:
    return (client or Client()).post("/sign-in/", {"name": name, "password": password}).status_code


def test_after_some_wrong_ones_even_the_right_one_waits(person: User) -> None:
    assert [sign_in(person.username, "wrong") for _ in range(4)] == [422, 422, 422, 429]
    answer = Client().post("/sign-in/", {"name": person.username, "password": SECRET})
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60
    assert "use a sign-in link" in answer.text


def test_name_and_address_are_one_account_and_an_unknown_name_reads_the_same(person: User) -> None:
    names = (person.username, person.email, person.email.upper(), person.username)
    assert [sign_in(name, "wrong") for name in names] == [422, 422, 422, 429]
    unknown = f"nobody{uuid.uuid4().hex}"
    assert [sign_in(unknown, "wrong") for _ in range(4)] == [422, 422, 422, 429]


def test_where_the_person_has_signed_in_before_strangers_slow_nobody_down(person: User) -> None:
    known = Client()
    assert sign_in(person.username, SECRET, known) == 302
    known.post("/sign-out/")
    assert [sign_in(person.username, "wrong") for _ in range(4)] == [422, 422, 422, 429]
    assert sign_in(person.username, SECRET, known) == 302
    known.cookies[tries.KNOWN_DEVICE] = known.cookies[tries.KNOWN_DEVICE].value + "x"
    known.post("/sign-out/")
    assert sign_in(person.username, SECRET, known) == 429, "a cookie that nobody signed"


def test_a_browser_of_somebody_else_is_not_known(person: User) -> None:
    make_user(username=f"other{person.username}", password=SECRET)
    client = Client()
    sign_in(f"other{person.username}", SECRET, client)
    client.post("/sign-out/")
    assert [sign_in(person.username, "wrong", client) for _ in range(4)] == [422, 422, 422, 429]


def test_a_link_lets_the_person_in_at_any_time(person: User) -> None:
    for _ in range(4):
        sign_in(person.username, "wrong")
    assert Client().post(f"/sign-in/{create_sign_in_link(person)}/").status_code == 302


def test_who_signs_in_begins_anew(person: User) -> None:
    for _ in range(3):
        assert [sign_in(person.username, "wrong"), sign_in(person.username, SECRET)] == [422, 302]


def test_wrong_links_of_an_address_are_counted(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "MOST_OF_ADDRESS", 2)
    address = f"2001:db8:{person.pk.hex[:4]}:{person.pk.hex[4:8]}::1"
    stranger = Client(REMOTE_ADDR=address)
    assert [stranger.get(f"/sign-in/wrong{n}/").status_code for n in range(3)] == [410, 410, 429]
    assert stranger.get(f"/sign-in/{create_sign_in_link(person)}/").status_code == 200
    assert cache.get(f"wrong-links:{find_network(address)}") == 3
