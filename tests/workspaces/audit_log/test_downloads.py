"""What leaves the installation as a file is in the audit log."""

import pytest
from django.test import Client

from tests.factories import make_conversation, make_job, make_user
from workspaces.audit_log.downloads import record_download
from workspaces.models import AuditEntry, User
from workspaces.states import Action, TargetKind

pytestmark = pytest.mark.django_db


def test_downloads_of_a_batch_and_of_a_conversation_are_recorded(signed_in: Client, owner: User) -> None:
    job, made = make_job(by=owner, name="Rent"), make_conversation(by=owner)
    signed_in.get(f"/batches/{job.pk}/download/")
    signed_in.get(f"/conversations/{made.pk}/download/")
    signed_in.get("/reviews/file/")
    told = AuditEntry.objects.filter(action=Action.DOWNLOAD).order_by("pk")
    assert [(entry.target_kind, entry.target_id) for entry in told][:2] == [
        (TargetKind.BATCH, job.pk),
        (TargetKind.CONVERSATION, made.pk),
    ]
    assert {entry.who for entry in told} == {owner}


def test_the_same_download_is_recorded_once(owner: User) -> None:
    job, other = make_job(by=owner), make_user()
    for person, file in ((owner, "a"), (owner, "a"), (owner, "b"), (other, "a")):
        record_download(job, kind=TargetKind.BATCH, person=person, file=file)
    told = AuditEntry.objects.filter(action=Action.DOWNLOAD)
    assert sorted((str(entry.who), entry.after["file"]) for entry in told) == sorted(
        [(str(owner), "a"), (str(owner), "b"), (str(other), "a")]
    )
