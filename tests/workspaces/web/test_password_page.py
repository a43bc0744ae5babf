"""Settings, Password: setting one, changing it, and what ends with the old one."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories import make_token, make_user
from workspaces import tries
from workspaces.actions import create_sign_in_link
from workspaces.models import AuditEntry, SignInLink, User

pytestmark = pytest.mark.django_db
PAGE = "/settings/password/"
OLD, NEW = "correct horse battery", "staple upwards of twelve"


def body(current: str = OLD, new: str = NEW, repeated: str | None = None) -> dict[str, str]:
    return {"current": current, "new": new, "repeated": new if repeated is None else repeated}


@pytest.fixture(autouse=True)
def quick_hashes(settings: Settings) -> None:
    """What a hash costs is measured elsewhere."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def maria() -> User:
    """Of a name that nobody else has: wrong passwords are counted in the broker."""
    return make_user(username=f"maria{uuid.uuid4().hex}", password=OLD)


def sign_in(user: User) -> Client:
    client = Client()
    assert client.post("/sign-in/", {"name": user.username, "password": OLD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/batches/").status_code == 200


def test_a_change_ends_every_other_session_and_rotates_this_one(maria: User) -> None:
    here, elsewhere = sign_in(maria), sign_in(maria)
    token, link = make_token(user=maria), create_sign_in_link(maria)
    key = here.session.session_key
    answer = here.post(PAGE, body(), follow=True)
    assert "Your new password is stored" in answer.text
    assert here.session.session_key != key
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    maria.refresh_from_db()
    assert maria.check_password(NEW)
    assert SignInLink.redeem(link) is None
    caller = Client(headers={"authorization": f"Bearer {token}"})
    assert caller.get("/api/conversations").status_code == 200, "a token is a key of its own"
    entry = AuditEntry.objects.get(action="change_password")
    assert (entry.who, entry.target_id, entry.before, entry.after) == (maria, maria.pk, {}, {})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (body(current="wrong"), "this is not your present password"),
        (body(current=""), "this is not your present password"),
        (body(new="short"), "at least 12 characters"),
        (body(new="password1234"), "too common"),
        (body(repeated="another one of these"), "it differs from the first one"),
        (body(new=""), "write a password of at least 12 characters"),
        (body(new="x" * 201), "at most 200 characters"),
    ],
)
def test_what_is_no_good_is_named_and_changes_nothing(maria: User, given: dict[str, str], words: str) -> None:
    client = sign_in(maria)
    answer = client.post(PAGE, given)
    assert (answer.status_code, words in answer.text) == (422, True)
    assert not [text for text in given.values() if len(text) > 5 and f'value="{text}"' in answer.text]
    maria.refresh_from_db()
    assert maria.check_password(OLD)


def test_who_has_none_sets_one_without_being_asked_for_it(signed_in: Client, owner: User) -> None:
    assert "Present password" not in signed_in.get(PAGE).text
    assert signed_in.post(PAGE, {"new": NEW, "repeated": NEW}).status_code == 302
    owner.refresh_from_db()
    assert owner.check_password(NEW)
    assert "Present password" in signed_in.get(PAGE).text


def test_a_link_replaces_the_forgotten_password_for_a_while(maria: User, settings: Settings) -> None:
    client = Client()
    client.post(f"/sign-in/{create_sign_in_link(maria)}/")
    assert "Present password" not in client.get(PAGE).text
    settings.SIGN_IN_LINK_LIFETIME = timedelta(seconds=-1)
    assert "Present password" in client.get(PAGE).text
    settings.SIGN_IN_LINK_LIFETIME = timedelta(minutes=15)
    assert client.post(PAGE, {"new": NEW, "repeated": NEW}).status_code == 302
    assert "Present password" in client.get(PAGE).text


def test_the_present_password_is_not_guessed_here(maria: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "MOST_OF_ACCOUNT", 1)
    monkeypatch.setattr(
        "lib.untrusted.tries.min", lambda *_: 60, raising=False
    )  # long enough for any machine
    client = sign_in(maria)
    answers = [client.post(PAGE, body(current=f"wrong{n}")).status_code for n in range(3)]
    assert answers == [422, 422, 429]
