"""One conversation over the API: what it takes, what it answers, its item. (With a real worker: tests/flows.)"""

import json
import threading
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from batches.actions.jobs import pause
from batches.api import long_poll, single
from batches.api.long_poll import Places
from batches.engine.retry import fail
from batches.models import BatchItem, BatchJob, Worker
from batches.models.states import ItemStatus, JobKind, JobStatus, Reason
from templates_app.models import PromptTemplate
from tests.factories import make_member, make_token, make_user
from tests.support.polling import wait_for
from tests.support.steps import claim_item, file_reply
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
PATH = "/api/conversations/generate"
VALUES = {"topic": "a pension", "persona": "Anxious Investor"}
NOW = {"Prefer": "wait=0"}


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


@pytest.fixture
def template(owner: User) -> PromptTemplate:
    return PromptTemplate.objects.get(workspace=owner.personal_workspace(), name="Emotional arc")


def post(client: Client, body: Any, path: str = PATH, **headers: str) -> Any:
    headers = headers or NOW
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def body_for(template: PromptTemplate, **changes: Any) -> dict[str, Any]:
    return {"templateId": str(template.pk), "parameters": VALUES, **changes}


def test_202_names_the_item_which_then_is_201(
    caller: Client, template: PromptTemplate, worker: Worker
) -> None:
    body = body_for(template, details={"setting": "a bank"}, tier="scenario")
    answer = post(caller, body, **{"Idempotency-Key": "k", **NOW})
    item = BatchItem.objects.select_related("job").get()
    assert (answer.status_code, answer["Location"]) == (202, f"/api/items/{item.pk}")
    assert answer["Preference-Applied"] == "wait=0"
    assert answer.json() == {
        "success": True,
        "status": "queued",
        "itemId": str(item.pk),
        "jobId": str(item.job_id),
    }
    assert (item.job.kind, item.job.total_items, item.job.concurrent_processing) == (JobKind.SINGLE, 1, 1)
    assert (item.tier, item.topic, item.details) == ("scenario", "a pension", {"setting": "a bank"})
    assert item.job.name == "Emotional arc: a pension"
    file_reply(claim_item(item.job, worker))
    again = post(caller, body, **{"Idempotency-Key": "k", **NOW})
    assert (again.status_code, BatchJob.objects.count()) == (201, 1)
    made = again.json()
    assert made["success"] is True
    assert len(made["conversation"]["turns"]) == 8
    assert made["qualityMetrics"] == made["conversation"]["qualityMetrics"]
    assert (made["cost"], made["costUsd"]) == (0.012, "0.012")
    assert again["Location"] == f"/api/conversations/{made['conversation']['id']}"
    shown = caller.get(answer["Location"]).json()
    assert (shown["status"], shown["conversation"]["id"]) == ("completed", made["conversation"]["id"])
    assert shown["requestId"] == "req_test"


def test_a_failure_says_why_and_can_be_tried_again(
    caller: Client, template: PromptTemplate, worker: Worker
) -> None:
    post(caller, body_for(template), **{"Idempotency-Key": "k", **NOW})
    item = BatchItem.objects.select_related("job").get()
    file_reply(claim_item(item.job, worker))
    other = post(caller, body_for(template), **{"Idempotency-Key": "l", **NOW}).json()
    second = BatchItem.objects.select_related("job").get(pk=other["itemId"])
    fail(claim_item(second.job, worker), kind="invalid_request", message="prompt: too odd")
    answer = post(caller, body_for(template), **{"Idempotency-Key": "l", **NOW})
    assert (answer.status_code, answer.json()["code"]) == (502, "invalid_request")
    assert (answer.json()["success"], answer.json()["error"]) == (False, "prompt: too odd")
    retried = post(caller, {}, f"/api/items/{second.pk}/retry", **{"Idempotency-Key": "m"})
    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    second.refresh_from_db()
    assert second.status == ItemStatus.QUEUED


def test_what_stands_still_is_told(caller: Client, template: PromptTemplate, owner: User) -> None:
    post(caller, body_for(template), **{"Idempotency-Key": "k", **NOW})
    pause(BatchJob.objects.get(), by=owner)
    answer = post(caller, body_for(template), **{"Idempotency-Key": "k", **NOW})
    assert (answer.status_code, answer.json()["code"]) == (409, "person")
    BatchJob.objects.update(status=JobStatus.FAILED, reason=Reason.PROVIDER_AUTH, reason_note="bad key")
    answer = post(caller, body_for(template), **{"Idempotency-Key": "k", **NOW})
    assert (answer.status_code, answer.json()["error"]) == (502, "bad key")


