"""The entries of staff who read in the admin what belongs to a workspace in which they are not."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest

from workspaces.audit import Change, record_many
from workspaces.models import AuditEntry, ClockTimestamp, Membership, User, Workspace
from workspaces.states import Action, TargetKind

SAME_WITHIN = timedelta(hours=1)


def record_row(request: HttpRequest, row: Any) -> None:
    """The page of one row was opened."""
    _record(
        request, [getattr(row, "workspace_id", None)], {"page": row._meta.verbose_name, "row": str(row.pk)}
    )


def record_list(request: HttpRequest, rows: Iterable[Any], *, page: str) -> None:
    """A list was opened; an entry for each foreign workspace that it shows rows of."""
    _record(request, [getattr(row, "workspace_id", None) for row in rows], {"page": page})


def _record(request: HttpRequest, workspaces: Iterable[UUID | None], what: dict[str, str]) -> None:
    """One entry in each of these workspaces, about the workspace. The same within an hour is one entry."""
    keys = {key for key in workspaces if key}
    if not keys or not isinstance(request.user, User):
        return
    noted = AuditEntry.objects.of_targets(TargetKind.WORKSPACE, keys).filter(
        action=Action.READ, who=request.user, created_at__gt=ClockTimestamp() - SAME_WITHIN, after=what
    )
    mine = Membership.objects.filter(user=request.user, workspace__in=keys)
    foreign = (
        Workspace.objects.filter(pk__in=keys)
        .exclude(pk__in=mine.values("workspace"))
        .exclude(pk__in=noted.values("target_id"))
    )
    changes = [Change(pk, name, {}, what, workspace=pk) for pk, name in foreign.values_list("pk", "name")]
    if changes:
        with transaction.atomic():
            record_many(changes, action=Action.READ, kind=TargetKind.WORKSPACE, by=request.user)
