"""What the API of conversations leaves to background jobs: decisions about many, and scoring again."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from background.models import BackgroundJob
from conversations.jobs import bulk
from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_member, make_token, make_user, make_workspace
from tests.support.background import run_open_jobs
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
Post = Callable[..., Any]


@pytest.fixture
def post(owner: User) -> Post:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    return lambda path, **body: caller.post(
        f"/api/conversations/{path}", body, content_type="application/json"
    )


def test_decisions_about_many_are_a_job(post: Post, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_IN_REQUEST", 1)
    ids = [str(make_conversation(by=owner).pk) for _ in range(2)]
    for body in ({"ids": ids}, {"filter": {"status": "pending_review"}, "count": 2}):
        answer = post("bulk", action="approve", **body)
        job = answer.json()["backgroundJob"]
        assert (answer.status_code, job["kind"], job["total"]) == (202, "bulk", 2)
        assert answer["Location"] == f"/api/background-jobs/{job['id']}"
    changed = post("bulk", action="approve", filter={}, count=3)
    assert (changed.status_code, changed.json()["count"]) == (409, 2)
    run_open_jobs()
    assert set(Conversation.objects.values_list("status", "revision")) == {("approved", 1)}


def test_those_of_two_workspaces_are_named(post: Post, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_IN_REQUEST", 1)
    make_conversation(by=owner)
    make_conversation(workspace=make_workspace(owner=owner))
    answer = post("bulk", action="approve", filter={}, count=2)
    assert answer.status_code == 400
    assert "of one workspace" in answer.content.decode()


def test_score_all_again(post: Post, owner: User) -> None:
    row = make_conversation(
        by=owner, status=Status.GENERATED, turns=["Hi", "I'm sorry, but I can't help with that."]
    )
    make_conversation()
    answer = post("rescore")
    assert (answer.status_code, answer.json()["backgroundJob"]["total"]) == (202, 1)
    run_open_jobs()
    row.refresh_from_db()
    assert row.flags


def test_score_some_again(post: Post, owner: User) -> None:
    shared = make_workspace(owner=owner)
    ids = [
        str(make_conversation(workspace=place).pk) for place in (shared, shared, owner.personal_workspace())
    ]
    bodies: list[tuple[dict[str, Any], int]] = [
        ({"ids": ids[:1]}, 1),
        ({"ids": ids}, 2),
        ({"filter": {"status": "pending_review"}}, 2),
        ({"filter": {"status": ["approved"]}}, 0),
        ({}, 2),
    ]
    for body, total in bodies:
        answer = post("rescore", workspaceId=str(shared.pk), **body)
        assert (answer.status_code, answer.json()["backgroundJob"]["total"]) == (202, total)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ids": []}, 400),
        ({"ids": ["5"]}, 400),
        ({"ids": [str(uuid4())], "filter": {}}, 400),
        ({"filter": {"tier": "novel"}}, 400),
        ({"workspaceId": "mine"}, 400),
        ({"workspace": "mine"}, 400),
        ({"workspaceId": "7f0e5e0e-0000-4000-8000-000000000000"}, 404),
    ],
)
def test_what_is_wrong(post: Post, body: dict[str, Any], status: int) -> None:
    assert post("rescore", **body).status_code == status
    assert not BackgroundJob.objects.exists()


def test_who_may_not(post: Post, owner: User) -> None:
    foreign = make_workspace(owner=make_user())
    assert post("rescore", workspaceId=str(foreign.pk)).status_code == 404
    make_member(workspace=foreign, user=owner, role=Membership.Role.REVIEWER)
    assert post("rescore", workspaceId=str(foreign.pk)).status_code == 403