def test_use_without_a_kept_reply_is_409(caller: Client, template: PromptTemplate) -> None:
    item_id = post(caller, body_for(template)).json()["itemId"]
    answer = post(caller, {}, f"/api/items/{item_id}/use")
    assert (answer.status_code, answer.json()["code"]) == (409, "stale_state")


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"templateId": "x"}, "templateId"),
        ({"templateId": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}, "templateId"),
        ({"parameters": {}}, "parameters.topic"),
        ({"parameters": {**VALUES, "colour": "red"}}, "parameters.colour"),
        ({"details": {"a:b": "c"}}, "details.a:b"),
        ({"details": {"a": "x" * 5001}}, "details.a"),
        ({"details": {str(n): "x" for n in range(31)}}, "details.details"),
        ({"tier": "best"}, "tier"),
        ({"budgetUSD": 1}, "budgetUSD"),
    ],
)
def test_a_wrong_body_is_named_and_starts_nothing(
    caller: Client, template: PromptTemplate, changes: dict[str, Any], column: str
) -> None:
    answer = post(caller, body_for(template, **changes))
    assert answer.status_code == 400
    assert column in {each["column"] for each in answer.json()["details"]}
    assert not BatchJob.objects.exists()


def test_only_who_may_spend_generates_and_retries(template: PromptTemplate) -> None:
    viewer = make_user()
    client = Client(headers={"authorization": f"Bearer {make_token(user=viewer)}"})
    assert post(client, body_for(template)).status_code == 400, "unknown to a stranger"
    make_member(workspace=template.workspace, user=viewer, role=Membership.Role.REVIEWER)
    assert post(client, body_for(template)).status_code == 403


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("", 60),
        ("wait=5", 5),
        ("wait=600", 60),
        ("respond-async, wait=10", 0),
        ('return=minimal; wait = "7"', 7),
        ("wait=soon", 60),
    ],
)
def test_how_long_it_waits(prefer: str, seconds: float, rf: Any) -> None:
    assert single.read_wait(rf.post(PATH, headers={"Prefer": prefer} if prefer else {})) == seconds


def test_singles_are_no_batches_in_lists(caller: Client, template: PromptTemplate) -> None:
    post(caller, body_for(template))
    assert caller.get("/api/conversations/batch").json()["jobs"] == []


def test_at_most_half_of_the_webs_threads_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert long_poll.PLACES == settings.WEB_THREADS // 2
    monkeypatch.setattr(long_poll, "_look_until", lambda *_: pytest.fail("it waits"))
    monkeypatch.setattr(long_poll, "PLACES_HERE", Places(2))
    user_id = uuid4()
    assert long_poll.PLACES_HERE.take(user_id)
    assert long_poll.PLACES_HERE.take(user_id)
    long_poll.wait_for_item(uuid4(), seconds=60, user_id=user_id)


def test_waiting_places_are_shared_between_users() -> None:
    """One user may have all of them until another comes: then the longest waiting answers at once."""
    places, one, two, three = Places(4), uuid4(), uuid4(), uuid4()
    ones = [places.take(one) for _ in range(4)]
    assert all(ones)
    assert places.take(one) is None, "nobody takes a place from himself"
    twos = [places.take(two), places.take(two)]
    assert [place.given_up.is_set() for place in ones if place] == [True, True, False, False]
    assert all(twos)
    assert places.take(two) is None, "both have two"
    assert places.take(three)
    for place in ones:
        assert place
        places.leave(place)
    assert places.take(two)


def test_whose_place_is_given_to_another_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    places, one = Places(2), uuid4()
    monkeypatch.setattr(long_poll, "PLACES_HERE", places)
    monkeypatch.setattr(long_poll, "_is_settled", lambda _: False)
    waiting = [
        threading.Thread(
            target=long_poll.wait_for_item, args=[uuid4()], kwargs={"seconds": 60, "user_id": one}
        )
        for _ in range(2)
    ]
    for thread in waiting:
        thread.start()
    wait_for(lambda: places.take(one) is None, what="both places are taken")
    assert places.take(uuid4())
    wait_for(lambda: sum(thread.is_alive() for thread in waiting) == 1, what="one of them answers")
    assert places.take(uuid4()) is None
    for place in list(places._taken):
        place.given_up.set()
    for thread in waiting:
        thread.join(10)
        assert not thread.is_alive()
