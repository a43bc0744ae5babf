"""Every single object that can be changed has an ETag, and with `If-Match` nobody's change is overwritten unseen."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from batches.models.states import JobStatus
from tests.factories import (
    make_conversation,
    make_edge_case,
    make_export,
    make_job,
    make_option,
    make_scenario,
    make_template,
    make_token,
)
from workspaces.models import User

pytestmark = pytest.mark.django_db
JSON = "application/json"
# Of each kind: how to make one, its address, and two changes of different people.
KINDS: dict[str, tuple[Callable[[User], Any], str, dict[str, Any], dict[str, Any]]] = {
    "conversation": (
        lambda user: make_conversation(workspace=user.personal_workspace()),
        "/api/conversations/{}",
        {"reviewerNotes": "first"},
        {"reviewAction": "approve"},
    ),
    "template": (
        lambda user: make_template(workspace=user.personal_workspace()),
        "/api/templates/{}",
        {"name": "first"},
        {"name": "second"},
    ),
    "scenario": (
        lambda user: make_scenario(workspace=user.personal_workspace()),
        "/api/scenarios/{}",
        {"topic": "first"},
        {"archived": True},
    ),
    "edge case": (
        lambda user: make_edge_case(workspace=user.personal_workspace()),
        "/api/edge-cases/{}",
        {"topic": "first"},
        {"topic": "second"},
    ),
    "option": (
        lambda user: make_option(workspace=user.personal_workspace()),
        "/api/options/{}",
        {"description": "first"},
        {"description": "second"},
    ),
    "batch": (
        lambda user: make_job(by=user, items=2, status=JobStatus.PROCESSING),
        "/api/conversations/batch/{}",
        {"priority": "high"},
        {"action": "pause"},
    ),
    "rubric": (
        lambda user: user.personal_workspace(),
        "/api/rubric",
        {"version": 1, "criteria": {"accuracy": "first"}},
        {"version": 2, "criteria": {"accuracy": "second"}},
    ),
}


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


def patch(caller: Client, path: str, body: dict[str, Any], etag: str | None) -> Any:
    headers = {} if etag is None else {"if-match": etag}
    return caller.patch(path, body, content_type=JSON, headers=headers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_what_one_has_not_read_is_refused(caller: Client, owner: User, kind: str) -> None:
    make, form, first, second = KINDS[kind]
    path = form.format(make(owner).pk)
    read = caller.get(path)["ETag"]
    assert caller.get(path)["ETag"] == read, "reading changes nothing"
    mine = patch(caller, path, first, read)
    assert mine.status_code == 200, mine.json()
    late = patch(caller, path, second, read)
    assert (late.status_code, late.json()["code"]) == (409, "stale_etag"), late.json()
    again = caller.get(path)["ETag"]
    assert again not in (read, "")
    assert mine["ETag"] == again, "a change answers with the new one"
    assert patch(caller, path, second, again).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("etag", [None, "*"])
def test_whoever_sends_none_changes_it_as_it_is(
    caller: Client, owner: User, kind: str, etag: str | None
) -> None:
    make, form, first, second = KINDS[kind]
    path = form.format(make(owner).pk)
    caller.get(path)  # the rubric's first version
    assert [patch(caller, path, body, etag).status_code for body in (first, second)] == [200, 200]


@pytest.mark.parametrize("kind", ["conversation", "export"])
def test_the_same_for_deletion(caller: Client, owner: User, kind: str) -> None:
    row = (
        make_export(by=owner) if kind == "export" else make_conversation(workspace=owner.personal_workspace())
    )
    path = f"/api/{kind}s/{row.pk}"
    etag = caller.get(path)["ETag"]
    assert caller.delete(path, headers={"if-match": '"old"'}).json()["code"] == "stale_etag"
    assert caller.get(path)["ETag"] == etag
    assert caller.delete(path, headers={"if-match": etag}).status_code == 200


def test_a_refusal_tells_what_the_conversation_is_now(caller: Client, owner: User) -> None:
    row = make_conversation(workspace=owner.personal_workspace())
    late = patch(caller, f"/api/conversations/{row.pk}", {"reviewAction": "approve"}, '"old"')
    assert late.json()["current"] == {
        "id": str(row.pk),
        "version": 1,
        "status": row.status,
        "revision": row.revision,
    }


def test_the_progress_of_a_batch_is_not_in_its_etag(caller: Client, owner: User) -> None:
    job = make_job(by=owner, items=2, status=JobStatus.PROCESSING)
    path = f"/api/conversations/batch/{job.pk}"
    before = caller.get(path)["ETag"]
    type(job).objects.filter(pk=job.pk).update(completed_items=1, successful_items=1)
    assert caller.get(path)["ETag"] == before
