"""What people do with exports: start one, write its files after the check, write them again, cancel it."""

import contextlib
from collections.abc import Sequence
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction

from background.actions import add_job, cancel_job
from background.models import BackgroundJob
from exports.formats import FORMATS
from exports.models import Export
from exports.models.states import ExportState
from exports.running.forgetting import start_removal
from exports.running.kinds import EXPORT
from lib.stale_state import StaleState
from workspaces.audit import record
from workspaces.models import ClockTimestamp, Membership, RequestKey, User, Workspace
from workspaces.states import Action, TargetKind

MOST_CHOSEN = 10_000
# After these an export that has no files yet can be written.
WRITABLE = frozenset({ExportState.CHECKED, ExportState.FAILED, ExportState.CANCELLED})


class Blocked(StaleState):
    """The check found something that would break a trainer."""

    def __init__(self) -> None:
        self.noun, self.verb, self.status = "export", "written", ExportState.BLOCKED.value
        Exception.__init__(
            self,
            "The check found what would break a trainer. Mend these conversations, or leave them out, and start a new export.",
        )


class Choices(TypedDict, total=False):
    """What an export is made of: the columns of `Export` by their names, `name` and `format` at least."""

    name: str
    purpose: str
    format: str
    options: dict[str, Any]
    token_limit: int | None
    filter: str
    chosen: Sequence[UUID] | None
    approved_only: bool
    simulated: bool
    since: Export | None
    validation_percent: int
    test_percent: int
    seed: int
    most_per_cell: int | None


@transaction.atomic
def create_export(
    *,
    workspace: Workspace,
    by: User | None,
    pauses: bool = True,
    sent: RequestKey | None = None,
    **choices: Unpack[Choices],
) -> Export:
    """Store an export and start its job: it freezes the conversations, checks them, and writes the files.

    `pauses`: whether it stops after the check when there is something to look at, until `write_export`. What would break a
    trainer always stops it. Raises PermissionDenied for a person who decides nothing in the workspace.
    """
    chosen = choices.pop("chosen", None)
    made = Export(
        workspace=workspace,
        created_by=by,
        chosen=None if chosen is None else [str(key) for key in dict.fromkeys(chosen)],
        **choices,
    )
    made.job = _add_job(made, by=by, pauses=pauses, sent=sent)
    made.save(force_insert=True)
    record(
        action=Action.CREATE,
        kind=TargetKind.EXPORT,
        target=made,
        by=by,
        after={"format": made.format, "approved_only": made.approved_only, "simulated": made.simulated},
    )
    return made


@transaction.atomic
def write_export(export: Export, *, by: User | None, sent: RequestKey | None = None) -> Export:
    """Write the files of an export that was checked, or begin again where it failed or was cancelled.

    Raises Blocked, and StaleState when it runs or has its files.
    """
    row = _lock(export)
    if row.state == ExportState.BLOCKED:
        raise Blocked
    if row.state not in WRITABLE:
        raise StaleState("export", verb="written", status=row.state)
    return _start(row, by=by, action=Action.START, sent=sent)


@transaction.atomic
def recreate_export(export: Export, *, by: User | None, sent: RequestKey | None = None) -> Export:
    """Write the files again from the frozen rows: the same bytes, or none.

    Raises StaleState where that cannot be: it was never finished, it runs, or a conversation was deleted for good.
    """
    row = _lock(export)
    if row.state != ExportState.COMPLETED:
        raise StaleState("export", verb="written again", status=row.state)
    return _start(row, by=by, action=Action.RECREATE, sent=sent)


def cancel_export(export: Export, *, by: User | None) -> Export:
    """Cancel its job. Raises StaleState for one that does not run."""
    if export.job is None or not export.is_open:
        raise StaleState("export", verb="cancelled", status=export.state)
    cancel_job(export.job, by=by)
    export.refresh_from_db()
    return export


@transaction.atomic
def delete_export(export: Export, *, by: User | None) -> Export:
    """Delete an export: from this commit on nobody downloads its files, and a background job removes them. Its job is cancelled.

    The row stays, with its manifest, the hashes of its files and its frozen rows: see docs/decisions/0031. Raises StaleState
    for one that is deleted already, and PermissionDenied for a person who neither started it nor edits in its workspace.
    """
    row = _lock(export)
    if by is not None and not may_delete(by, row):
        raise PermissionDenied
    state = row.state
    if state == ExportState.DELETED:
        raise StaleState("export", verb="deleted again", status=state)
    if row.job is not None and row.is_open:
        with contextlib.suppress(StaleState):  # it has ended since
            cancel_job(row.job, by=by)
    Export.objects.filter(pk=row.pk).update(deleted_at=ClockTimestamp())
    start_removal([row.pk], workspace=row.workspace)
    record(action=Action.REMOVE, kind=TargetKind.EXPORT, target=row, by=by, before={"status": state.value})
    row.refresh_from_db()
    return row


def _lock(export: Export) -> Export:
    found: Export = (
        Export.objects.select_for_update(no_key=True, of=("self",)).select_related("job").get(pk=export.pk)
    )
    return found


def _start(export: Export, *, by: User | None, action: Action, sent: RequestKey | None) -> Export:
    export.job = _add_job(export, by=by, pauses=False, sent=sent)
    Export.objects.filter(pk=export.pk).update(job=export.job)
    record(action=action, kind=TargetKind.EXPORT, target=export, by=by, after={"format": export.format})
    return export


def _add_job(export: Export, *, by: User | None, pauses: bool, sent: RequestKey | None) -> BackgroundJob:
    return add_job(
        EXPORT,
        workspace=export.workspace,
        by=by,
        name=f"Export {export.name} as {FORMATS[export.format].label}",
        parameters={"export": str(export.pk), "pauses": pauses},
        result={"export": str(export.pk)},
        sent=sent,
    )


def may_export(user: User, workspace: UUID) -> bool:
    """Whether this person may start exports there."""
    return Membership.objects.of(user).filter(workspace=workspace, role__in=Membership.REVIEWERS).exists()


def may_delete(user: User, export: Export) -> bool:
    """Whether this person may delete this export: an editor of its workspace, or whoever started it and still reviews there."""
    roles = Membership.REVIEWERS if export.created_by_id == user.pk else Membership.EDITORS
    return Membership.objects.of(user).filter(workspace=export.workspace_id, role__in=roles).exists()
