"""Start a background job, and cancel one."""

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, F, Value, When

from background.kinds import find_kind
from background.models import BackgroundJob, JobRequest
from background.states import OPEN, JobState
from lib.stale_state import StaleState
from workspaces.audit import record
from workspaces.models import ClockTimestamp, Membership, RequestKey, User, Workspace
from workspaces.states import Action, TargetKind

LONGEST_NAME = 200  # characters


class _Named(TypedDict):
    name: str


class Given(_Named, total=False):
    """What a job is made of: its name for people, its parameters as JSON, how many there are to do, if that is known.

    `result`: what its result has from the beginning, such as the key of what it is about. `sent`: the key of the request that
    asks for it; one that was used before raises IntegrityError.
    """

    parameters: Mapping[str, Any]
    total: int | None
    result: Mapping[str, Any]
    sent: RequestKey | None


@transaction.atomic
def start_job(kind: str, *, workspace: Workspace, by: User | None, **given: Unpack[Given]) -> BackgroundJob:
    """Queue a job of a registered kind; a worker begins it within a second.

    Raises PermissionDenied for a person whose role in the workspace does not allow it.
    """
    made = add_job(kind, workspace=workspace, by=by, **given)
    record(action=Action.START, kind=TargetKind.BACKGROUND_JOB, target=made, by=by, after={"kind": kind})
    return made


def add_job(kind: str, *, workspace: Workspace, by: User | None, **given: Unpack[Given]) -> BackgroundJob:
    """The same as a part of another action, which records itself."""
    known = find_kind(kind)
    assert known is not None, f"no room has registered the kind {kind}"
    roles = list(known.roles)
    if by is not None and not Membership.objects.of(by).filter(workspace=workspace, role__in=roles).exists():
        raise PermissionDenied
    made = BackgroundJob.objects.create(
        workspace=workspace,
        created_by=by,
        by_system=by is None,
        kind=kind,
        name=given["name"][:LONGEST_NAME],
        parameters=dict(given.get("parameters", {})),
        total=given.get("total"),
        result=dict(given.get("result", {})),
    )
    JobRequest.objects.remember(made, by=by, sent=given.get("sent"))
    return made


@transaction.atomic
def cancel_job(job: BackgroundJob, *, by: User | None) -> BackgroundJob:
    """Cancel a job: at once while it waits, after the step that runs otherwise. What was done stays done.

    To cancel again changes nothing. Raises StaleState for one that has ended another way.
    """
    moved = BackgroundJob.objects.filter(pk=job.pk, status__in=OPEN, cancel_asked_at=None).update(
        cancel_asked_at=ClockTimestamp(),
        # In an update F and conditions mean the row as it was.
        ended_at=Case(When(status=JobState.QUEUED, then=ClockTimestamp()), default=F("ended_at")),
        status=Case(When(status=JobState.QUEUED, then=Value(JobState.CANCELLED.value)), default=F("status")),
    )
    before = job.status
    job.refresh_from_db()
    if moved:
        record(
            action=Action.CANCEL,
            kind=TargetKind.BACKGROUND_JOB,
            target=job,
            by=by,
            before={"status": before},
            after={"status": job.status},
        )
    elif job.cancel_asked_at is None:
        raise StaleState("background job", verb="cancelled", status=job.status)
    return job
