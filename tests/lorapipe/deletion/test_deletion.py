"""A deleted workspace: nothing of its content is left in any table, what was paid is, and nobody else loses a row."""

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import Model, Sum
from django.test import Client

from background.models import BackgroundJob
from background.running import RunningJob
from background.states import OPEN, JobState
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.states import ACTIVE, ItemStatus, JobStatus, LogState
from conversations.models import SavedView
from lorapipe.deletion import contents, kinds
from lorapipe.deletion.actions import DELETE_CONTENT, delete_person, delete_workspace
from templates_app.models import Scenario
from tests import factories
from tests.support.background import run
from tests.workspaces.many_rows import MAKERS
from workspaces.actions import Refused
from workspaces.members import add_member
from workspaces.models import AuditEntry, Membership, User, Workspace

pytestmark = pytest.mark.django_db
Role = Membership.Role


def of_workspaces() -> list[type[Model]]:
    return [
        model
        for model in apps.get_models()
        if any(field.name == "workspace" for field in model._meta.local_fields)
    ]


def test_every_table_of_a_workspace_is_named() -> None:
    named = [each.model for each in (*contents.REMOVED, *contents.EMPTIED)]
    named += [*contents.GO_ALONG, *contents.KEPT]
    assert len(set(named)) == len(named)
    known = {model._meta.label for model in of_workspaces()} | {
        "batches.CachedPrefix",
        "conversations.IdCounter",
    }
    assert set(named) == known, "say in lorapipe/deletion/contents.py what becomes of its rows"


def gone() -> list[str]:
    return [*(each.model for each in contents.REMOVED), *contents.GO_ALONG, "workspaces.Membership"]


def end_all(workspace: Workspace) -> None:
    BatchJob.objects.filter(workspace=workspace, status__in=ACTIVE).update(status=JobStatus.COMPLETED)
    GenerationLog.objects.filter(workspace=workspace, state=LogState.PENDING).update(state=LogState.FAILED)
    rows = BackgroundJob.objects.filter(workspace=workspace, status__in=OPEN)
    rows.update(status=JobState.COMPLETED, token=None, lease_until=None)


def finish(workspace: Workspace) -> BackgroundJob:
    made = BackgroundJob.objects.get(workspace=workspace, kind=DELETE_CONTENT)
    run(made)
    made.refresh_from_db()
    assert made.status == JobState.COMPLETED, made.error
    return made


def count_rows(workspace: Workspace) -> dict[str, int]:
    return {
        model._meta.label: model._default_manager.filter(workspace=workspace).count()
        for model in of_workspaces()
    }


@pytest.fixture
def rows_everywhere() -> None:
    for make in {make: None for model, make in MAKERS.items() if model is not User}:
        make(2)


def test_nothing_is_left_in_any_table(files_in: Path, rows_everywhere: None) -> None:
    empty = {label for label in gone() if not apps.get_model(label)._default_manager.exists()}
    assert empty == set(), "tests/workspaces/many_rows.py makes rows of every table"
    doomed = list(Workspace.objects.all())
    neighbour = factories.make_conversation(turns=["Hi?", "Hello."]).workspace
    before = count_rows(neighbour)
    paid = GenerationLog.objects.aggregate(paid=Sum("cost_usd"))
    logs = GenerationLog.objects.count()
    for workspace in doomed:
        end_all(workspace)
        Workspace.objects.filter(pk=workspace.pk).update(personal_of=None)
        delete_workspace(workspace, by=None)
        finish(workspace)
    for workspace in doomed:
        left = count_rows(workspace)
        assert {label: number for label, number in left.items() if label in gone() and number} == {}
    assert count_rows(neighbour) == before
    assert GenerationLog.objects.count() == logs
    assert GenerationLog.objects.aggregate(paid=Sum("cost_usd")) == paid


