"""The audit log: entries are written in a transaction, never changed, and shown to who may see their target."""

import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test import Client
from django.urls import reverse

from batches.actions.jobs import cancel, change_budget, pause
from batches.models.states import JobStatus
from conversations.states import Status
from tests.factories import make_conversation, make_job, make_token, make_user, make_workspace
from workspaces.audit import HISTORY_SHOWN, LONGEST_TEXT, describe, read_history, record
from workspaces.models import ApiToken, AuditEntry, User
from workspaces.models.audit import NEWEST_FIRST
from workspaces.states import Action, TargetKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser() -> User:
    return make_user(username="owner", email="owner@example.com", superuser=True)


@pytest.fixture
def superuser_client(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def make_entry(**fields: Any) -> AuditEntry:
    return AuditEntry.objects.create(
        **{"who_name": "somebody", "action": Action.PAUSE, "target_kind": TargetKind.BATCH, **fields}
    )


# --- what is written -----------------------------------------------------------------------------------


def test_an_entry_tells_who_did_what_on_what(superuser: User) -> None:
    job = make_job(by=superuser, name="Rent", status=JobStatus.PAUSED)
    change_budget(job, budget_usd=Decimal("12.50"), by=superuser)
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.who_name, entry.workspace) == (superuser, "owner@example.com", job.workspace)
    assert (entry.action, entry.target_kind, entry.target_id) == ("change_budget", "batch", job.pk)
    assert entry.target_name == "Rent"
    assert Decimal(entry.before["budget_usd"]) == 10
    assert Decimal(entry.after["budget_usd"]) == Decimal("12.5")
    assert entry.created_at is not None


def test_without_an_address_the_user_name_is_kept() -> None:
    user = make_user(username="nobody-in-particular")
    pause(make_job(by=user), by=user)
    assert AuditEntry.objects.get().who_name == "nobody-in-particular"


def test_values_become_short_json(superuser: User) -> None:
    after = {
        "money": Decimal("1.50"),
        "day": date(2026, 1, 2),
        "key": uuid.UUID(int=1),
        "nothing": None,
        "yes": True,
        "few": ["a", "b"],
        "many": list(range(100)),
        "long": "x" * (LONGEST_TEXT + 1),
        "odd": "a\x00b\ud800",
    }
    record(action=Action.CHANGE, kind=TargetKind.WORKSPACE, name="x" * 999, by=superuser, after=after)
    entry = AuditEntry.objects.get()
    assert entry.after == {
        "money": "1.5",
        "day": "2026-01-02",
        "key": str(uuid.UUID(int=1)),
        "nothing": None,
        "yes": True,
        "few": ["a", "b"],
        "many": "100 entries",
        "long": "201 characters",
        "odd": "ab?",
    }
    assert len(entry.target_name) == 200


@pytest.mark.django_db(transaction=True)
def test_an_entry_needs_the_transaction_of_its_change() -> None:
    with pytest.raises(TransactionManagementError):
        record(action=Action.PAUSE, kind=TargetKind.BATCH, by=None)
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_of_a_change_that_is_rolled_back() -> None:
    user = make_user()
    job = make_job(by=user)
    with transaction.atomic():
        pause(job, by=user)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED
    pause(job, by=user)
    assert AuditEntry.objects.count() == 1


# --- entries stay --------------------------------------------------------------------------------------


def test_orm_and_sql_neither_change_nor_delete_an_entry(superuser: User) -> None:
    entry = make_entry(who=superuser, who_name="owner")
    for change in (
        lambda: AuditEntry.objects.update(after={"status": "nothing"}),
        lambda: AuditEntry.objects.update(who_name="somebody else"),
        lambda: AuditEntry.objects.update(who=make_user()),
        lambda: AuditEntry.objects.update(who=None, action=Action.RESUME),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditEntry.objects.get().save(),
        lambda: AuditEntry.objects.get().delete(),
        lambda: _execute("UPDATE audit_log SET created_at = now()"),
        lambda: _execute("DELETE FROM audit_log"),
    ):
        assert_refused(change)
    assert AuditEntry.objects.values().get() == {
        name: getattr(entry, name) for name in AuditEntry.objects.values().get()
    }


def assert_refused(change: Callable[[], Any]) -> None:
    with pytest.raises(DatabaseError, match="only added"), transaction.atomic():
        change()


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_person_goes_and_what_was_done_stays() -> None:
    user = make_user(username="leaving", email="leaving@example.com")
    workspace = make_workspace()
    pause(make_job(workspace=workspace, by=user), by=user)
    user.delete()
    entry = AuditEntry.objects.get()
    assert (entry.who, entry.who_name) == (None, "leaving@example.com")


def test_a_workspace_with_a_history_is_not_deleted() -> None:
    workspace = make_workspace()
    make_entry(workspace=workspace)
    with pytest.raises(IntegrityError):
        workspace.delete()


