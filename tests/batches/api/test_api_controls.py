"""PATCH with other settings or a retry, and the copy of a batch, over the API."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from batches.models import BatchJob
from batches.models.states import ItemStatus, JobStatus, Priority
from tests.factories import make_item, make_job, make_member, make_token, make_user
from tests.support.jobs import start_starter_job
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import Membership, User, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


def patch(client: Client, job: BatchJob, body: Any, **headers: str) -> Any:
    path = f"/api/conversations/batch/{job.pk}"
    return client.patch(path, json.dumps(body), content_type="application/json", headers=headers)


def copy(client: Client, job: BatchJob, body: Any, **headers: str) -> Any:
    path = f"/api/conversations/batch/{job.pk}/duplicate"
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def failed_job(user: User, **fields: Any) -> BatchJob:
    """Completed, with one failure of each of two kinds."""
    counts = {"total_items": 3, "completed_items": 1, "successful_items": 1, "failed_items": 2}
    job = make_job(by=user, status=JobStatus.COMPLETED, **{**counts, **fields})
    make_item(job=job, status=ItemStatus.COMPLETED)
    make_item(job=job, status=ItemStatus.FAILED, error_kind="timeout")
    make_item(job=job, status=ItemStatus.FAILED, error_kind="declined")
    return job


def test_other_settings_while_it_runs(caller: Client, user: User) -> None:
    job = make_job(by=user, items=1, status=JobStatus.PROCESSING)
    answer = patch(caller, job, {"concurrentProcessing": 2, "priority": "high", "budgetUsd": "3.5"})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "jobId": str(job.pk),
            "status": "processing",
            "concurrentProcessing": 2,
            "priority": "high",
            "budgetUsd": "3.5",
        },
    )
    job.refresh_from_db()
    assert (job.concurrent_processing, job.priority, job.budget_usd) == (2, Priority.HIGH, Decimal("3.5"))


def test_a_budget_below_what_is_spent_is_409(caller: Client, user: User) -> None:
    job = make_job(by=user, status=JobStatus.PROCESSING, spent=Decimal("1.5"), reserved=Decimal("0.25"))
    answer = patch(caller, job, {"budgetUsd": 1.7})
    assert (answer.status_code, answer.json()["code"]) == (409, "budget_too_low")
    assert "$1.75" in answer.json()["error"]
    assert answer.json()["details"][0]["column"] == "budgetUsd"


def pause_without_money(user: User) -> BatchJob:
    """Paused by its budget, which does not cover the next call."""
    bring_starter_pack(user.personal_workspace())
    job = start_starter_job(user, limit=2)
    BatchJob.objects.update(status=JobStatus.PAUSED, reason="budget", budget_usd=Decimal("0.02"))
    return job


def test_a_resume_that_would_pause_again_is_409_and_not_200(caller: Client, user: User) -> None:
    job = pause_without_money(user)
    answer = patch(caller, job, {"action": "resume"})
    assert (answer.status_code, answer.json()["code"]) == (409, "budget_too_low")
    assert "Raise it to $" in answer.json()["error"]
    assert answer.json()["details"][0]["column"] == "budgetUsd"
    job.refresh_from_db()
    assert job.status == JobStatus.PAUSED


def test_a_resume_with_a_higher_budget_goes_on(caller: Client, user: User) -> None:
    job = pause_without_money(user)
    answer = patch(caller, job, {"action": "resume", "budgetUsd": "0.75"})
    assert (answer.status_code, answer.json()["status"]) == (200, "processing")
    job.refresh_from_db()
    assert (job.status, job.budget_usd) == (JobStatus.PROCESSING, Decimal("0.75"))


def test_a_resume_in_a_month_without_money_names_the_month(caller: Client, user: User) -> None:
    job = pause_without_money(user)
    Workspace.objects.filter(pk=job.workspace_id).update(monthly_budget_usd=Decimal("0.01"))
    answer = patch(caller, job, {"action": "resume", "budgetUsd": "5"})
    assert (answer.status_code, answer.json()["code"]) == (409, "month_budget")
    assert "Settings, Budget" in answer.json()["error"]


def test_settings_of_what_has_ended_are_409(caller: Client, user: User) -> None:
    answer = patch(caller, make_job(by=user, status=JobStatus.COMPLETED), {"priority": "low"})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_state")


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ({"concurrentProcessing": 99}, "concurrentProcessing"),
        ({"concurrentProcessing": 0}, "concurrentProcessing"),
        ({"priority": "urgent"}, "priority"),
        ({"budgetUsd": -1}, "budgetUsd"),
        ({"errorKind": "timeout"}, "errorKind"),
        ({"action": "retry_failed", "priority": "high"}, "priority"),
        ({"action": "retry_failed", "itemIds": ["x"]}, "itemIds"),
        ({"action": "retry_failed", "itemIds": []}, "itemIds"),
        ({"action": "retry_failed", "errorKind": "timeouts"}, "errorKind"),
        ({"action": "pause", "errorKind": "timeout"}, "errorKind"),
    ],
)
def test_a_wrong_change_is_named(caller: Client, user: User, body: Any, column: str) -> None:
    answer = patch(caller, make_job(by=user), body)
    assert answer.status_code == 400
    assert column in {each["column"].partition(".")[0] for each in answer.json()["details"]}


def test_retry_all_by_kind_and_one(caller: Client, user: User) -> None:
    job = failed_job(user)
    answer = patch(caller, job, {"action": "retry_failed", "errorKind": "timeout"})
    assert answer.json() == {
        "success": True,
        "jobId": str(job.pk),
        "status": "processing",
        "retriedItems": 1,
    }
    last = job.items.get(position=3)
    answer = patch(caller, job, {"action": "retry_failed", "itemIds": [str(last.pk)], "budgetUsd": 99})
    assert answer.json()["retriedItems"] == 1
    job.refresh_from_db()
    assert (job.failed_items, job.budget_usd) == (0, Decimal(99))
    other = failed_job(user)
    assert patch(caller, other, {"action": "retry_failed"}).json()["retriedItems"] == 2


def test_somebody_elses_item_is_not_in_this_batch(caller: Client, user: User) -> None:
    foreign = failed_job(make_user()).items.get(position=2)
    answer = patch(caller, failed_job(user), {"action": "retry_failed", "itemIds": [str(foreign.pk)]})
    assert (answer.status_code, answer.json()["details"][0]["column"]) == (400, "itemIds")
    foreign.refresh_from_db()
    assert foreign.status == ItemStatus.FAILED


def test_a_retry_sent_twice_is_carried_out_once(caller: Client, user: User) -> None:
    job = failed_job(user)
    for _ in range(2):
        answer = patch(caller, job, {"action": "retry_failed"}, **{"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["retriedItems"]) == (200, 2)
        job.items.filter(status=ItemStatus.QUEUED).update(status=ItemStatus.FAILED)
    assert job.items.filter(retried_at__isnull=False).count() == 2


def test_a_copy(caller: Client, user: User) -> None:
    bring_starter_pack(user.personal_workspace())
    job = start_starter_job(user, limit=3)
    body = {"name": "Again", "concurrentProcessing": 2, "priority": "low", "errorHandling": "stop"}
    first = copy(caller, job, body, **{"Idempotency-Key": "k"})
    again = copy(caller, job, body, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.json()["jobId"]) == (202, first.json()["jobId"])
    made = BatchJob.objects.exclude(pk=job.pk).get()
    assert first["Location"] == f"/api/conversations/batch/{made.pk}/status"
    assert (made.name, made.concurrent_processing, made.error_handling) == ("Again", 2, "stop")
    assert (made.priority, made.total_items) == (Priority.LOW, 3)
    refused = copy(caller, job, {"budgetUsd": "0.001"})
    assert (refused.status_code, refused.json()["details"][0]["column"]) == (400, "budgetUsd")


@pytest.mark.parametrize("concurrency", [0, 11, 100_000_000, 2**31, 10**29])
def test_a_copy_has_the_ceiling_of_the_installation(caller: Client, user: User, concurrency: int) -> None:
    """A hundred million made a list of as many places: 874 MB."""
    bring_starter_pack(user.personal_workspace())
    job = start_starter_job(user, limit=3)
    refused = copy(caller, job, {"concurrentProcessing": concurrency})
    assert refused.status_code == 400
    assert refused.json()["details"][0]["column"] == "concurrentProcessing"


def test_who_only_sees_it_changes_and_copies_nothing(caller: Client, user: User) -> None:
    job = failed_job(make_user())
    assert copy(caller, job, {}).status_code == 404
    make_member(workspace=job.workspace, user=user, role=Membership.Role.VIEWER)
    for body in ({"action": "retry_failed"}, {"priority": "high"}):
        assert patch(caller, job, body).status_code == 403
    assert copy(caller, job, {}).status_code == 403
    assert BatchJob.objects.count() == 1