def test_no_table_holds_a_text_of_it(files_in: Path) -> None:
    """Each row is looked at as text, the rows that stay too. The audit log alone keeps names."""
    user = factories.make_user()
    workspace = factories.make_workspace(name="Wordymark", owner=user)
    template = factories.make_template(workspace=workspace, text="Wordymark {{topic}}", name="Wordymark")
    job = factories.make_job(
        workspace=workspace, name="Wordymark", status=JobStatus.COMPLETED, recipe={"a": "Wordymark"}
    )
    item = factories.make_item(job=job, version=template.versions.get(), topic="Wordymark")
    factories.make_log(
        item=item, state=LogState.SUCCEEDED, request_payload={"a": "Wordymark"}, error_message="Wordymark"
    )
    factories.make_conversation(item=item, turns=["Wordymark?", "Wordymark."], title="Wordymark")
    delete_workspace(workspace, by=user)
    finish(workspace)
    assert [table for table in connection.introspection.table_names() if holds(table, "Wordymark")] == [
        "audit_log"
    ]


def holds(table: str, text: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" t WHERE t::text LIKE %s)', [f"%{text}%"])
        return bool(cursor.fetchone()[0])


def test_from_the_commit_on_nobody_sees_it(files_in: Path) -> None:
    user, other = factories.make_user(), factories.make_user()
    workspace = factories.make_workspace(owner=user)
    add_member(workspace, user=other, role=Role.EDITOR, by=user)
    delete_workspace(workspace, by=user)
    assert not Membership.objects.filter(workspace=workspace).exists()
    entry = AuditEntry.objects.filter(workspace=workspace).latest("created_at")
    assert (entry.who, entry.before) == (user, {"members": 2})
    with pytest.raises(Refused, match="deleted already"):
        delete_workspace(workspace, by=user)


def test_while_something_runs_it_is_refused() -> None:
    user = factories.make_user()
    workspace = factories.make_workspace(owner=user, name="Ours")
    job = factories.make_job(workspace=workspace, by=user)
    with pytest.raises(Refused, match=r"“Ours” has not ended yet \(1 batches\)"):
        delete_workspace(workspace, by=user)
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.CANCELLED)
    delete_workspace(workspace, by=user)


def test_a_personal_workspace_goes_with_its_person() -> None:
    user = factories.make_user()
    with pytest.raises(Refused, match="together with its account"):
        delete_workspace(user.personal_workspace(), by=user)


def test_a_batch_that_began_at_the_same_moment_is_cancelled_first(files_in: Path) -> None:
    workspace = factories.make_workspace(owner=factories.make_user())
    delete_workspace(workspace, by=None)
    item = factories.make_item(
        job=factories.make_job(workspace=workspace, status=JobStatus.PROCESSING, total_items=1),
        status=ItemStatus.PROCESSING,
    )
    job = BackgroundJob.objects.get(workspace=workspace, kind=DELETE_CONTENT)
    run(job)
    assert job.status == JobState.QUEUED, "a call is under way: it waits"
    item.job.refresh_from_db()
    assert item.job.status == JobStatus.CANCELLED
    GenerationLog.objects.filter(item=item).update(state=LogState.SUCCEEDED)
    finish(workspace)
    assert not BatchItem.objects.filter(workspace=workspace).exists()


