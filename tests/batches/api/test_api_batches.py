"""Status, detail, list and PATCH of batches over the API."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from batches.models import BatchJob
from batches.models.states import ItemStatus, JobStatus, Priority, Reason
from tests.factories import (
    make_conversation,
    make_item,
    make_job,
    make_member,
    make_token,
    make_user,
    make_workspace,
)
from workspaces.models import Membership, User

LIST = "/api/conversations/batch"
DESIGNED = {
    "jobId",
    "status",
    "progress",
    "totalItems",
    "completedItems",
    "failedItems",
    "successfulItems",
    "currentItem",
    "elapsedTime",
    "estimatedTimeRemaining",
    "itemsPerMinute",
    "actualCost",
}
ADDED = {
    "elapsedSeconds",
    "estimatedTimeRemainingSeconds",
    "actualCostUsd",
    "budgetUsd",
    "inFlight",
    "limitedBy",
    "limitedUntil",
    "limitedDetail",
    "stateWord",
    "reason",
    "reasonNote",
    "simulated",
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


def path_of(job: BatchJob, tail: str = "") -> str:
    return f"{LIST}/{job.pk}{tail}"


def patch(client: Client, job: BatchJob, body: Any) -> Any:
    return client.patch(path_of(job), json.dumps(body), content_type="application/json")


def running(user: User, **fields: Any) -> BatchJob:
    """Ten items: six completed within a minute, one failed, one in flight, two queued."""
    start = timezone.now() - timedelta(seconds=75)
    counts = {
        "total_items": 10,
        "completed_items": 6,
        "successful_items": 5,
        "failed_items": 1,
        "in_flight": 1,
    }
    job = make_job(
        by=user,
        status=JobStatus.PROCESSING,
        **{**counts, "started_at": start, "spent": Decimal("0.123456789"), **fields},
    )
    for number in range(6):
        make_item(job=job, status=ItemStatus.COMPLETED, ended_at=start + timedelta(seconds=10 * number))
    make_item(job=job, status=ItemStatus.FAILED, error_kind="timeout", error_message="No answer in time.")
    make_item(job=job, status=ItemStatus.PROCESSING, topic="being written")
    make_item(job=job)
    make_item(job=job)
    return job


# --- status ------------------------------------------------------------------------------------------------


def test_status_has_the_keys_of_the_design_and_exact_numbers_beside(caller: Client, user: User) -> None:
    job = running(user)
    answer = caller.get(path_of(job, "/status")).json()
    assert answer.keys() == {"success"} | DESIGNED | ADDED
    assert answer["jobId"] == str(job.pk)
    assert (answer["status"], answer["stateWord"], answer["progress"]) == ("processing", "processing", 70.0)
    assert (answer["totalItems"], answer["completedItems"], answer["successfulItems"]) == (10, 6, 5)
    assert (answer["failedItems"], answer["inFlight"], answer["currentItem"]) == (1, 1, "being written")
    assert (answer["elapsedTime"], answer["actualCost"]) == ("1 minute", 0.123457)
    assert 74 <= answer["elapsedSeconds"] <= 80
    assert answer["itemsPerMinute"] == pytest.approx(5, abs=1)
    assert answer["estimatedTimeRemainingSeconds"] == pytest.approx(36, abs=8)
    assert (answer["actualCostUsd"], answer["budgetUsd"]) == ("0.123456789", "10")
    assert (answer["reason"], answer["simulated"]) == (None, False)


def test_status_before_anything_has_happened(caller: Client, user: User) -> None:
    answer = caller.get(path_of(make_job(by=user, total_items=3), "/status")).json()
    assert answer["status"] == "queued"
    assert answer["progress"] == 0
    unknown = ("currentItem", "elapsedTime", "elapsedSeconds", "estimatedTimeRemaining", "itemsPerMinute")
    assert [answer[name] for name in unknown] == [None] * len(unknown)


def test_status_tells_why_it_stands_still(caller: Client, user: User) -> None:
    job = make_job(by=user, status=JobStatus.PAUSED, total_items=3, in_flight=1, reason=Reason.BUDGET)
    answer = caller.get(path_of(job, "/status")).json()
    assert (answer["status"], answer["stateWord"], answer["reason"]) == ("paused", "pausing", "budget")


def test_a_job_is_simulated_because_a_reply_said_so(caller: Client, user: User) -> None:
    job = make_job(by=user, total_items=1)
    assert caller.get(path_of(job, "/status")).json()["simulated"] is False
    BatchJob.objects.filter(pk=job.pk).update(
        simulated=True
    )  # as filing does: tests/batches/engine/test_moves.py
    assert caller.get(path_of(job, "/status")).json()["simulated"] is True


def test_status_takes_three_queries_beside_who_is_calling(
    caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job = running(user)
    with django_assert_max_num_queries(2 + 3):
        caller.get(path_of(job, "/status"))


# --- detail and list ---------------------------------------------------------------------------------------


def test_detail_has_a_page_of_items(caller: Client, user: User) -> None:
    job = running(user, name="Mine")
    made = make_conversation(item=job.items.first())
    answer = caller.get(path_of(job), {"limit": 8}).json()
    assert (answer["name"], answer["priority"], answer["total"], answer["page"]) == ("Mine", "normal", 10, 1)
    assert [item["position"] for item in answer["items"]] == list(range(1, 9))
    first, failed = answer["items"][0], answer["items"][6]
    assert first["conversation"]["id"] == str(made.pk)
    assert (first["conversationId"], first["status"]) == (made.conversation_id, "completed")
    assert (failed["errorKind"], failed["errorMessage"]) == ("timeout", "No answer in time.")
    assert failed["conversation"] is None
    rest = caller.get(path_of(job), {"limit": 8, "offset": 8}).json()
    assert ([item["position"] for item in rest["items"]], rest["page"]) == ([9, 10], 2)
    assert caller.get(path_of(job), {"offset": 100}).json()["items"] == []


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "201"), ("limit", "0"), ("offset", "-1"), ("lmit", "1")]
)
def test_detail_refuses_a_bad_page(caller: Client, user: User, name: str, value: str) -> None:
    response = caller.get(path_of(make_job(by=user)), {name: value})
    assert response.status_code == 400
    assert [each["column"] for each in response.json()["details"]] == [name]


def test_detail_queries_do_not_grow_with_the_items(
    caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_job(by=user, items=60)
    for item in job.items.all():
        make_conversation(item=item, turns=0)
    with django_assert_max_num_queries(2 + 7):
        assert len(caller.get(path_of(job)).json()["items"]) == 50


def test_active_jobs_come_by_priority_then_age(caller: Client, user: User) -> None:
    slow = make_job(by=user, name="slow", priority=Priority.LOW)
    old = make_job(by=user, name="old", status=JobStatus.PAUSED)
    new = make_job(by=user, name="new", status=JobStatus.PROCESSING)
    urgent = make_job(by=user, name="urgent", priority=Priority.HIGH)
    make_job(by=user, status=JobStatus.COMPLETED)
    make_job()
    answer = caller.get(LIST, {"status": "active"}).json()
    assert [row["jobId"] for row in answer["jobs"]] == [str(job.pk) for job in (urgent, old, new, slow)]
    assert (answer["total"], answer["page"]) == (4, 1)


def test_all_jobs_come_newest_first(caller: Client, user: User) -> None:
    jobs = [make_job(by=user, name=f"job {number}") for number in range(3)]
    make_job(by=user, status=JobStatus.FAILED)
    rows = caller.get(f"{LIST}?limit=3&status=").json()["jobs"]
    assert [row["name"] for row in rows][1:] == ["job 2", "job 1"]
    assert [row["jobId"] for row in caller.get(f"{LIST}?status=queued&offset=2").json()["jobs"]] == [
        str(jobs[0].pk)
    ]
    assert caller.get(LIST, {"status": "lost"}).status_code == 400


def test_how_many_queries_the_list_takes(
    caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(30):
        make_job(by=user)
    with django_assert_max_num_queries(2 + 4):
        assert len(caller.get(LIST).json()["jobs"]) == 30


# --- pause, resume, cancel ---------------------------------------------------------------------------------


def test_pause_resume_cancel(caller: Client, user: User) -> None:
    job = running(user)
    for action, status in (("pause", "paused"), ("resume", "processing"), ("cancel", "cancelled")):
        for _ in range(2):  # a move already done is no error
            response = patch(caller, job, {"action": action})
            assert (response.status_code, response.json()) == (
                200,
                {"success": True, "jobId": str(job.pk), "status": status},
            )
    assert job.items.filter(status=ItemStatus.CANCELLED).count() == 2


def test_an_impossible_move_is_409_with_the_state(caller: Client, user: User) -> None:
    job = make_job(by=user, status=JobStatus.COMPLETED)
    for action in ("pause", "cancel"):
        response = patch(caller, job, {"action": action})
        assert response.status_code == 409
        assert response.json()["code"] == "stale_state"
        assert response.json()["details"] == [{"row": None, "column": "status", "message": "completed"}]
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ({}, "action"),
        ({"action": "explode"}, "action"),
        ({"action": ["pause"]}, "action"),
        ({"action": "pause", "concurrentProcessing": 3}, "concurrentProcessing"),
        ({"action": "pause", "priority": "high"}, "priority"),
        ({"action": "pause", "budgetUsd": 5}, "budgetUsd"),
        ({"action": "pause", "status": "completed"}, "status"),
        ([], ""),
    ],
)
def test_a_wrong_change_is_named_and_nothing_moves(
    caller: Client, user: User, body: Any, column: str
) -> None:
    job = make_job(by=user)
    response = patch(caller, job, body)
    assert response.status_code == 400
    assert column in {each["column"] for each in response.json()["details"]}
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED


@pytest.mark.parametrize(("role", "status"), [("editor", 200), ("reviewer", 403), ("viewer", 403)])
def test_who_may_see_may_not_always_move(caller: Client, user: User, role: str, status: int) -> None:
    shared = make_workspace()
    make_member(workspace=shared, user=user, role=Membership.Role(role))
    job = make_job(workspace=shared)
    assert caller.get(path_of(job, "/status")).status_code == 200
    assert patch(caller, job, {"action": "pause"}).status_code == status


# --- whose --------------------------------------------------------------------------------------------------


def test_what_is_somebody_elses_answers_like_what_is_not_there(caller: Client) -> None:
    foreign = make_job()
    for tail in ("", "/status"):
        hidden = caller.get(path_of(foreign, tail))
        missing = caller.get(f"{LIST}/{uuid4()}{tail}")
        malformed = caller.get(f"{LIST}/not-an-id{tail}")
        assert [each.status_code for each in (hidden, missing, malformed)] == [404, 404, 404]
        assert hidden.content == missing.content == malformed.content
    assert patch(caller, foreign, {"action": "cancel"}).status_code == 404
    foreign.refresh_from_db()
    assert foreign.status == JobStatus.QUEUED
    assert caller.get(LIST).json()["jobs"] == []
