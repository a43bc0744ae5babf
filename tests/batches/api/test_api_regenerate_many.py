"""POST /api/conversations/bulk with the action `regenerate`."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from batches.models import BatchJob
from conversations.models import Conversation
from tests.factories import (
    make_conversation,
    make_member,
    make_template,
    make_token,
    make_user,
    make_workspace,
)
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
VALUES = {"topic": "a pension", "persona": "Nurse"}
Post = Callable[..., Any]


@pytest.fixture
def post(owner: User) -> Post:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})

    def send(*, headers: dict[str, str] | None = None, **body: Any) -> Any:
        given = {"action": "regenerate", **body}
        return caller.post("/api/conversations/bulk", given, content_type="application/json", headers=headers)

    return send


def make(by: User, **fields: Any) -> Conversation:
    version = make_template(workspace=by.personal_workspace()).versions.get()
    return make_conversation(by=by, template_version=version, parameters=VALUES, topic="a pension", **fields)


def test_by_ids(post: Post, owner: User) -> None:
    rows = [make(owner) for _ in range(2)]
    body = {"ids": [str(row.pk) for row in rows], "instruction": "Shorter.", "concurrentProcessing": 2}
    answer = post(headers={"Idempotency-Key": "once"}, **body)
    said = answer.json()
    assert (answer.status_code, said["totalItems"], said["status"]) == (202, 2, "queued")
    assert answer["Location"].endswith("/status")
    job = BatchJob.objects.get()
    assert {item.regenerates_id for item in job.items.all()} == {row.pk for row in rows}
    assert job.concurrent_processing == 2
    again = post(headers={"Idempotency-Key": "once"}, **body)
    assert again.json()["jobId"] == said["jobId"]
    assert BatchJob.objects.count() == 1


def test_by_filter_with_its_count(post: Post, owner: User) -> None:
    make(owner)
    refused = post(filter={"status": "pending_review"}, count=2)
    assert (refused.status_code, refused.json()["count"]) == (409, 1)
    assert post(filter={"status": "pending_review"}, count=1, action=" Regenerate ").status_code == 202
    assert post(filter={"status": "approved"}, count=0).status_code == 400, "none is chosen"
    assert BatchJob.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["5"]},
        {"ids": ["7f0e5e0e-0000-4000-8000-000000000000"]},
        {"filter": {}},
        {"filter": {"tier": "novel"}, "count": 1},
        {"filter": {}, "count": 1, "reasons": ["leak"]},
        {"filter": {}, "count": 1, "budgetUsd": "-1"},
        {"filter": {}, "count": 1, "concurrentProcessing": 0},
        {"filter": {}, "count": 1, "instruction": "x" * 5001},
    ],
)
def test_what_is_wrong(post: Post, owner: User, body: dict[str, Any]) -> None:
    make(owner)
    assert post(**body).status_code == 400
    assert not BatchJob.objects.exists()


def test_somebody_elses_and_those_one_may_only_read(post: Post, owner: User) -> None:
    foreign = make(make_user())
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role.REVIEWER)
    readable = make_conversation(workspace=shared)
    for row in (foreign, readable):
        answer = post(ids=[str(row.pk)])
        assert answer.status_code == 400
        assert "not yours to change" in answer.content.decode()
    assert not BatchJob.objects.exists()
