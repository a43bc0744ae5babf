"""PATCH and DELETE of /api/conversations/{id}."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from conversations.models import Conversation, Decision
from conversations.states import Status
from conversations.versions import edit
from tests.factories import make_conversation, make_member, make_token, make_user
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db

Patch = Callable[..., Any]


@pytest.fixture
def user() -> User:
    return make_user(username="anna", email="anna@example.org")


@pytest.fixture
def made(user: User) -> Conversation:
    return make_conversation(by=user, status=Status.PENDING_REVIEW, turns=["Hello", "Hi.", "And?", "So."])


@pytest.fixture
def patch(user: User) -> Patch:
    return make_patch(user)


def make_caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


def make_patch(user: User) -> Patch:
    caller = make_caller(user)

    def send(conversation: Any, **body: Any) -> Any:
        key = getattr(conversation, "pk", conversation)
        return caller.patch(f"/api/conversations/{key}", body, content_type="application/json")

    return send


def member(user: User, role: Membership.Role) -> User:
    other = make_user()
    make_member(workspace=user.personal_workspace(), user=other, role=role)
    return other


# --- decisions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reviewAction": "approve"}, "approved"),
        ({"reviewAction": "Approve"}, "approved"),
        ({"reviewAction": "approved"}, "approved"),
        ({"status": "approved"}, "approved"),
        ({"status": "approved", "reviewAction": "approve"}, "approved"),
        ({"reviewAction": "reject", "reasons": ["leak"]}, "rejected"),
        ({"status": "rejected", "reasons": ["too-short", "Off topic"], "note": "No"}, "rejected"),
        ({"reviewAction": "needs_revision"}, "needs_revision"),
        ({"reviewAction": "needsRevision"}, "needs_revision"),
        ({"status": "needs revision"}, "needs_revision"),
        ({"reviewAction": "archive"}, "archived"),
        ({"status": "archived"}, "archived"),
    ],
)
def test_each_decision(patch: Patch, made: Conversation, body: dict[str, Any], status: str) -> None:
    answer = patch(made, **body)
    assert answer.status_code == 200, answer.json()
    said = answer.json()
    assert (said["success"], said["status"], said["revision"]) == (True, status, 1)
    (line,) = said["reviewHistory"]
    assert (line["fromStatus"], line["toStatus"], line["by"]) == (
        "pending_review",
        status,
        "anna@example.org",
    )
    assert line["reasons"] == [
        word.lower().replace("-", "_").replace(" ", "_") for word in body.get("reasons", [])
    ]
    assert line["note"] == body.get("note", "")


def test_approval_names_who_and_when(patch: Patch, made: Conversation) -> None:
    said = patch(made, reviewAction="approve", reviewerNotes="Good tone").json()
    assert said["approvedBy"] == "anna"
    assert said["approvedAt"] == said["decidedAt"]
    assert said["reviewerNotes"] == "Good tone"
    assert said["reviewHistory"][0]["note"] == "Good tone"


def test_undo_and_undo_of_undo(patch: Patch, made: Conversation) -> None:
    patch(made, reviewAction="reject")
    back = patch(made, reviewAction="undo").json()
    assert (back["status"], back["decidedAt"]) == ("pending_review", None)
    again = patch(made, reviewAction="undo", note="It was right").json()
    assert again["status"] == "rejected"
    first, second, third = again["reviewHistory"]
    assert (first["undoes"], second["undoes"], third["undoes"]) == (None, first["id"], second["id"])
    assert third["note"] == "It was right"


def test_archive_and_restore(patch: Patch, made: Conversation) -> None:
    patch(made, reviewAction="archive", note="Twice the same")
    back = patch(made, reviewAction="restore").json()
    assert back["status"] == "pending_review"
    assert [line["note"] for line in back["reviewHistory"]] == ["Twice the same", ""]


def test_nothing_to_undo(patch: Patch, made: Conversation) -> None:
    answer = patch(made, reviewAction="undo")
    assert answer.status_code == 409
    assert "no decision to take back" in answer.json()["error"]


# --- score, notes, edits -----------------------------------------------------------------------------------


def test_a_score_stands_beside_the_computed_one(patch: Patch, made: Conversation) -> None:
    said = patch(made, qualityScore=9.5, note="Better than it looks").json()
    assert (said["qualityScore"], said["qualityScoreOverride"]) == (7.0, 9.5)
    assert said["qualityScoreOverrideNote"] == "Better than it looks"
    assert (said["revision"], said["reviewHistory"]) == (0, [])
    gone = patch(made, qualityScore=None).json()
    assert (gone["qualityScoreOverride"], gone["qualityScoreOverrideNote"]) == (None, "")
    entries = AuditEntry.objects.filter(action="override_score").order_by("pk")
    assert [(e.before["score"], e.after["score"]) for e in entries] == [(None, "9.5"), ("9.5", None)]
    assert patch(made, qualityScore=None).status_code == 200
    assert entries.count() == 2, "what changes nothing is not recorded"


def test_notes_alone(patch: Patch, made: Conversation) -> None:
    assert patch(made, reviewerNotes="Ask Bert").json()["reviewerNotes"] == "Ask Bert"
    patch(made, reviewerNotes="Ask Bert")
    assert patch(made, reviewerNotes="").json()["reviewerNotes"] == ""
    entries = AuditEntry.objects.filter(action="write_notes").order_by("pk")
    assert [(entry.before, entry.after) for entry in entries] == [
        ({"characters": 0}, {"characters": 8}),
        ({"characters": 8}, {"characters": 0}),
    ]
    assert not Decision.objects.exists()


def test_an_edit_answers_with_the_new_version(patch: Patch, made: Conversation) -> None:
    answer = patch(made, turns=[{"turnNumber": 2, "content": " Hi, Anna. "}], note="Name", revision=0)
    said = answer.json()
    assert (said["version"], said["isNewest"], said["revision"]) == (2, True, 1)
    assert said["id"] != str(made.pk)
    assert [turn["content"] for turn in said["turns"]] == ["Hello", " Hi, Anna. ", "And?", "So."]
    assert said["changeNote"] == "Name"
    old = Conversation.objects.get(pk=made.pk)
    assert (old.is_head, old.status) == (False, "archived")
    assert [turn.content for turn in old.turns.all()][1] == "Hi."


def test_what_was_read_can_be_sent_back(patch: Patch, user: User, made: Conversation) -> None:
    """Roles and counts of turns may stand there, and a status that it has."""
    read = make_caller(user).get(f"/api/conversations/{made.pk}").json()
    answer = patch(made, turns=read["turns"], status=read["status"], revision=read["revision"])
    assert answer.status_code == 200
    assert answer.json()["id"] == str(made.pk), "nothing has changed, so there is no new version"


def test_save_and_approve_with_score_and_notes_at_once(patch: Patch, made: Conversation) -> None:
    said = patch(
        made,
        turns=[{"turnNumber": 4, "content": "That is all."}],
        reviewAction="approve",
        qualityScore=8,
        reviewerNotes="For the dataset",
        note="Ending repaired",
        revision=0,
    ).json()
    assert (said["version"], said["status"], said["qualityScoreOverride"]) == (2, "approved", 8.0)
    assert said["reviewerNotes"] == "For the dataset"
    archived, approved = said["reviewHistory"]
    assert (archived["version"], archived["toStatus"]) == (1, "archived")
    assert (approved["version"], approved["toStatus"], approved["note"]) == (2, "approved", "Ending repaired")


def test_all_or_nothing(patch: Patch, made: Conversation) -> None:
    before = AuditEntry.objects.count()
    answer = patch(made, qualityScore=9, reviewerNotes="x", reviewAction="restore")
    assert answer.status_code == 409
    made.refresh_from_db()
    assert (made.score_override, made.reviewer_notes, made.status) == (None, "", "pending_review")
    assert AuditEntry.objects.count() == before


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "column", "words"),
    [
        ({}, "", "Say what to change"),
        ({"turns": []}, "", "Say what to change"),
        ({"revision": 0}, "", "Say what to change"),
        ({"reviewAction": "praise"}, "reviewAction", "“praise” is not known here. Known are: approve"),
        ({"status": "lost"}, "status", "not known here"),
        ({"status": "generated"}, "status", "send the reviewAction undo"),
        ({"status": "approved", "reviewAction": "reject"}, "status", "contradict each other"),
        ({"reviewAction": "reject", "reasons": ["ugly"]}, "reasons", "not known here"),
        ({"reviewAction": "approve", "reasons": ["leak"]}, "reasons", "belong to reject"),
        ({"reviewAction": "reject", "reasons": "leak"}, "reasons", "list"),
        ({"reviewerNotes": "x", "note": "y"}, "note", "belongs to a decision"),
        ({"qualityScore": 10.5}, "qualityScore", "10"),
        ({"qualityScore": "good"}, "qualityScore", "number"),
        ({"qualityScore": -1}, "qualityScore", "0"),
        ({"reviewAction": "approve", "revision": -1}, "revision", "0"),
        ({"reviewAction": "approve", "revision": "new"}, "revision", "integer"),
        ({"reviewAction": "approve", "note": "n" * 5001}, "note", "5000"),
        (
            {"reviewAction": "undo", "turns": [{"turnNumber": 1, "content": "x"}]},
            "turns",
            "one after the other",
        ),
        ({"turns": [{"turnNumber": 9, "content": "x"}]}, "turns", "Turn 9 does not exist"),
        ({"turns": [{"turnNumber": 1, "content": " "}]}, "turns", "Turn 1 is empty"),
        ({"turns": [{"turnNumber": 0, "content": "x"}]}, "turnNumber", "1"),
        ({"turns": [{"turnNumber": 1}]}, "content", "required"),
        ({"turns": [{"turnNumber": 1, "content": "x", "role": "assistant"}]}, "turns", "texts, not roles"),
        ({"turns": [{"turnNumber": 1, "content": "x"}] * 2}, "turns", "more than once"),
        ({"turns": "Hello"}, "turns", "list"),
        ({"stauts": "approved"}, "stauts", "not known"),
    ],
)
def test_each_wrong_word(
    patch: Patch, made: Conversation, body: dict[str, Any], column: str, words: str
) -> None:
    answer = patch(made, **body)
    said = answer.json()
    assert (answer.status_code, said["success"], said["code"]) == (400, False, "invalid"), said
    detail = said["details"][0]
    assert detail["column"] == column
    assert words in detail["message"]
    assert not Decision.objects.exists()


def test_a_stale_revision(patch: Patch, made: Conversation) -> None:
    patch(made, reviewAction="reject", revision=0)
    for body in ({"reviewAction": "approve"}, {"reviewerNotes": "x"}, {"qualityScore": 1}):
        answer = patch(made, **body, revision=0)
        said = answer.json()
        assert (answer.status_code, said["code"]) == (409, "stale_revision")
        assert said["current"] == {"id": str(made.pk), "version": 1, "status": "rejected", "revision": 1}
    edited = patch(made, turns=[{"turnNumber": 1, "content": "x"}], revision=0)
    assert edited.status_code == 409
    assert patch(made, reviewAction="approve", revision=1).status_code == 200


def test_a_superseded_version(patch: Patch, user: User, made: Conversation) -> None:
    newest = edit(made, {1: "Good day"}, by=user)
    for body in (
        {"reviewAction": "approve"},
        {"reviewAction": "restore"},
        {"turns": [{"turnNumber": 1, "content": "x"}]},
    ):
        answer = patch(made, **body)
        said = answer.json()
        assert (answer.status_code, said["code"]) == (409, "superseded")
        assert said["current"]["id"] == str(newest.pk)
    assert make_caller(user).delete(f"/api/conversations/{made.pk}").json()["code"] == "superseded"


@pytest.mark.parametrize("status", [Status.DRAFT, Status.GENERATING, Status.FAILED, Status.ARCHIVED])
def test_a_state_without_decisions(patch: Patch, user: User, status: Status) -> None:
    made = make_conversation(by=user, status=status)
    answer = patch(made, reviewAction="approve")
    said = answer.json()
    assert (answer.status_code, said["code"], said["current"]["status"]) == (409, "stale_state", status)


def test_wrong_ids_and_rows_of_others(patch: Patch, user: User) -> None:
    other = make_conversation()
    caller = make_caller(user)
    for key in (other.pk, uuid4(), "7", "fp_anxious_001"):
        for body in ({"reviewAction": "approve"}, {"nonsense": 1}, {}):
            assert patch(key, **body).status_code == 404
        assert caller.delete(f"/api/conversations/{key}?hard=true").status_code == 404
    other.refresh_from_db()
    assert other.status == Status.PENDING_REVIEW


@pytest.mark.parametrize("role", list(Membership.Role))
def test_roles(user: User, made: Conversation, role: Membership.Role) -> None:
    person = member(user, role)
    send = make_patch(person)
    reviews, edits = role in Membership.REVIEWERS, role in Membership.EDITORS
    assert send(made, reviewAction="reject").status_code == (200 if reviews else 403)
    assert send(made, reviewAction="undo").status_code == (200 if reviews else 403)
    assert send(made, qualityScore=5).status_code == (200 if reviews else 403)
    assert send(made, reviewAction="archive").status_code == (200 if edits else 403)
    caller = make_caller(person)
    assert caller.delete(f"/api/conversations/{made.pk}").status_code == (200 if edits else 403)
    if not edits:
        made.refresh_from_db()
        made.archive(by=user)
    assert send(made, reviewAction="undo").status_code == (200 if edits else 403)
    edited = send(made, turns=[{"turnNumber": 1, "content": "New"}])
    assert edited.status_code == (200 if edits else 403)
    assert caller.delete(f"/api/conversations/{made.pk}?hard=true").status_code == (200 if edits else 403)


# --- deletion ----------------------------------------------------------------------------------------------


def test_deleting_archives(user: User, made: Conversation) -> None:
    caller = make_caller(user)
    assert caller.delete(f"/api/conversations/{made.pk}?revision=4").json()["code"] == "stale_revision"
    answer = caller.delete(f"/api/conversations/{made.pk}")
    assert (answer.status_code, answer.json()["status"]) == (200, "archived")
    again = caller.delete(f"/api/conversations/{made.pk}")
    assert (again.status_code, len(again.json()["reviewHistory"])) == (200, 1)


def test_deleting_for_good_takes_every_version(user: User, made: Conversation) -> None:
    newest = edit(made, {1: "Good day"}, by=user, approve=True)
    answer = make_caller(user).delete(f"/api/conversations/{newest.pk}?hard=true")
    assert answer.json() == {
        "success": True,
        "id": str(newest.pk),
        "conversationId": newest.conversation_id,
        "versions": 2,
    }
    assert not Conversation.objects.exists()
    entry = AuditEntry.objects.get(action="remove")
    assert (entry.who, entry.target_name, entry.after) == (user, newest.conversation_id, {"versions": 2})


def test_what_is_being_generated_stays(user: User) -> None:
    made = make_conversation(by=user, status=Status.GENERATING)
    for query in ("", "?hard=true"):
        assert make_caller(user).delete(f"/api/conversations/{made.pk}{query}").status_code == 409
    assert make_caller(user).delete(f"/api/conversations/{made.pk}?hard=perhaps").status_code == 400
