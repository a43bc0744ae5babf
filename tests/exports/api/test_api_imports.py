"""POST /api/imports and its report."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from conversations.models import Conversation
from exports.models import Export, ImportedFile
from tests.factories import (
    TALK,
    make_conversation,
    make_imported_file,
    make_member,
    make_template,
    make_token,
    make_version,
    make_workspace,
)
from tests.support.background import run_open_jobs
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
Post = Callable[..., Any]


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


@pytest.fixture
def post(caller: Client) -> Post:
    return lambda **body: caller.post("/api/imports", body, content_type="application/json")


def test_a_file_is_imported_by_a_job(post: Post, caller: Client) -> None:
    bad = '{"messages": [{"role": "user", "content": "Hi?"}]}\n'
    answer = post(content=TALK.decode() + bad, tier="Edge Case", persona="Nurse", name="old.jsonl")
    said = answer.json()["import"]
    assert (answer.status_code, answer["Location"]) == (202, f"/api/imports/{said['id']}")
    assert (said["read"], said["refused"], said["new"], said["form"]) == (1, 1, 1, "messages")
    assert said["problems"][0]["rows"] == "2"
    run_open_jobs()
    later = caller.get(answer["Location"]).json()["import"]
    assert (later["backgroundJob"]["status"], later["backgroundJob"]["result"]) == (
        "completed",
        {"imported": 1, "refused": 1},
    )
    made = Conversation.objects.get()
    assert (made.tier, made.conversation_id) == ("edge_case", "fp_nurse_001")


def test_what_an_import_has_stored_is_found_by_its_job(post: Post, caller: Client, owner: User) -> None:
    make_conversation(by=owner)
    job = post(content=TALK.decode()).json()["import"]["backgroundJob"]["id"]
    run_open_jobs()
    stored = str(Conversation.objects.get(import_job=job).pk)
    for path in ("/api/conversations", "/api/review/queue"):
        found = caller.get(f"{path}?importJob={job}").json()
        assert [each["id"] for each in found["conversations"]] == [stored]
        assert caller.get(f"{path}?importJob={uuid4()}").json()["total"] == 0
    assert caller.get("/api/conversations?importJob=7").status_code == 400
    body = {"name": "Mine", "filter": {"importJob": job}}
    caller.post("/api/exports", body, content_type="application/json")
    assert Export.objects.get().filter == f"import_job={job}"


def test_a_dry_run_stores_nothing(post: Post) -> None:
    answer = post(content=TALK.decode(), dryRun=True)
    assert (answer.status_code, answer.json()["import"]["new"]) == (200, 1)
    assert not ImportedFile.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": ""},
        {"content": "foo,bar\n1,2\n"},
        {"content": '{"messages": []}'},
        {"content": TALK.decode(), "tier": "gold"},
        {"content": TALK.decode(), "odd": 1},
    ],
)
def test_what_cannot_be_read_is_refused(post: Post, body: dict[str, Any]) -> None:
    answer = post(**body)
    assert answer.status_code == 400
    assert answer.json()["details"]
    assert not ImportedFile.objects.exists()


def test_a_template_needs_a_published_version(post: Post, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace())
    version = make_version(template=template)
    post(content=TALK.decode(), templateId=str(template.pk))
    run_open_jobs()
    assert Conversation.objects.get().template_version == version
    assert post(content=TALK.decode(), templateId=str(make_template().pk)).status_code == 404


def test_only_editors_of_the_workspace(post: Post, owner: User) -> None:
    place = make_workspace()
    assert post(content=TALK.decode(), workspaceId=str(place.pk)).status_code == 404
    make_member(workspace=place, user=owner, role=Membership.Role.REVIEWER)
    assert post(content=TALK.decode(), workspaceId=str(place.pk)).status_code == 403


def test_a_report_is_for_whoever_has_imported_it(caller: Client) -> None:
    for key in (make_imported_file().pk, uuid4()):
        assert caller.get(f"/api/imports/{key}").status_code == 404


def test_a_text_in_content_comes_back_exactly(post: Post) -> None:
    text = 'a\u2028b\t"c" \\n 🙂'
    row = {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": text}]}
    post(content=json.dumps(row))
    run_open_jobs()
    assert [turn.content for turn in Conversation.objects.get().turns.all()] == [text, text]
