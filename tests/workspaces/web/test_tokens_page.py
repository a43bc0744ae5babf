"""Settings, Tokens: a person's own API tokens."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.factories import make_token, make_user, make_workspace
from workspaces import actions
from workspaces.models import ApiToken, AuditEntry, User
from workspaces.states import Scope

pytestmark = pytest.mark.django_db
PAGE = "/settings/tokens/"
NEW = {"name": "nightly", "scope": "run", "workspace": "", "days": "365"}


def test_a_token_is_shown_once_and_works(signed_in: Client, owner: User) -> None:
    text = signed_in.post(PAGE, NEW).context["made"]
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.scope, token.workspace) == (owner, "nightly", Scope.RUN, None)
    assert token.expires_at is not None
    assert timedelta(days=364) < token.expires_at - timezone.now() < timedelta(days=366)
    page = signed_in.get(PAGE).text
    assert text not in page
    assert token.token_hash not in page
    assert "nightly" in page
    caller = Client(headers={"authorization": f"Bearer {text}"})
    assert caller.get("/api/conversations").status_code == 200
    entry = AuditEntry.objects.get(target_kind="api_token")
    assert text not in str(entry.after)
    assert entry.after["scope"] == "run"


def test_it_may_be_bound_and_never_expire(signed_in: Client, owner: User) -> None:
    shared = make_workspace(owner=owner)
    signed_in.post(PAGE, {**NEW, "workspace": str(shared.pk), "days": "", "scope": "read"})
    token = ApiToken.objects.get()
    assert (token.workspace, token.expires_at, token.scope) == (shared, None, Scope.READ)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "say what will use the token"),
        ({"scope": ""}, "choose what the token may do"),
        ({"scope": "root"}, "Scope:"),
        ({"workspace": "7f0e5e0e-0000-4000-8000-000000000000"}, "choose one of your workspaces"),
        ({"workspace": "none"}, "Workspace:"),
        ({"days": "9999"}, "Works for:"),
    ],
)
def test_what_cannot_be_a_token_is_named(signed_in: Client, given: dict[str, str], words: str) -> None:
    answer = signed_in.post(PAGE, {**NEW, **given})
    assert (answer.status_code, words in answer.text) == (422, True)
    assert not ApiToken.objects.exists()


def test_a_foreign_workspace_is_answered_like_none(signed_in: Client) -> None:
    foreign = make_workspace(owner=make_user())
    assert signed_in.post(PAGE, {**NEW, "workspace": str(foreign.pk)}).status_code == 422


def test_revoking_is_for_ones_own(signed_in: Client, owner: User) -> None:
    mine, theirs = make_token(user=owner, name="mine"), make_token(user=make_user(), name="theirs")
    assert "theirs" not in signed_in.get(PAGE).text
    other = ApiToken.objects.get(name="theirs")
    assert signed_in.post(f"{PAGE}{other.pk}/revoke/").status_code == 404
    token = ApiToken.objects.get(name="mine")
    assert "is revoked" in signed_in.post(f"{PAGE}{token.pk}/revoke/", follow=True).text
    assert "mine" not in signed_in.get(PAGE).text.replace("mine-", "")
    call: Any = lambda text: Client(headers={"authorization": f"Bearer {text}"}).get("/api/conversations")  # noqa: E731
    assert (call(mine).status_code, call(theirs).status_code) == (401, 200)


def test_an_expired_one_is_marked(signed_in: Client, owner: User) -> None:
    make_token(user=owner)
    assert "Expired" not in signed_in.get(PAGE).text
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "Expired" in signed_in.get(PAGE).text


def test_a_person_has_so_many(signed_in: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_TOKENS", 1)
    make_token(user=owner)
    answer = signed_in.post(PAGE, NEW)
    assert (answer.status_code, "There are 1 tokens already" in answer.text) == (422, True)
