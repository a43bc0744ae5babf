"""GET /api/background-jobs, one job, and its cancelling: what they answer, and to whom."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from background.models import BackgroundJob
from background.states import JobState
from tests.factories import make_background_job, make_member, make_token, make_user, make_workspace
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
LIST = "/api/background-jobs"


def make_caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


@pytest.fixture
def caller(owner: User) -> Client:
    return make_caller(owner)


def test_the_list(caller: Client, owner: User, django_assert_max_num_queries: Any) -> None:
    first = make_background_job(by=owner, name="First")
    second = make_background_job(by=owner, kind="bulk", status=JobState.COMPLETED, done=3, total=4)
    make_background_job(name="Somebody else's")
    with django_assert_max_num_queries(6):
        said = caller.get(LIST).json()
    assert (said["total"], [each["id"] for each in said["backgroundJobs"]]) == (
        2,
        [str(second.pk), str(first.pk)],
    )
    for query, found in (("?status=queued", first), ("?kind=bulk", second), ("?limit=1&offset=1", first)):
        (only,) = caller.get(LIST + query).json()["backgroundJobs"]
        assert only["id"] == str(found.pk)


@pytest.mark.parametrize("query", ["?status=lost", "?limit=0", "?limit=many", "?state=queued"])
def test_a_wrong_query_is_named(caller: Client, query: str) -> None:
    assert caller.get(LIST + query).status_code == 400


def test_one_job(caller: Client, owner: User) -> None:
    job = make_background_job(
        by=owner, status=JobState.FAILED, done=1, total=4, error="It broke off.", result={"changed_scores": 1}
    )
    said = caller.get(f"{LIST}/{job.pk}").json()["backgroundJob"]
    assert said["result"] == {"changedScores": 1}
    assert (said["status"], said["done"], said["total"], said["percent"]) == ("failed", 1, 4, 25)
    assert (said["error"], said["createdBy"], said["cancelAsked"]) == ("It broke off.", "owner", False)
    assert said["workspaceId"] == str(owner.personal_workspace().pk)


def test_cancel(caller: Client, owner: User) -> None:
    job = make_background_job(by=owner)
    for _ in range(2):
        answer = caller.post(f"{LIST}/{job.pk}/cancel")
        assert (answer.status_code, answer.json()["backgroundJob"]["status"]) == (200, "cancelled")
    ended = make_background_job(by=owner, status=JobState.COMPLETED)
    refused = caller.post(f"{LIST}/{ended.pk}/cancel")
    assert (refused.status_code, refused.json()["error"]) == (
        409,
        "This background job is completed: it cannot be cancelled.",
    )


@pytest.mark.parametrize("path", ["", "/cancel"])
@pytest.mark.parametrize("key", ["5", "not-an-id", "7f0e5e0e-0000-4000-8000-000000000000"])
def test_a_wrong_id(caller: Client, key: str, path: str) -> None:
    ask = caller.post if path else caller.get
    assert ask(f"{LIST}/{key}{path}").status_code == 404


def test_somebody_elses(caller: Client) -> None:
    job = make_background_job(by=make_user())
    hidden, missing = caller.get(f"{LIST}/{job.pk}"), caller.get(f"{LIST}/{uuid4()}")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json() == missing.json()
    assert caller.post(f"{LIST}/{job.pk}/cancel").status_code == 404
    assert BackgroundJob.objects.get().status == JobState.QUEUED


def test_who_may_cancel(owner: User) -> None:
    """Whoever started it, and the workspace's editors."""
    shared = make_workspace(owner=owner)
    roles = (Membership.Role.VIEWER, Membership.Role.REVIEWER, Membership.Role.EDITOR)
    viewer, reviewer, editor = (make_member(workspace=shared, role=role).user for role in roles)
    jobs = [make_background_job(workspace=shared, by=by) for by in (owner, reviewer, owner)]
    answers = [
        make_caller(person).post(f"{LIST}/{job.pk}/cancel").status_code
        for person, job in zip((viewer, reviewer, editor), jobs, strict=True)
    ]
    assert answers == [403, 200, 200]
    assert make_caller(viewer).get(f"{LIST}/{jobs[0].pk}").status_code == 200


def test_nobody_signed_in() -> None:
    assert Client().get(LIST).status_code == 401
