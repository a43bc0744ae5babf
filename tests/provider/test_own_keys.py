"""The key that an owner enters for the workspace alone: who may, what is stored and shown, and where it is sent."""

import pytest
from cryptography.fernet import Fernet
from django.test import Client
from pytest_django import Settings

from provider.account import UnknownKey, forget_own_keys, get_provider, name_own_key
from provider.keys import enter_own_key, remove_own_key
from provider.models import ProviderKey
from tests.factories import make_member, make_user, make_workspace
from workspaces.models import AuditEntry, Membership, User, Workspace

PAGE, CHANGE = "/settings/provider/", "/settings/provider/own-key/"
INSTALLATION, OWN = "sk-ant-of-the-installation", "sk-ant-of-their-own-wxyz"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _environment(settings: Settings) -> None:
    settings.DEMO, settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = (
        False,
        "http://127.0.0.1:1/v",
        INSTALLATION,
    )
    settings.CLAUDE_NAMED_KEYS = {"research": "sk-ant-of-research"}
    forget_own_keys()


@pytest.fixture
def person() -> User:
    return make_user()


@pytest.fixture
def home(person: User) -> Workspace:
    return person.personal_workspace()


@pytest.fixture
def signed_in(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def used(home: Workspace) -> str:
    home.refresh_from_db()
    forget_own_keys()
    return get_provider(home.provider_key).api_key


def test_an_owner_enters_it_and_removes_it(signed_in: Client, home: Workspace) -> None:
    page = signed_in.post(CHANGE, {"own_key": f" {OWN} "}, follow=True).text
    assert used(home) == OWN
    assert "…wxyz" in page
    assert "http://127.0.0.1:1" in page
    assert OWN not in page
    page = signed_in.post(CHANGE, {"action": "remove"}, follow=True).text
    assert used(home) == INSTALLATION
    assert "…wxyz" not in page
    assert not ProviderKey.objects.exists()
    entries = list(AuditEntry.objects.filter(target_kind="provider"))
    assert [entry.workspace_id for entry in entries] == [home.pk] * 2
    assert "wxyz" not in repr([(entry.target_name, entry.before, entry.after) for entry in entries])


def test_only_an_owner_may(signed_in: Client, person: User) -> None:
    for role in (Membership.Role.EDITOR, Membership.Role.REVIEWER, Membership.Role.VIEWER):
        shared = make_workspace(owner=make_user())
        make_member(workspace=shared, user=person, role=role)
        enter_own_key(workspace=shared, api_key=OWN, by=None)
        page = signed_in.get(PAGE, {"workspace": str(shared.pk)}).text
        assert "Only an owner of this workspace can change it" in page
        assert 'name="own_key"' not in page
        for sent in ({"own_key": OWN}, {"action": "remove"}):
            assert signed_in.post(CHANGE, {**sent, "workspace": str(shared.pk)}).status_code == 403
    elsewhere = make_workspace(owner=make_user())
    assert signed_in.post(CHANGE, {"own_key": OWN, "workspace": str(elsewhere.pk)}).status_code == 404
    assert ProviderKey.objects.count() == 3


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "sk-ä", "x" * 501, "sk\x00"])
def test_a_wrong_key_is_refused_and_not_shown_again(signed_in: Client, key: str) -> None:
    answer = signed_in.post(CHANGE, {"own_key": key})
    assert answer.status_code == 422
    assert "New key: " in answer.text
    assert not key or key not in answer.text
    assert not ProviderKey.objects.exists()


def test_only_the_encrypted_key_is_stored(home: Workspace) -> None:
    enter_own_key(workspace=home, api_key=OWN, by=None)
    stored = ProviderKey.objects.get()
    assert (stored.name, stored.workspace) == (name_own_key(home.pk), home)
    assert OWN not in repr(ProviderKey.objects.values())


def test_the_key_that_the_operator_has_chosen_comes_back(home: Workspace) -> None:
    Workspace.objects.filter(pk=home.pk).update(provider_key="research")
    for key in (OWN, f"{OWN}2"):
        enter_own_key(workspace=home, api_key=key, by=None)
        assert used(home) == key
    assert remove_own_key(workspace=home, by=None)
    assert used(home) == "sk-ant-of-research"
    assert not remove_own_key(workspace=home, by=None)


def test_one_that_the_operator_replaces_is_not_used_and_the_page_says_so(
    signed_in: Client, home: Workspace
) -> None:
    enter_own_key(workspace=home, api_key=OWN, by=None)
    Workspace.objects.filter(pk=home.pk).update(provider_key="research")
    assert used(home) == "sk-ant-of-research"
    assert "the operator has chosen another one" in signed_in.get(PAGE).text
    remove_own_key(workspace=home, by=None)
    assert used(home) == "sk-ant-of-research"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.1:2/v",
        "https://127.0.0.1:1/v",
        "http://127.0.0.1:1.example/v",
        "http://127.0.0.1:1@evil.example/v",
        "http://localhost:1",
        None,
    ],
)
def test_it_is_not_sent_to_another_server(
    signed_in: Client, home: Workspace, settings: Settings, elsewhere: str | None
) -> None:
    enter_own_key(workspace=home, api_key=OWN, by=None)
    settings.CLAUDE_BASE_URL = elsewhere
    with pytest.raises(UnknownKey, match=r"was entered for http://127\.0\.0\.1:1, and"):
        used(home)
    page = signed_in.get(PAGE).text
    assert "So it is not sent" in page
    assert f"…{INSTALLATION[-4:]}" not in page, "the installation does not pay in its place"
    settings.CLAUDE_BASE_URL = "http://127.0.0.1:1/another/path"
    assert used(home) == OWN


def test_one_that_cannot_be_decrypted_is_not_replaced_by_the_installations(
    signed_in: Client, home: Workspace, settings: Settings
) -> None:
    enter_own_key(workspace=home, api_key=OWN, by=None)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(UnknownKey, match="cannot be read"):
        used(home)
    assert "cannot be read" in signed_in.get(PAGE).text


def test_in_demo_mode_none_is_used(signed_in: Client, home: Workspace, settings: Settings) -> None:
    enter_own_key(workspace=home, api_key=OWN, by=None)
    settings.DEMO, settings.CLAUDE_API_KEY = True, "demo"
    assert used(home) == "demo"
    page = signed_in.post(CHANGE, {"own_key": f"{OWN}2"}, follow=True).text
    assert "In demo mode no key is used" in page
    assert signed_in.post(CHANGE, {"action": "remove"}, follow=True).status_code == 200
    assert not ProviderKey.objects.exists()


def test_the_superusers_form_does_not_reach_it(client: Client, home: Workspace) -> None:
    """Who may enter the installation's keys enters none for a workspace, and removes none."""
    client.force_login(make_user(superuser=True))
    enter_own_key(workspace=home, api_key=OWN, by=None)
    name = name_own_key(home.pk)
    page = client.get(PAGE).text
    assert name not in page
    assert client.post("/settings/provider/key/", {"name": name, "api_key": "sk-x"}).status_code == 422
    client.post("/settings/provider/key/", {"name": name, "action": "remove"})
    assert used(home) == OWN
