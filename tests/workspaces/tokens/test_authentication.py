"""Which tokens let a program in, and what a token that is bound to a workspace opens."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from templates_app.models import Option
from tests.factories import make_conversation, make_member, make_token, make_user, make_workspace
from workspaces import tries
from workspaces.members import remove_member
from workspaces.models import ApiToken, Membership, User, Workspace

pytestmark = pytest.mark.django_db
LIST = "/api/conversations"


def call(text: str, address: str = "203.0.113.9") -> Client:
    return Client(headers={"authorization": f"Bearer {text}"}, REMOTE_ADDR=address)


def test_an_expired_token_is_refused_with_its_day(owner: User) -> None:
    caller = call(make_token(user=owner, days=30))
    assert caller.get(LIST).status_code == 200
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = caller.get(LIST)
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    assert "This token expired on " in answer.json()["error"]
    ApiToken.objects.update(expires_at=None)
    assert caller.get(LIST).status_code == 200


@pytest.fixture
def shared(owner: User) -> Workspace:
    return make_workspace(owner=owner)


def test_a_bound_token_sees_and_makes_only_there(owner: User, shared: Workspace) -> None:
    here, elsewhere = make_conversation(workspace=shared), make_conversation(by=owner)
    caller = call(make_token(user=owner, workspace=shared))
    assert [each["id"] for each in caller.get(LIST).json()["conversations"]] == [str(here.pk)]
    assert caller.get(f"{LIST}/{elsewhere.pk}").status_code == 404
    body = {"kind": "tone", "name": "terse"}
    made = caller.post("/api/options", body, content_type="application/json")
    assert made.status_code == 201, made.content
    assert Option.objects.get(name="terse").workspace == shared
    other = {"workspaceId": str(owner.personal_workspace().pk)}
    assert caller.post("/api/exports", other, content_type="application/json").status_code == 404


def test_its_role_there_counts(shared: Workspace) -> None:
    viewer = make_user()
    make_member(workspace=shared, user=viewer, role=Membership.Role.VIEWER)
    caller = call(make_token(user=viewer, workspace=shared))
    body = {"kind": "tone", "name": "terse"}
    assert caller.post("/api/options", body, content_type="application/json").status_code == 403
    assert caller.get(LIST).status_code == 200
    assert caller.get("/api/rubric").status_code == 200


def test_who_is_removed_has_no_token_there_any_more(owner: User, shared: Workspace) -> None:
    member = make_member(workspace=shared)
    bound, free = make_token(user=member.user, workspace=shared), make_token(user=member.user)
    make_conversation(workspace=shared)
    assert call(free).get(LIST).json()["total"] == 1
    remove_member(member, by=owner)
    assert call(bound).get(LIST).status_code == 401
    assert call(free).get(LIST).json()["total"] == 0


def test_guessing_is_refused_by_address_and_a_right_token_is_not(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "MOST_OF_ADDRESS", 2)
    address = f"2001:db8:{owner.pk.hex[:4]}:{owner.pk.hex[4:8]}::1"
    answers = [call(f"lp_wrong{number}", address).get(LIST) for number in range(3)]
    assert [each.status_code for each in answers] == [401, 401, 429]
    assert answers[2].json()["code"] == "throttled"
    assert answers[2]["Retry-After"] == "300"
    assert call(make_token(user=owner), address).get(LIST).status_code == 200
    assert call("lp_wrong", "203.0.113.77").get(LIST).status_code == 401
