"""A key that is entered while everything runs: who may, what is stored, and how long it counts."""

from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from pytest_django import Settings

from provider import table
from provider.account import UnknownKey, compute_fingerprint, get_provider, list_key_names
from provider.keys import enter_key, remove_key
from provider.models import Finding, ProviderKey
from tests.factories import make_user
from workspaces.models import AuditEntry, User, Workspace

PAGE, CHANGE = "/settings/provider/", "/settings/provider/key/"
OLD, NEW, THEIRS = "sk-ant-of-before-abcd", "sk-ant-entered-later-wxyz", "sk-ant-of-research-efgh"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _environment(settings: Settings) -> None:
    settings.DEMO, settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = False, "http://127.0.0.1:1", OLD
    settings.CLAUDE_NAMED_KEYS = {}


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(make_user(superuser=True))
    return client


def enter(key: str = NEW, *, name: str = "") -> None:
    enter_key(name=name, api_key=key, by=None)
    table.refresh(now=True)


def used(name: str = "") -> str:
    return get_provider(name).api_key


# --- how long it counts ---------------------------------------------------------------------------------


def test_it_is_used_in_place_of_the_environments_and_given_back() -> None:
    enter()
    assert used() == NEW
    enter("sk-ant-once-more")
    assert used() == "sk-ant-once-more"
    assert remove_key(name="", by=None)
    table.refresh(now=True)
    assert used() == OLD
    assert not remove_key(name="", by=None)


def test_a_later_key_of_the_environment_counts_again(settings: Settings) -> None:
    enter()
    settings.CLAUDE_API_KEY = "sk-ant-of-the-next-start"
    table.forget()
    table.refresh(now=True)
    assert used() == "sk-ant-of-the-next-start"


def test_it_is_not_sent_to_another_address(settings: Settings) -> None:
    enter()
    settings.CLAUDE_BASE_URL = "http://elsewhere.example"
    table.forget()
    table.refresh(now=True)
    assert used() == OLD


def test_a_name_that_the_environment_does_not_have_can_be_entered() -> None:
    with pytest.raises(UnknownKey):
        get_provider("research")
    enter(THEIRS, name="research")
    assert (used("research"), used()) == (THEIRS, OLD)
    assert list_key_names() == ["", "research"]


def test_the_demo_uses_none(settings: Settings) -> None:
    enter()
    settings.DEMO, settings.CLAUDE_API_KEY = True, "demo"
    assert used() == "demo"


def test_findings_are_about_the_key_that_is_used() -> None:
    enter()
    assert compute_fingerprint(get_provider()) != ProviderKey.objects.get().instead_of
    Finding.objects.create(
        fingerprint=compute_fingerprint(get_provider()),
        model="claude-sonnet-5-5",
        works=True,
        structured_outputs=False,
        report={},
    )
    assert table.refresh(now=True)


# --- what is stored ---------------------------------------------------------------------------------------


def test_only_the_encrypted_key_is_stored() -> None:
    enter()
    stored = ProviderKey.objects.get()
    told = AuditEntry.objects.order_by("-pk")[0]
    assert NEW not in stored.encrypted_key
    assert "wxyz" not in repr((told.target_name, told.before, told.after))


def test_it_is_encrypted_anew_with_the_rest(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    enter()
    settings.ENCRYPTION_KEYS = [new, old]
    settings.ENVIRONMENT = settings.ENVIRONMENT.__class__(
        data_dir=settings.ENVIRONMENT.data_dir, encryption_keys=(new, old)
    )
    call_command("encrypt_anew", stdout=StringIO())
    settings.ENCRYPTION_KEYS = [new]
    table.refresh(now=True)
    assert used() == NEW
    settings.ENCRYPTION_KEYS = [old]
    with pytest.raises(CommandError, match="1 cannot be read"):
        call_command("encrypt_anew", stdout=StringIO())


def test_one_that_cannot_be_read_is_logged_and_the_environments_is_used(
    settings: Settings, caplog: pytest.LogCaptureFixture, boss: Client
) -> None:
    enter()
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    table.forget()
    table.refresh(now=True)
    assert used() == OLD
    assert "cannot be read" in caplog.text
    assert "not used" in boss.get(PAGE).text


# --- the page ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_superuser_changes_the_key_and_takes_it_back(boss: Client) -> None:
    page = boss.post(CHANGE, {"api_key": f" {NEW} "}, follow=True).text
    assert used() == NEW
    assert "…wxyz" in page
    assert "entered on this page" in page
    assert NEW not in page
    page = boss.post(CHANGE, {"name": "", "action": "remove"}, follow=True).text
    assert used() == OLD
    assert "…abcd" in page
    assert AuditEntry.objects.filter(target_kind="provider").count() == 2


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "sk-ä", "x" * 501, "sk\x00"])
def test_a_wrong_key_is_refused_and_not_shown_again(boss: Client, key: str) -> None:
    answer = boss.post(CHANGE, {"api_key": key})
    assert answer.status_code == 422
    assert "New key: " in answer.text
    assert not key or key not in answer.text
    assert not ProviderKey.objects.exists()


def test_only_names_that_somebody_uses(boss: Client) -> None:
    assert boss.post(CHANGE, {"name": "research", "api_key": NEW}).status_code == 422
    make_user().personal_workspace()
    Workspace.objects.update(provider_key="research")
    assert "research" in boss.get(PAGE).text
    assert boss.post(CHANGE, {"name": "research", "api_key": NEW}).status_code == 302
    assert ProviderKey.objects.get().name == "research"


def test_nobody_else_may(client: Client) -> None:
    person: User = make_user(staff=True)
    client.force_login(person)
    assert "Change a key" not in client.get(PAGE).text
    for sent in ({"api_key": NEW}, {"name": "", "action": "remove"}):
        assert client.post(CHANGE, sent).status_code == 403
    assert not ProviderKey.objects.exists()


def test_in_demo_mode_there_is_nothing_to_change(boss: Client, settings: Settings) -> None:
    settings.DEMO = True
    assert "Change a key" not in boss.get(PAGE).text
    assert "In demo mode no key is used" in boss.post(CHANGE, {"api_key": NEW}, follow=True).text
    assert not ProviderKey.objects.exists()
