"""Curating conversations in the admin: verbs as actions, and what may be edited."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from background.models import BackgroundJob
from conversations.models import Conversation, Decision
from conversations.states import Status
from tests.factories import make_conversation, make_member, make_user, make_workspace
from tests.support.background import run
from workspaces import admin_base
from workspaces.models import AuditEntry, Membership, User

LIST = "/admin/conversations/conversation/"
# What a browser posts for the turns and the decisions, which are read-only.
INLINES = {
    f"{inline}-{name}": "0" for inline in ("turns", "decisions") for name in ("TOTAL_FORMS", "INITIAL_FORMS")
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return make_user(superuser=True)


@pytest.fixture
def client_of_boss(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def act(client: Client, action: str, *rows: Conversation, **extra: Any) -> list[str]:
    """The messages that the action leaves."""
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows], **extra}
    response = client.post(LIST, body, follow=True)
    return [str(message) for message in response.context["messages"]]


def status_of(row: Conversation) -> str:
    row.refresh_from_db()
    return row.status


@pytest.mark.parametrize(
    ("action", "before", "after", "said"),
    [
        ("approve", Status.PENDING_REVIEW, Status.APPROVED, "1 approved."),
        ("reject", Status.APPROVED, Status.REJECTED, "1 rejected."),
        ("needs_revision", Status.GENERATED, Status.NEEDS_REVISION, "1 sent back."),
        ("archive", Status.APPROVED, Status.ARCHIVED, "1 archived."),
    ],
)
def test_each_verb(client_of_boss: Client, action: str, before: Status, after: Status, said: str) -> None:
    row = make_conversation(status=before)
    assert act(client_of_boss, action, row) == [said]
    assert status_of(row) == after


def test_approving_says_who_and_when(client_of_boss: Client, boss: User) -> None:
    row = make_conversation()
    act(client_of_boss, "approve", row)
    row.refresh_from_db()
    assert row.approved_by == boss
    assert row.approved_at is not None


def test_restoring_brings_back_what_it_was(client_of_boss: Client) -> None:
    row = make_conversation(status=Status.REJECTED)
    act(client_of_boss, "archive", row)
    assert act(client_of_boss, "restore", row) == ["1 restored."]
    assert status_of(row) == Status.REJECTED


def test_what_cannot_move_is_told(client_of_boss: Client) -> None:
    fine = [make_conversation() for _ in range(3)]
    gone = make_conversation(status=Status.ARCHIVED, status_before_archive=Status.GENERATED)
    assert act(client_of_boss, "approve", gone, *fine) == [
        "3 approved, 1 skipped: This conversation is archived: it cannot be approved."
    ]
    assert [status_of(row) for row in fine] == [Status.APPROVED] * 3
    assert status_of(gone) == Status.ARCHIVED


def test_too_many_at_once_move_nothing(client_of_boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_base, "MOST_AT_ONCE", 2)
    rows = [make_conversation() for _ in range(3)]
    (said,) = act(client_of_boss, "approve", *rows, select_across="1")
    assert "nothing was changed" in said
    assert {status_of(row) for row in rows} == {Status.PENDING_REVIEW}


@pytest.mark.parametrize("action", ["approve", "reject", "needs_revision", "archive", "restore"])
def test_more_than_fit_into_a_request_go_to_a_job(
    client_of_boss: Client, boss: User, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setattr("conversations.admin.MOST_IN_REQUEST", 2)
    monkeypatch.setattr("conversations.jobs.bulk.MOST_IN_REQUEST", 2)
    before = Status.ARCHIVED if action == "restore" else Status.GENERATED
    rows = [
        make_conversation(
            by=boss, status=before, status_before_archive=Status.GENERATED if action == "restore" else ""
        )
        for _ in range(3)
    ]
    (said,) = act(client_of_boss, action, *rows, note="Seen")
    job = BackgroundJob.objects.get()
    assert f'<a href="{job.get_absolute_url()}">{job.name}</a>: this goes on in the background.' == said
    assert {status_of(row) for row in rows} == {before}, "not in the request"
    found = run(job)
    assert (found.status, found.result["changed"]) == ("completed", 3)
    assert {status_of(row) for row in rows} != {before}
    assert {each.note for each in Decision.objects.all()} == {"Seen"}


def test_a_job_does_what_one_may_as_a_member(client_of_boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversations.admin.MOST_IN_REQUEST", 2)
    monkeypatch.setattr("conversations.jobs.bulk.MOST_IN_REQUEST", 2)
    place = make_workspace()
    foreign = [make_conversation(workspace=place) for _ in range(3)]
    (said,) = act(client_of_boss, "approve", *foreign)
    assert "As a superuser you can do it with at most 2 at once." in said
    (said,) = act(client_of_boss, "approve", *foreign[:2], make_conversation())
    assert "must be of one workspace" in said
    assert not BackgroundJob.objects.exists()


@pytest.mark.parametrize(
    ("role", "approves", "archives"),
    [("owner", True, True), ("editor", True, True), ("reviewer", True, False), ("viewer", False, False)],
)
def test_staff_act_as_their_role_allows(role: str, approves: bool, archives: bool) -> None:
    user = make_user(staff=True)
    user.user_permissions.add(Permission.objects.get(codename="change_conversation"))
    workspace = make_workspace()
    make_member(workspace=workspace, user=user, role=Membership.Role(role))
    client = Client()
    client.force_login(user)
    row, foreign = make_conversation(workspace=workspace), make_conversation()
    act(client, "approve", row, foreign)
    assert (status_of(row) == Status.APPROVED) is approves
    act(client, "archive", row, foreign)
    assert (status_of(row) == Status.ARCHIVED) is archives
    assert status_of(foreign) == Status.PENDING_REVIEW


def test_without_the_permission_there_are_no_verbs() -> None:
    user = make_user(staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    row = make_conversation(by=user)
    client = Client()
    client.force_login(user)
    act(client, "approve", row)
    assert status_of(row) == Status.PENDING_REVIEW


def test_words_are_edited_and_nothing_else(client_of_boss: Client) -> None:
    row = make_conversation(status=Status.REJECTED)
    body = {
        "title": "Better <title>",
        "persona": row.persona,
        "topic": row.topic,
        "category": "money, fear",
        "reviewer_notes": "fine",
        "status": "approved",
        "quality_score": "10",
        "actual_cost_usd": "0",
        **INLINES,
    }
    response = client_of_boss.post(reverse("admin:conversations_conversation_change", args=[row.pk]), body)
    assert response.status_code == 302
    before = (row.status, row.quality_score, row.actual_cost_usd)
    row.refresh_from_db()
    assert (row.title, row.category, row.reviewer_notes) == ("Better <title>", ["money", "fear"], "fine")
    assert (row.status, row.quality_score, row.actual_cost_usd) == before


def test_an_edit_takes_back_no_decision_made_meanwhile(client_of_boss: Client, boss: User) -> None:
    row = make_conversation()
    path = reverse("admin:conversations_conversation_change", args=[row.pk])
    client_of_boss.get(path)
    Conversation.objects.get(pk=row.pk).approve(by=boss)
    body = {"title": "New", "persona": row.persona, "topic": row.topic}
    client_of_boss.post(path, {**body, **INLINES})
    assert status_of(row) == Status.APPROVED
    assert row.title == "New"


def test_nothing_is_added_or_deleted(client_of_boss: Client) -> None:
    row = make_conversation()
    assert client_of_boss.get(f"{LIST}add/").status_code == 403
    assert client_of_boss.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    act(client_of_boss, "delete_selected", row, post="yes")
    assert Conversation.objects.filter(pk=row.pk).exists()


def test_the_page_shows_turns_escaped(client_of_boss: Client) -> None:
    row = make_conversation(turns=["<script>x</script>", "Fine"], parameters={"topic": "R&D <b>"})
    html = client_of_boss.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "&lt;script&gt;x" in html
    assert "<script>x" not in html
    assert "R&amp;D &lt;b&gt;" in html


def test_search_finds_every_word_in_any_order(client_of_boss: Client) -> None:
    make_conversation(title="One", persona="Anxious Investor")
    make_conversation(title="Two", persona="Bold Founder", turns=2)
    shown = client_of_boss.get(LIST, {"q": "founder bold"}).context["cl"].result_list
    assert [row.title for row in shown] == ["Two"]
    assert list(client_of_boss.get(LIST, {"q": "bold investor"}).context["cl"].result_list) == []
    turns = client_of_boss.get("/admin/conversations/turn/", {"q": "founder"}).context["cl"].result_list
    assert len(turns) == 2


# --- notes and history -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["approve", "reject", "needs_revision", "archive"])
def test_a_note_goes_into_the_history(client_of_boss: Client, boss: User, action: str) -> None:
    row = make_conversation()
    act(client_of_boss, action, row, note=" Seen with Anna ")
    said = row.decisions.get()
    assert (said.note, said.created_by) == ("Seen with Anna", boss)
    page = client_of_boss.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "Seen with Anna" in page


def test_a_note_that_is_too_long_changes_nothing(client_of_boss: Client) -> None:
    row = make_conversation()
    act(client_of_boss, "approve", row, note="n" * 5001)
    assert status_of(row) == Status.PENDING_REVIEW


def test_the_last_decision_is_taken_back(client_of_boss: Client) -> None:
    row, other = make_conversation(), make_conversation()
    act(client_of_boss, "reject", row)
    (said,) = act(client_of_boss, "undo", row, other)
    assert said.startswith("1 taken back, 1 skipped: There is no decision to take back")
    assert status_of(row) == Status.PENDING_REVIEW


def test_decisions_are_listed_and_read_only(client_of_boss: Client) -> None:
    row = make_conversation(title="About rent")
    row.reject(by=None, note="Twice the same")
    listed = client_of_boss.get("/admin/conversations/decision/", {"q": "rent"}).content.decode()
    assert "Twice the same" in listed
    assert (
        "Twice" not in client_of_boss.get("/admin/conversations/decision/", {"q": "zebra"}).content.decode()
    )
    address = f"/admin/conversations/decision/{row.decisions.get().pk}/change/"
    assert client_of_boss.get(address).status_code == 200
    assert client_of_boss.post(address, {"note": "Changed"}).status_code == 403
    assert client_of_boss.get("/admin/conversations/decision/add/").status_code == 403


def test_changed_notes_are_recorded(client_of_boss: Client, boss: User) -> None:
    row = make_conversation(title="About rent")
    names = ("title", "persona", "emotion", "topic", "intent", "tone")
    body = {name: getattr(row, name) or "x" for name in names}
    body |= {"category": "", "reviewer_notes": "Ask Bert", **INLINES}
    assert client_of_boss.post(f"{LIST}{row.pk}/change/", body).status_code == 302
    row.refresh_from_db()
    assert row.reviewer_notes == "Ask Bert"
    entry = AuditEntry.objects.get(action="write_notes")
    assert (entry.who, entry.target_id) == (boss, row.pk)