def test_the_admin_shows_entries_and_changes_none(superuser_client: Client, superuser: User) -> None:
    entry = make_entry(
        who=superuser, before={"status": "queued"}, after={"status": "paused"}, target_name="Rent"
    )
    make_entry(action=Action.ARCHIVE, target_kind=TargetKind.TEMPLATE, target_name="A template")
    base = reverse("admin:workspaces_auditentry_changelist")
    listed = superuser_client.get(f"{base}?action__exact=pause&target_kind__exact=batch")
    assert [each.pk for each in listed.context["cl"].result_list] == [entry.pk]
    shown = superuser_client.get(reverse("admin:workspaces_auditentry_change", args=[entry.pk])).text
    assert "paused" in shown
    for path in ("add/", f"{entry.pk}/delete/"):
        assert superuser_client.post(f"{base}{path}").status_code == 403
    assert superuser_client.post(f"{base}{entry.pk}/change/", {"who_name": "x"}).status_code == 403
    superuser_client.post(base, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert AuditEntry.objects.filter(pk=entry.pk, who_name="somebody").exists()


def test_staff_see_the_entries_of_their_workspaces(client: Client) -> None:
    staff = make_user(staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_auditentry"))
    client.force_login(staff)
    mine = make_entry(workspace=staff.personal_workspace())
    make_entry(workspace=make_workspace())
    make_entry(target_kind=TargetKind.API_TOKEN)
    listed = client.get(reverse("admin:workspaces_auditentry_changelist"))
    assert [each.pk for each in listed.context["cl"].result_list] == [mine.pk]


def test_revoking_in_the_admin_leaves_an_entry_for_each_token(
    superuser_client: Client, superuser: User
) -> None:
    make_token(user=superuser, name="one")
    make_token(user=superuser, name="two")
    chosen = [str(key) for key in ApiToken.objects.values_list("pk", flat=True)]
    for _ in range(2):
        superuser_client.post(
            reverse("admin:workspaces_apitoken_changelist"), {"action": "revoke", "_selected_action": chosen}
        )
    entries = AuditEntry.objects.filter(action=Action.REVOKE)
    assert {(each.who, each.target_name) for each in entries} == {
        (superuser, "one of owner"),
        (superuser, "two of owner"),
    }
    assert entries.count() == 2


# --- history -------------------------------------------------------------------------------------------


def test_the_batchs_page_shows_its_history(superuser_client: Client, superuser: User) -> None:
    job = make_job(by=superuser, items=1)
    assert "Nobody has done anything with it yet" in superuser_client.get(f"/batches/{job.pk}/").text
    superuser_client.post(f"/batches/{job.pk}/pause/")
    change_budget(job, budget_usd=Decimal("12.50"), by=superuser)
    cancel(make_job(by=superuser, items=1), by=superuser)
    page = superuser_client.get(f"/batches/{job.pk}/").text
    history = page.partition('aria-label="History"')[2].partition("</section>")[0]
    newest, oldest = history.split("</li>")[:2]
    assert "owner@example.com changed the budget of this batch, <time" in newest
    assert "budget: $10.00 to $12.50" in newest
    assert "owner@example.com paused this batch, <time" in oldest
    assert "cancelled" not in history


def test_the_conversations_page_shows_its_history(superuser_client: Client, superuser: User) -> None:
    made = make_conversation(by=superuser, status=Status.PENDING_REVIEW)
    made.approve(by=superuser, note="<b>good</b>")
    made.archive(by=None)
    page = superuser_client.get(f"/conversations/{made.pk}/").text
    assert "owner@example.com approved this conversation, <time" in page
    assert "system archived this conversation, <time" in page


def test_a_history_is_bounded_and_newest_first() -> None:
    key = uuid.uuid4()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            who_name=f"<person {number}>",
            action=Action.RENAME,
            target_kind=TargetKind.TEMPLATE,
            target_id=key,
            before={"name": "a", "diversity": True},
            after={"name": "b", "diversity": False, "copy_of_id": "hidden", "status": "hidden"},
        )
        for number in range(HISTORY_SHOWN + 10)
    )
    make_entry(target_kind=TargetKind.SCENARIO, target_id=key)
    history = read_history(TargetKind.TEMPLATE, key)
    assert len(history) == HISTORY_SHOWN
    assert history[0].sentence == "<person 59> renamed this template"
    assert history[0].details == "name: a to b, diversity: on to off"


def test_both_indexes_are_used() -> None:
    """The newest of a quiet workspace beside a busy one, and the history of one target."""
    quiet, busy = make_workspace(), make_workspace()
    targets = [uuid.uuid4() for _ in range(300)]
    AuditEntry.objects.bulk_create(
        AuditEntry(
            workspace=busy if number % 100 else quiet,
            who_name="somebody",
            action=Action.PAUSE,
            target_kind=TargetKind.BATCH,
            target_id=targets[number % 300],
        )
        for number in range(6000)
    )
    _execute("ANALYZE audit_log")
    newest = AuditEntry.objects.filter(workspace=quiet).order_by(*NEWEST_FIRST)[:HISTORY_SHOWN]
    assert "audit_newest" in newest.explain()
    history = AuditEntry.objects.of_targets(TargetKind.BATCH, targets[:1])[:HISTORY_SHOWN]
    assert "audit_of_target" in history.explain()


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("2027-12-01T05:31:32.223370+00:00", "1 Dec 2027 05:31 UTC"), ("2027-12-01", "2027-12-01")],
)
def test_a_moment_is_told_for_people(stored: str, shown: str) -> None:
    entry = AuditEntry(action=Action.CREATE, target_kind=TargetKind.API_TOKEN, after={"expires": stored})
    assert describe(entry).details == f"expires: {shown}"
