"""Regenerate over the API, the versions and the log of a conversation: what they take, what they answer."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from batches.models import BatchItem, BatchJob, Worker
from batches.models.states import JobKind
from conversations import versions
from conversations.models import Conversation
from tests.factories import make_conversation, make_member, make_template, make_token, make_user
from tests.support.replies import make_reply
from tests.support.steps import claim_item, file_reply
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
NOW = {"Prefer": "wait=0"}
VALUES = {"topic": "a pension", "persona": "Nurse"}


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


@pytest.fixture
def first(owner: User) -> Conversation:
    version = make_template(workspace=owner.personal_workspace()).versions.get()
    return make_conversation(by=owner, template_version=version, parameters=VALUES, topic="a pension")


def post(client: Client, found: Conversation, body: Any = None, **headers: str) -> Any:
    path = f"/api/conversations/{found.pk}/regenerate"
    return client.post(
        path, json.dumps(body or {}), content_type="application/json", headers={**NOW, **headers}
    )


def read(client: Client, found: Conversation, part: str) -> Any:
    return client.get(f"/api/conversations/{found.pk}/{part}")


def test_202_then_201_with_the_new_version(caller: Client, first: Conversation, worker: Worker) -> None:
    body = {"instruction": "Shorter.", "parameters": {"persona": "Farmer"}, "details": {"setting": "a bank"}}
    answer = post(caller, first, body, **{"Idempotency-Key": "k"})
    item = BatchItem.objects.select_related("job").get()
    assert (answer.status_code, answer["Location"]) == (202, f"/api/items/{item.pk}")
    assert (item.job.kind, item.instruction, item.details) == (
        JobKind.SINGLE,
        "Shorter.",
        {"setting": "a bank"},
    )
    assert item.parameters == {"topic": "a pension", "persona": "Farmer"}
    first.refresh_from_db()
    assert first.is_head, "not replaced before the new one is there"
    file_reply(claim_item(item.job, worker))
    again = post(caller, first, body, **{"Idempotency-Key": "k"})
    made = again.json()["conversation"]
    assert (again.status_code, BatchJob.objects.count()) == (201, 1)
    assert (made["version"], made["isNewest"], made["parentId"]) == (2, True, str(first.pk))
    assert (made["conversationId"], made["persona"]) == (first.conversation_id, "Farmer")
    assert caller.get(f"/api/conversations/{first.pk}").json()["status"] == "archived"


def test_an_empty_body_takes_everything_from_the_conversation(caller: Client, first: Conversation) -> None:
    assert post(caller, first).status_code == 202
    item = BatchItem.objects.get()
    assert (item.parameters, item.topic, item.template_version) == (
        VALUES,
        "a pension",
        first.template_version,
    )
    assert (item.tier, item.from_turn, item.instruction) == (first.tier, None, "")


def test_from_turn_one_is_the_whole_conversation(caller: Client, first: Conversation) -> None:
    assert post(caller, first, {"fromTurn": 1}).status_code == 202
    assert BatchItem.objects.get().from_turn is None


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ({"fromTurn": 0}, "fromTurn"),
        ({"fromTurn": 5}, "fromTurn"),
        ({"fromTurn": "x"}, "fromTurn"),
        ({"instruction": "x" * 5001}, "instruction"),
        ({"instruction": "a\x00b"}, "instruction"),
        ({"templateId": "x"}, "templateId"),
        ({"templateId": str(uuid4())}, "templateId"),
        ({"parameters": {"colour": "red"}}, "parameters.colour"),
        ({"parameters": {"topic": None}}, "parameters.topic"),
        ({"details": {"-": "x"}}, "details.-"),
        ({"instructions": "x"}, "instructions"),
    ],
)
def test_wrong_words_name_their_field(caller: Client, first: Conversation, body: Any, column: str) -> None:
    answer = post(caller, first, body)
    assert answer.status_code == 400, answer.json()
    assert column in [each["column"] for each in answer.json()["details"]], answer.json()
    assert not BatchJob.objects.exists()


def test_a_template_of_another_workspace_is_refused(caller: Client, first: Conversation, owner: User) -> None:
    other = make_user()
    make_member(user=owner, workspace=other.personal_workspace(), role=Membership.Role.EDITOR)
    foreign = make_template(workspace=other.personal_workspace())
    answer = post(caller, first, {"templateId": str(foreign.pk)})
    assert (answer.status_code, answer.json()["details"][0]["column"]) == (400, "templateId")


def test_what_has_no_text_or_no_template_is_refused(caller: Client, owner: User) -> None:
    version = make_template(workspace=owner.personal_workspace()).versions.get()
    empty = make_conversation(by=owner, template_version=version, parameters=VALUES, turns=0)
    bare = make_conversation(by=owner, parameters=VALUES, template_version=None)
    assert "has no text yet" in str(post(caller, empty).json())
    assert "Choose one" in str(post(caller, bare).json())


def test_a_superseded_version_is_409(caller: Client, first: Conversation, owner: User) -> None:
    versions.edit(first, {1: "Hello?"}, by=owner)
    answer = post(caller, first)
    assert (answer.status_code, answer.json()["code"]) == (409, "superseded")
    assert not BatchJob.objects.exists()


def test_others_rows_are_not_there(caller: Client, first: Conversation, owner: User) -> None:
    theirs = make_conversation()
    for answer in (post(caller, theirs), read(caller, theirs, "versions"), read(caller, theirs, "logs")):
        assert answer.status_code == 404
    viewer = make_user()
    make_member(user=viewer, workspace=owner.personal_workspace(), role=Membership.Role.VIEWER)
    seen = Client(headers={"authorization": f"Bearer {make_token(user=viewer)}"})
    assert post(seen, first).status_code == 403
    assert read(seen, first, "versions").status_code == 200


def test_versions_are_listed_oldest_first(caller: Client, first: Conversation, owner: User) -> None:
    first.approve(by=owner)
    second = versions.edit(first, {1: "Hello?"}, by=owner, note="Politer")
    for asked in (first, second):
        old, new = read(caller, asked, "versions").json()["versions"]
        assert (old["version"], old["isNewest"], old["statusBeforeArchive"]) == (1, False, "approved")
        assert (new["id"], new["isNewest"], new["source"]) == (str(second.pk), True, "edited")
        assert (new["changeNote"], new["createdBy"]) == ("Politer", owner.username)


def test_the_log_has_the_attempts_of_all_versions(
    caller: Client, first: Conversation, worker: Worker
) -> None:
    post(caller, first)
    job = BatchJob.objects.get()
    file_reply(claim_item(job, worker), make_reply(text="no conversation"))
    BatchItem.objects.update(run_after=None)
    file_reply(claim_item(job, worker))
    newest = Conversation.objects.heads().get()
    for asked in (first, newest):
        found = read(caller, asked, "logs").json()
        assert [each["state"] for each in found["logs"]] == ["succeeded", "unusable"]
        assert (found["logs"][0]["conversationId"], found["total"]) == (str(newest.pk), 2)