def test_a_worker_that_dies_in_the_middle_loses_nothing(
    files_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = factories.make_workspace(owner=factories.make_user())
    for _ in range(5):
        factories.make_scenario(workspace=workspace)
    delete_workspace(workspace, by=None)
    monkeypatch.setattr(kinds, "AT_ONCE", 2)
    removed = kinds._remove_some
    left = [3]

    def die(job: RunningJob, each: contents.Removed) -> int:
        if each.model == "templates_app.Scenario":
            left[0] -= 1
            if not left[0]:
                raise OperationalError("the server closed the connection")
        return removed(job, each)

    monkeypatch.setattr(kinds, "_remove_some", die)
    job = BackgroundJob.objects.get(workspace=workspace, kind=DELETE_CONTENT)
    run(job)
    assert 0 < Scenario.objects.filter(workspace=workspace).count() < 5
    BackgroundJob.objects.filter(pk=job.pk).update(run_after=None)
    finish(workspace)
    assert not Scenario.objects.filter(workspace=workspace).exists()


# --- a person --------------------------------------------------------------------------------------------


def test_a_person_goes_with_the_personal_workspace(files_in: Path) -> None:
    user, other = (
        factories.make_user(username="Wordymark", email="wordymark@example.com"),
        factories.make_user(),
    )
    shared = factories.make_workspace(owner=other)
    add_member(shared, user=user, role=Role.EDITOR, by=other)
    theirs = factories.make_conversation(workspace=shared, by=user)
    own, alone = user.personal_workspace(), factories.make_workspace(owner=user)
    factories.make_token(user=user)
    factories.make_saved_view(user=user)
    delete_person(user, by=user)
    for workspace in (own, alone):
        finish(workspace)
    user.refresh_from_db()
    assert (user.is_active, user.email, user.has_usable_password()) == (False, "", False)
    assert not Membership.objects.filter(user=user).exists()
    assert not SavedView.objects.exists()
    theirs.refresh_from_db()
    assert theirs.created_by == user, "the row stays, because what others own points at it"
    shown = [table for table in connection.introspection.table_names() if holds(table, "ordymark")]
    assert shown == ["audit_log"]


def test_the_only_owner_hands_the_workspace_over_first() -> None:
    user, other = factories.make_user(), factories.make_user()
    shared = factories.make_workspace(owner=user)
    add_member(shared, user=other, role=Role.EDITOR, by=user)
    with pytest.raises(Refused, match="Make somebody else an owner first"):
        delete_person(user, by=user)
    Membership.objects.filter(user=other, workspace=shared).update(role=Role.OWNER)
    delete_person(user, by=user)
    assert Membership.objects.filter(workspace=shared).count() == 1


def test_the_last_superuser_stays() -> None:
    boss = factories.make_user(superuser=True)
    with pytest.raises(Refused, match="Make another one a superuser first"):
        delete_person(boss, by=boss)


# --- pages and commands ----------------------------------------------------------------------------------


def test_the_page_asks_for_the_name(client: Client) -> None:
    user = factories.make_user()
    workspace = factories.make_workspace(owner=user, name="Ours")
    client.force_login(user)
    page = f"/settings/workspaces/{workspace.pk}/delete/"
    assert "0 conversations" in client.get(page).content.decode()
    answer = client.post(page, {"name": "ours"})
    assert answer.status_code == 422
    assert "This is not the name" in answer.content.decode()
    assert client.post(page, {"name": "Ours"}).status_code == 302
    assert client.get(page).status_code == 404


def test_only_an_owner_deletes(client: Client) -> None:
    user, other = factories.make_user(), factories.make_user()
    workspace = factories.make_workspace(owner=user, name="Ours")
    add_member(workspace, user=other, role=Role.EDITOR, by=user)
    client.force_login(other)
    assert client.post(f"/settings/workspaces/{workspace.pk}/delete/", {"name": "Ours"}).status_code == 403


def test_a_person_deletes_the_own_account(client: Client) -> None:
    user = factories.make_user()
    client.force_login(user)
    assert client.post("/settings/account/", {"name": "x"}).status_code == 422
    assert client.post("/settings/account/", {"name": user.username}).headers["Location"] == "/sign-in/"
    user.refresh_from_db()
    assert not user.is_active
    assert client.get("/").status_code == 302


def test_the_commands_do_it_when_told_twice() -> None:
    user = factories.make_user()
    workspace = factories.make_workspace(owner=user)
    call_command("delete_workspace", str(workspace.pk))
    assert not Workspace.objects.get(pk=workspace.pk).deleted_at
    call_command("delete_workspace", str(workspace.pk), yes=True)
    assert Workspace.objects.get(pk=workspace.pk).deleted_at
    call_command("delete_person", user.username, yes=True)
    assert not User.objects.get(pk=user.pk).is_active
    with pytest.raises(CommandError, match="no workspace"):
        call_command("delete_workspace", "x", yes=True)
