"""An export that a person deletes: its files are gone, its row stays with what it knows, and whoever goes on from it still can."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from background.models import BackgroundJob
from background.states import JobState
from conversations.models import Conversation
from conversations.states import Status
from exports.models import Export
from exports.models.states import ExportState
from exports.running import writing
from exports.running.actions import create_export, delete_export, recreate_export, write_export
from lib.stale_state import StaleState
from tests.exports.conftest import Exporting, list_files, run_again
from tests.factories import make_conversation, make_export, make_member, make_token, make_user
from tests.support.background import run_open_jobs
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db


def approve(owner: User) -> Conversation:
    number = Conversation.objects.count()
    return make_conversation(by=owner, status=Status.APPROVED, turns=[f"Hello {number}?", "Hi."])


def test_the_files_go_and_the_row_stays(owner: User, export: Exporting, files_in: Path) -> None:
    approve(owner)
    made = export()
    before = made.manifest
    deleted = delete_export(made, by=owner)
    assert (deleted.state, deleted.has_files) == (ExportState.DELETED, False)
    run_open_jobs()
    assert list_files(files_in) == []
    deleted.refresh_from_db()
    assert (deleted.manifest, deleted.item_count) == (before, 1)
    assert deleted.files[0]["sha256"] == before["files"][0]["sha256"]
    entry = AuditEntry.objects.filter(target_id=made.pk).latest("created_at")
    assert (entry.who, entry.action, entry.before) == (owner, "remove", {"status": "completed"})


def test_only_what_is_new_since_it_still_works(owner: User, export: Exporting) -> None:
    approve(owner)
    first = delete_export(export(), by=owner)
    new = approve(owner)
    more = export(since=first)
    assert more.items.get().conversation_id == new.pk
    assert more.manifest["selection"]["since"] == {"id": str(first.pk), "name": first.name}


def test_it_is_final(owner: User, export: Exporting) -> None:
    approve(owner)
    made = delete_export(export(), by=owner)
    for action in (delete_export, write_export, recreate_export):
        with pytest.raises(StaleState, match="This export is deleted"):
            action(made, by=owner)


def test_one_that_waits_for_a_worker_is_cancelled(owner: User, files_in: Path) -> None:
    approve(owner)
    made = create_export(workspace=owner.personal_workspace(), by=owner, name="Mine", format="messages")
    delete_export(made, by=owner)
    run_open_jobs()
    made.refresh_from_db()
    assert made.job is not None
    assert (made.state, made.job.status) == (ExportState.DELETED, JobState.CANCELLED)
    assert list_files(files_in) == []


def test_deleted_while_its_files_are_stored_it_leaves_none(
    owner: User, files_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is past its last look at the job when the person deletes: it finds out under the lock of the row."""
    approve(owner)
    made = create_export(workspace=owner.personal_workspace(), by=owner, name="Mine", format="messages")
    finish = writing._finish

    def delete_first(export: Export, *rest: Any) -> None:
        delete_export(Export.objects.get(pk=export.pk), by=owner)
        finish(export, *rest)

    monkeypatch.setattr(writing, "_finish", delete_first)
    run_again(made)
    assert list_files(files_in) == []


def test_who_may(owner: User) -> None:
    """Editors, and whoever started it."""
    home = owner.personal_workspace()
    reviewer, viewer = make_user(), make_user()
    make_member(workspace=home, user=reviewer, role=Membership.Role.REVIEWER)
    make_member(workspace=home, user=viewer, role=Membership.Role.VIEWER)
    theirs, own = make_export(by=owner), make_export(workspace=home, by=reviewer)
    for person in (reviewer, viewer):
        with pytest.raises(PermissionDenied):
            delete_export(theirs, by=person)
    delete_export(own, by=reviewer)
    delete_export(theirs, by=owner)


def test_the_pages(signed_in: Client, owner: User, export: Exporting) -> None:
    approve(owner)
    made = export()
    page = f"/exports/{made.pk}/"
    assert f'href="{page}delete/"' in signed_in.get(page).text
    asked = signed_in.get(f"{page}delete/").text
    assert "Its 1 file" in asked
    assert "nobody can download it" in asked
    assert Export.objects.get().deleted_at is None, "to look deletes nothing"
    after = signed_in.post(f"{page}delete/", follow=True).text
    assert "It was deleted" in after
    assert f'href="{page}manifest/"' in after
    assert f'href="{page}delete/"' not in after
    assert signed_in.get(f"{page}files/1/").status_code == 404
    assert signed_in.get(f"{page}manifest/").json()["files"][0]["rows"] == 1
    assert "Deleted" in signed_in.get("/exports/").text
    assert ", deleted </option>" in " ".join(signed_in.get("/exports/new/").text.split())
    assert "This export is deleted" in signed_in.post(f"{page}delete/", follow=True).text


def test_the_api(owner: User, export: Exporting) -> None:
    approve(owner)
    made = export()
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    answer = caller.delete(f"/api/exports/{made.pk}")
    assert (answer.status_code, answer.json()["export"]["status"]) == (200, "deleted")
    assert (answer.json()["export"]["files"], bool(answer.json()["export"]["deletedAt"])) == ([], True)
    assert caller.get(f"/api/exports/{made.pk}").json()["export"]["manifest"]["files"][0]["sha256"]
    assert caller.get(f"/api/exports/{made.pk}/download").status_code == 404
    assert caller.delete(f"/api/exports/{made.pk}").status_code == 409
    assert BackgroundJob.objects.filter(kind="remove_export_files").count() == 1
