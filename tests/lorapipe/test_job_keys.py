"""The Idempotency-Key of requests that start background jobs: each is carried out once, and answered alike."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from background.models import BackgroundJob, JobRequest
from conversations.jobs import bulk
from conversations.states import Status
from exports.models import Export, ImportedFile
from tests.factories import make_conversation, make_member, make_token, make_workspace
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
TALK = (
    '{"messages": [{"role": "user", "content": "Can I retire?"}, {"role": "assistant", "content": "Yes."}]}'
)
EXPORT, RESCORE, IMPORT, BULK = (
    "/api/exports",
    "/api/conversations/rescore",
    "/api/imports",
    "/api/conversations/bulk",
)


def sender(user: User, key: str) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}", "idempotency-key": key})


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def list_starts(owner: User, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    monkeypatch.setattr(bulk, "MOST_IN_REQUEST", 1)
    ids = [str(make_conversation(by=owner, status=Status.PENDING_REVIEW).pk) for _ in range(2)]
    return {
        EXPORT: {"name": "Approved", "format": "messages"},
        RESCORE: {"ids": ids},
        IMPORT: {"content": TALK},
        BULK: {"action": "approve", "ids": ids},
    }


@pytest.mark.parametrize("path", [EXPORT, RESCORE, IMPORT, BULK])
def test_sent_again_it_is_answered_alike(owner: User, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    body = list_starts(owner, monkeypatch)[path]
    client = sender(owner, "once")
    first, second = post(client, path, body), post(client, path, body)
    assert (first.status_code, second.status_code) == (202, 202), first.content
    assert first.json() == second.json()
    assert first["Location"] == second["Location"]
    assert BackgroundJob.objects.count() == JobRequest.objects.count() == 1
    assert ImportedFile.objects.count() == (path == IMPORT)


@pytest.mark.parametrize("path", [EXPORT, RESCORE, IMPORT, BULK])
def test_with_another_body_it_is_refused(owner: User, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    starts = list_starts(owner, monkeypatch)
    client = sender(owner, "once")
    assert post(client, path, starts[path]).status_code == 202
    other = {
        EXPORT: {**starts[EXPORT], "name": "Other"},
        RESCORE: {"ids": starts[RESCORE]["ids"][:1]},
        IMPORT: {"content": TALK, "persona": "Nurse"},
        BULK: {**starts[BULK], "note": "Good"},
    }
    answer = post(client, path, other[path])
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_used")
    assert BackgroundJob.objects.count() == 1


def test_a_key_of_an_export_starts_no_batch(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sender(owner, "once")
    assert post(client, EXPORT, {"name": "a", "format": "messages"}).status_code == 202
    plan = {"name": "n", "tier": "template", "limit": 1}
    answer = post(client, "/api/conversations/generate-batch", plan)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_used"), answer.content


def test_writing_again_takes_a_key_too(owner: User) -> None:
    made = Export.objects.get(
        pk=post(sender(owner, "first"), EXPORT, {"name": "a", "format": "messages"}).json()["export"]["id"]
    )
    BackgroundJob.objects.update(status="failed")
    client = sender(owner, "again")
    answers = [post(client, f"/api/exports/{made.pk}/write", {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert BackgroundJob.objects.count() == 2


def test_who_was_removed_gets_nothing_by_the_key(owner: User) -> None:
    editor = make_workspace(owner=owner)
    member = make_member(workspace=editor, role=Membership.Role.EDITOR)
    client = sender(member.user, "once")
    body = {"name": "a", "format": "messages", "workspaceId": str(editor.pk)}
    assert post(client, EXPORT, body).status_code == 202
    Membership.objects.filter(pk=member.pk).delete()
    assert post(client, EXPORT, body).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_fifty_at_the_same_moment_make_one_export(owner: User, tmp_path: Path) -> None:
    token, together, answers = make_token(user=owner), threading.Barrier(50), []
    body = {"name": "a", "format": "messages"}

    def start() -> None:
        caller = Client(headers={"authorization": f"Bearer {token}", "idempotency-key": "once"})
        together.wait(30)
        answer = post(caller, EXPORT, body)
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
    assert Export.objects.count() == BackgroundJob.objects.count() == 1
