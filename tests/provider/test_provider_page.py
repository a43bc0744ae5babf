"""Settings, Provider: what is in use, without the key, and the check."""

import pytest
from django.test import Client
from pytest_django import Settings

from provider.account import compute_fingerprint, get_provider
from provider.models import Finding
from tests.factories import make_member, make_user, make_workspace
from tests.provider.test_check import KEY, server
from tests.support.simulator import RunningSimulator
from workspaces.models import Membership, User

__all__ = ["server"]
pytestmark = pytest.mark.django_db
PAGE = "/settings/provider/"


@pytest.fixture
def person() -> User:
    return make_user()


@pytest.fixture
def signed_in(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def test_before_the_first_check_it_says_so(signed_in: Client) -> None:
    page = signed_in.get(PAGE).content.decode()
    assert "Not checked yet" in page
    assert "Test now" in page


def test_a_check_is_kept_and_shown(signed_in: Client, person: User, server: RunningSimulator) -> None:
    response = signed_in.post(PAGE, follow=True)
    page = response.content.decode()
    assert response.redirect_chain
    assert "Everything that a batch needs works." in page
    assert "counts the tokens of a prompt" in page
    assert "…wxyz" in page
    assert KEY not in page
    assert Finding.objects.get().created_by == person
    server.options(counts_tokens=False)
    page = signed_in.post(PAGE, follow=True).content.decode()
    assert "estimates go by characters" in page
    assert "Last checks of this server" in page


def test_a_failed_check_says_why(signed_in: Client, settings: Settings) -> None:
    settings.DEMO, settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = False, "http://127.0.0.1:1", KEY
    page = signed_in.post(PAGE, follow=True).content.decode()
    assert "A batch would fail. This page shows the reason." in page
    assert "No connection to the provider" in page
    assert "Does not work" in page


def test_in_demo_mode_only_our_simulator_is_asked(signed_in: Client, settings: Settings) -> None:
    settings.DEMO, settings.CLAUDE_BASE_URL = True, None
    assert "none is running" in signed_in.post(PAGE, follow=True).content.decode()
    assert not Finding.objects.exists()


def test_who_may_not_start_batches_may_not_test(signed_in: Client, person: User) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=person, role=Membership.Role.REVIEWER)
    page = signed_in.get(PAGE, {"workspace": str(shared.pk)})
    assert "Only an owner or editor" in page.content.decode()
    assert signed_in.post(PAGE, {"workspace": shared.pk}).status_code == 403
    assert signed_in.post(PAGE, {"workspace": make_workspace().pk}).status_code == 404
    assert not Finding.objects.exists()


def test_it_takes_a_post_with_its_token() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user())
    assert strict.post(PAGE).status_code == 403


def test_what_another_server_was_found_to_do_is_not_shown(signed_in: Client) -> None:
    Finding.objects.create(fingerprint="another", model="m", works=True, report={"lines": []})
    assert "Not checked yet" in signed_in.get(PAGE).content.decode()


def test_a_short_key_is_not_shown_at_all(signed_in: Client, settings: Settings) -> None:
    settings.CLAUDE_API_KEY = "zweiundvier"
    assert "vier" not in signed_in.get(PAGE).content.decode()


# --- a workspace with a key of its own ----------------------------------------------------------------


def test_the_workspaces_own_key_is_checked_and_shown(
    signed_in: Client, person: User, server: RunningSimulator, settings: Settings
) -> None:
    settings.CLAUDE_NAMED_KEYS = {"research": "sk-ant-of-research-abcd"}
    workspace = person.personal_workspace()
    workspace.provider_key = "research"
    workspace.save()
    page = signed_in.post(PAGE, follow=True).content.decode()
    assert "Everything that a batch needs works." in page
    assert "…abcd" in page
    assert "…wxyz" not in page
    assert Finding.objects.get().fingerprint == compute_fingerprint(get_provider("research"))
    assert "sk-ant-of-research-abcd" not in page


def test_a_key_that_is_not_set_here_is_named_with_what_to_do(
    signed_in: Client, person: User, server: RunningSimulator
) -> None:
    workspace = person.personal_workspace()
    workspace.provider_key = "research"
    workspace.save()
    assert "ANTHROPIC_API_KEY_RESEARCH is not set" in signed_in.get(PAGE).content.decode()
    page = signed_in.post(PAGE, follow=True).content.decode()
    assert "ANTHROPIC_API_KEY_RESEARCH is not set" in page
    assert not Finding.objects.exists()
