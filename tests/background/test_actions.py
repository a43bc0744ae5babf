"""Starting and cancelling a background job: who may, and what is recorded."""

import pytest
from django.core.exceptions import PermissionDenied

from background.actions import cancel_job, start_job
from background.models import BackgroundJob
from background.states import JobState
from lib.stale_state import StaleState
from tests.background.conftest import Counting
from tests.factories import make_member, make_user
from tests.support.background import run
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db


def start(by: User | None, owner: User) -> BackgroundJob:
    return start_job(
        "counting", workspace=owner.personal_workspace(), by=by, name="Count", parameters={"to": 5}, total=5
    )


def test_a_start_is_recorded(owner: User, counting: Counting) -> None:
    job = start(owner, owner)
    assert (job.status, job.created_by, job.parameters, job.total) == (JobState.QUEUED, owner, {"to": 5}, 5)
    entry = AuditEntry.objects.get(target_id=job.pk)
    assert (entry.action, entry.target_kind, entry.who) == ("start", "background_job", owner)
    assert start(None, owner).created_by is None


def test_only_who_may_starts_one(owner: User, counting: Counting) -> None:
    home = owner.personal_workspace()
    viewer = make_member(workspace=home, role=Membership.Role.VIEWER).user
    for person in (viewer, make_user()):
        with pytest.raises(PermissionDenied):
            start(person, owner)
    assert not BackgroundJob.objects.exists()


def test_a_kind_must_be_registered(owner: User) -> None:
    with pytest.raises(AssertionError):
        start_job("unheard_of", workspace=owner.personal_workspace(), by=owner, name="?")


def test_to_cancel_again_changes_nothing(owner: User, counting: Counting) -> None:
    job = start(owner, owner)
    cancel_job(job, by=owner)
    assert cancel_job(job, by=owner).status == JobState.CANCELLED
    (entry,) = AuditEntry.objects.filter(action="cancel")
    assert (entry.before, entry.after) == ({"status": "queued"}, {"status": "cancelled"})


def test_one_that_has_ended_cannot_be_cancelled(owner: User, counting: Counting) -> None:
    job = run(start(owner, owner))
    with pytest.raises(StaleState, match="is completed"):
        cancel_job(job, by=owner)
