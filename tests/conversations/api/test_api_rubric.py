"""The rubric over the API: read by every member, changed by owners, each change a new version."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from conversations.models import Rubric
from tests.factories import make_member, make_token, make_user, make_workspace
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db
RUBRIC = "/api/rubric"


def call(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


def change(user: User, body: Any) -> Any:
    return call(user).patch(RUBRIC, json.dumps(body), content_type="application/json")


def test_the_newest_is_read_and_a_change_is_a_new_version(owner: User) -> None:
    first = call(owner).get(RUBRIC).json()["rubric"]
    assert (first["version"], first["workspaceId"]) == (1, str(owner.personal_workspace().pk))
    made = change(owner, {"version": 1, "criteria": {"accuracy": " Only facts. "}})
    assert made.status_code == 200, made.content
    newest = call(owner).get(RUBRIC).json()["rubric"]
    assert newest == made.json()["rubric"]
    assert newest["version"] == 2
    assert newest["criteria"] == {**first["criteria"], "accuracy": "Only facts."}
    entry = AuditEntry.objects.get(action="change_rubric")
    assert (entry.before, entry.after) == ({"version": 1}, {"version": 2, "changed": "accuracy"})
    assert change(owner, {"version": 2, "criteria": {"accuracy": "Only facts."}}).json()["rubric"] == newest


def test_a_version_that_is_not_the_newest_is_refused(owner: User) -> None:
    change(owner, {"version": 1, "criteria": {"accuracy": "Only facts."}})
    late = change(owner, {"version": 1, "criteria": {"accuracy": "Other facts."}})
    assert (late.status_code, late.json()["code"]) == (409, "stale_revision")
    assert Rubric.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"criteria": {"accuracy": "x"}}, "version"),
        ({"version": "x", "criteria": {"accuracy": "x"}}, "version"),
        ({"version": 1, "criteria": {}}, "criteria"),
        ({"version": 1, "criteria": {"accuracy": " "}}, "accuracy"),
        ({"version": 1, "criteria": {"accuracy": "x" * 2001}}, "2000"),
        ({"version": 1, "criteria": {"beauty": "x"}}, "There is no such dimension"),
        ({"version": 1, "criteria": "x"}, "criteria"),
        ({"version": 1, "criteria": {"accuracy": "x"}, "workspace": "x"}, "not known"),
    ],
)
def test_wrong_words_are_named(owner: User, body: Any, words: str) -> None:
    answer = change(owner, body)
    assert (answer.status_code, words in answer.text) == (400, True), answer.text
    assert not Rubric.objects.filter(version=2).exists()


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 200), ("editor", 403), ("reviewer", 403), ("viewer", 403)]
)
def test_every_member_reads_and_owners_change(owner: User, role: str, status: int) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role(role))
    assert call(owner).get(RUBRIC, {"workspaceId": str(shared.pk)}).status_code == 200
    body = {"workspaceId": str(shared.pk), "version": 1, "criteria": {"accuracy": "Only facts."}}
    assert change(owner, body).status_code == status


def test_anothers_is_as_unknown_as_one_that_is_not_there(owner: User) -> None:
    theirs = make_workspace(owner=make_user())
    for key in (str(theirs.pk), str(uuid4())):
        assert call(owner).get(RUBRIC, {"workspaceId": key}).status_code == 404
        body = {"workspaceId": key, "version": 1, "criteria": {"accuracy": "x"}}
        assert change(owner, body).status_code == 404
    assert call(owner).get(RUBRIC, {"workspaceId": "x"}).status_code == 400
    assert Client().get(RUBRIC).status_code == 401
