"""The entries of signing in and out, and their bound."""

import pytest
from django.test import Client

from tests.factories import make_user
from workspaces.actions import create_sign_in_link
from workspaces.audit_log import sign_ins
from workspaces.models import AuditEntry, User
from workspaces.states import Action

pytestmark = pytest.mark.django_db
SECRET, GUESS = "correct horse battery", "a guess of somebody"
ADDRESS = "203.0.113.77"


@pytest.fixture
def maria() -> User:
    return make_user(username="maria", email="maria@example.org", password=SECRET)


def entries() -> list[tuple[str, str, str]]:
    rows = AuditEntry.objects.filter(target_kind="person").order_by("pk")
    return [(entry.action, entry.who_name, entry.target_name) for entry in rows]


def sign_in(name: str, password: str) -> None:
    Client(REMOTE_ADDR=ADDRESS).post("/sign-in/", {"name": name, "password": password})


def test_signing_in_and_out(maria: User) -> None:
    client = Client(REMOTE_ADDR=ADDRESS)
    client.post("/sign-in/", {"name": "maria", "password": SECRET})
    client.post("/sign-out/")
    client.post("/sign-out/")
    name = "maria@example.org"
    assert entries() == [(Action.SIGN_IN, name, name), (Action.SIGN_OUT, name, name)]
    made = AuditEntry.objects.filter(action=Action.SIGN_IN).get()
    assert (made.workspace, made.address) == (maria.personal_workspace(), ADDRESS)


def test_a_link_signs_in_once(maria: User) -> None:
    token = create_sign_in_link(maria)
    Client().post(f"/sign-in/{token}/")
    Client().post(f"/sign-in/{token}/")
    assert [action for action, *_ in entries()] == [Action.SIGN_IN, Action.FAIL_SIGN_IN]
    assert AuditEntry.objects.get(action=Action.SIGN_IN).after == {"by": "link"}
    assert token not in repr(list(AuditEntry.objects.values()))


@pytest.mark.parametrize("name", ["maria", "maria@example.org"])
def test_a_wrong_password_is_told_to_whose_it_is_without_the_password(maria: User, name: str) -> None:
    sign_in(name, GUESS)
    made = AuditEntry.objects.get(action=Action.FAIL_SIGN_IN)
    assert (made.who, made.who_name, made.target_id) == (None, "somebody", maria.pk)
    assert (made.workspace, made.address) == (maria.personal_workspace(), ADDRESS)
    assert GUESS not in repr(list(AuditEntry.objects.values()))


def test_a_name_that_nobody_has_is_not_stored(maria: User) -> None:
    """It may be a password in the wrong field."""
    sign_in(SECRET, "maria")
    made = AuditEntry.objects.get(action=Action.FAIL_SIGN_IN)
    assert (made.workspace, made.target_name) == (None, "an unknown name")
    assert SECRET not in repr(list(AuditEntry.objects.values()))


def test_guessing_does_not_fill_the_disk(maria: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ins, "MOST_FAILED_AN_HOUR", 3)
    for _ in range(5):
        sign_ins.record_failed_sign_in("maria")
    told = list(AuditEntry.objects.filter(action=Action.FAIL_SIGN_IN).order_by("pk"))
    assert [entry.after for entry in told] == [{}, {}, sign_ins.NO_MORE]
    sign_in("maria", SECRET)
    assert AuditEntry.objects.filter(action=Action.SIGN_IN).exists()
