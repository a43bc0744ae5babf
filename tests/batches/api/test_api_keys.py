"""The header Idempotency-Key: it belongs to one request of one person, and never leads to another request's job."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from batches.models import BatchItem, BatchJob, PaidRequest
from batches.models.states import ItemStatus, JobStatus
from tests.factories import (
    make_item,
    make_job,
    make_member,
    make_template,
    make_token,
    make_user,
    make_workspace,
)
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
START = "/api/conversations/generate-batch"
SINGLE = "/api/conversations/generate"
BODY = {"name": "n", "tier": "edge_case"}
Send = Callable[..., Any]


@pytest.fixture
def user(owner: User, starter_pack: None) -> User:
    return owner


@pytest.fixture
def send(user: User) -> Send:
    return sender(user)


def sender(user: User) -> Send:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=user)}"})

    def send(path: str, body: Any, *, method: str = "post", key: str = "k") -> Any:
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"Idempotency-Key": key, "Prefer": "wait=0"}
        return getattr(caller, method)(path, text, content_type="application/json", headers=headers)

    return send


def failed_job(user: User) -> BatchJob:
    job = make_job(by=user, status=JobStatus.COMPLETED, total_items=2, failed_items=2)
    for _ in range(2):
        make_item(job=job, status=ItemStatus.FAILED, error_kind="timeout")
    return job


def check_refused(answer: Any, words: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["success"], body["code"]) == (409, False, "idempotency_key_used")
    assert words in body["error"]
    assert [each["column"] for each in body["details"]] == ["Idempotency-Key"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (START, BODY),
        (f"{START}/", BODY),
        (START, '{ "tier": "edge_case",  "name": "n" }'),
    ],
)
def test_the_same_request_gives_the_same_job(send: Send, path: str, body: Any) -> None:
    """A slash at the end, white space and the order of the fields make no other request."""
    first, again = send(START, BODY), send(path, body)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert BatchJob.objects.count() == 1


@pytest.mark.parametrize(
    "body", [{**BODY, "seed": 1}, {**BODY, "budgetUsd": "9"}, {"name": "n"}, {"colour": 1}]
)
def test_another_body_is_refused(send: Send, body: dict[str, Any]) -> None:
    assert send(START, BODY).status_code == 202
    check_refused(send(START, body), "another body")
    assert BatchJob.objects.count() == 1


def test_another_address_is_refused(send: Send, user: User) -> None:
    job, other = failed_job(user), failed_job(user)
    item = job.items.first()
    assert item is not None
    assert send(START, BODY).status_code == 202
    template = make_template(workspace=user.personal_workspace())
    wrong = [
        send(SINGLE, {"templateId": str(template.pk), "parameters": {"topic": "x"}}),
        send(f"/api/conversations/batch/{other.pk}/duplicate", {}),
        send(f"/api/conversations/batch/{job.pk}", {"action": "retry_failed"}, method="patch"),
        send(f"/api/conversations/batch/{job.pk}", {"action": "cancel"}, method="patch"),
        send(f"/api/conversations/batch/{job.pk}", {"priority": "high"}, method="patch"),
        send(f"/api/items/{item.pk}/retry", {}),
        send(f"/api/items/{item.pk}/use", {}),
    ]
    for answer in wrong:
        check_refused(answer, f"another request (POST {START})")
    assert BatchJob.objects.count() == 3
    assert not BatchItem.objects.exclude(retried_at=None).exists()


def test_the_key_of_a_retry_starts_nothing_and_retries_nothing_else(send: Send, user: User) -> None:
    job, other = failed_job(user), failed_job(user)
    path = f"/api/conversations/batch/{job.pk}"
    first = send(path, {"action": "retry_failed"}, method="patch")
    again = send(path, {"action": "retry_failed"}, method="patch")
    assert (first.json()["retriedItems"], again.json()["retriedItems"]) == (2, 2)
    check_refused(send(START, BODY), f"another request (PATCH {path})")
    check_refused(
        send(path, {"action": "retry_failed", "errorKind": "timeout"}, method="patch"), "another body"
    )
    check_refused(send(path, {"action": "pause"}, method="patch"), "another body")
    elsewhere = send(f"/api/conversations/batch/{other.pk}", {"action": "retry_failed"}, method="patch")
    check_refused(elsewhere, f"another request (PATCH {path})")
    assert other.items.filter(status=ItemStatus.FAILED).count() == 2


def test_the_key_of_one_items_retry_is_not_anothers(send: Send, user: User) -> None:
    one, other = failed_job(user).items.order_by("position")
    assert send(f"/api/items/{one.pk}/retry", {}).status_code == 202
    assert send(f"/api/items/{one.pk}/retry", {}).status_code == 202
    check_refused(send(f"/api/items/{other.pk}/retry", {}), "another request")
    other.refresh_from_db()
    assert other.status == ItemStatus.FAILED


def test_the_key_of_one_conversation_is_bound_to_its_values(send: Send, user: User) -> None:
    template = make_template(workspace=user.personal_workspace())
    body = {"templateId": str(template.pk), "parameters": {"topic": "x", "persona": "p", "emotion": "e"}}
    first, again = send(SINGLE, body), send(SINGLE, body)
    assert (first.status_code, again.json()["itemId"]) == (202, first.json()["itemId"])
    check_refused(send(SINGLE, {**body, "tier": "scenario"}), "another body")
    check_refused(send(START, BODY), "another request")


@pytest.mark.parametrize("kind", ["start", "draft", "single", "copy", "retry", "item"])
def test_the_keys_of_a_removed_editor_lead_nowhere(user: User, kind: str) -> None:
    """Whatever was sent with a key: with the same body, and with another one, it is not there any more."""
    place = make_workspace(owner=make_user())
    make_member(user=user, workspace=place, role=Membership.Role.EDITOR)
    send, template = sender(user), make_template(workspace=place)
    job = make_job(workspace=place, by=user, status=JobStatus.COMPLETED, total_items=2, failed_items=2)
    item = make_item(job=job, status=ItemStatus.FAILED, error_kind="timeout")
    listed = {"name": "n", "templateId": str(template.pk), "items": [{"topic": "a", "parameters": {}}]}
    path, body, method = {
        "start": (START, listed, "post"),
        "draft": (START, {**listed, "draft": True}, "post"),
        "single": (SINGLE, {"templateId": str(template.pk), "parameters": {"topic": "x"}}, "post"),
        "copy": (f"/api/conversations/batch/{job.pk}/duplicate", {}, "post"),
        "retry": (f"/api/conversations/batch/{job.pk}", {"action": "retry_failed"}, "patch"),
        "item": (f"/api/items/{item.pk}/retry", {}, "post"),
    }[kind]
    first = send(path, body, method=method)
    assert first.status_code in (200, 201, 202), first.json()
    made = BatchJob.objects.count()
    Membership.objects.filter(user=user, workspace=place).delete()
    for again in (send(path, body, method=method), send(path, {}, method=method), send(START, BODY)):
        assert (again.status_code, again.json()["code"]) == (404, "not_found")
        assert str(job.pk) not in again.content.decode()
    assert BatchJob.objects.count() == made


def test_what_one_may_no_longer_see_is_not_there(user: User) -> None:
    place = make_workspace(owner=make_user())
    bring_starter_pack(place)
    make_member(user=user, workspace=place, role=Membership.Role.EDITOR)
    send = sender(user)
    template = make_template(workspace=place)
    body = {"name": "n", "templateId": str(template.pk), "items": [{"topic": "a", "parameters": {}}]}
    first = send(START, body)
    assert first.status_code == 202, first.json()
    Membership.objects.filter(user=user, workspace=place).update(role=Membership.Role.VIEWER)
    assert send(START, body).json()["jobId"] == first.json()["jobId"], (
        "whoever may see it is told of it again"
    )
    Membership.objects.filter(user=user, workspace=place).delete()
    gone = send(START, body)
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
    assert first.json()["jobId"] not in gone.content.decode()
    assert send(START, BODY).status_code == 404, "nor does the key lead to anything else"
    assert BatchJob.objects.count() == 1


def test_the_same_key_of_two_people_is_two_keys(send: Send, user: User) -> None:
    other = make_user()
    bring_starter_pack(other.personal_workspace())
    jobs = {each(START, BODY).json()["jobId"] for each in (send, sender(other))}
    assert len(jobs) == 2


def test_a_refused_request_uses_no_key(send: Send) -> None:
    assert send(START, {"name": "n", "tags": []}).status_code == 400
    assert not PaidRequest.objects.exists()
    assert send(START, BODY).status_code == 202


@pytest.mark.django_db(transaction=True)
def test_at_the_same_moment_one_is_carried_out(owner: User, starter_pack: None) -> None:
    """Four requests with one key, two of each body: one job, and no answer that belongs to the other body."""
    together, answers = threading.Barrier(4), []

    def start(body: dict[str, Any]) -> None:
        send = sender(owner)
        together.wait(20)
        answers.append((body["name"], send(START, body)))
        connection.close()

    bodies = [{**BODY, "name": name} for name in ("a", "a", "b", "b")]
    threads = [threading.Thread(target=start, args=[body]) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    job = BatchJob.objects.get()
    outcomes = sorted((name, answer.status_code) for name, answer in answers)
    won, lost = (job.name, 202), ("b" if job.name == "a" else "a", 409)
    assert outcomes == sorted([won, won, lost, lost])


@pytest.mark.django_db(transaction=True)
def test_fifty_at_the_same_moment_make_one_job(owner: User) -> None:
    """The same request fifty times, each with a connection of its own: one job, and fifty equal answers."""
    template = make_template(workspace=owner.personal_workspace())
    body = {"name": "n", "templateId": str(template.pk), "items": [{"topic": "a"}], "budgetUsd": "5"}
    token, together, answers = make_token(user=owner), threading.Barrier(50), []

    def start() -> None:
        caller = Client(headers={"authorization": f"Bearer {token}", "idempotency-key": "once"})
        together.wait(30)
        answer = caller.post(START, body, content_type="application/json")
        answers.append((answer.status_code, answer["Location"], answer.content))
        connection.close()

    threads = [threading.Thread(target=start) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 50
    assert {status for status, _, _ in answers} == {202}
    assert len(set(answers)) == 1
    assert BatchJob.objects.count() == PaidRequest.objects.count() == 1
    assert BatchItem.objects.count() == 1
