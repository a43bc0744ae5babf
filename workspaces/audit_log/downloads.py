"""The entries of what leaves the installation as a file."""

from datetime import timedelta

from django.db import models, transaction

from workspaces.audit import record
from workspaces.models import AuditEntry, ClockTimestamp, User
from workspaces.states import Action, TargetKind

# A download that is broken off and taken up again is one download, and a loop does not fill the log.
SAME_WITHIN = timedelta(minutes=10)


@transaction.atomic
def record_download(target: models.Model, *, kind: TargetKind, person: User, file: str = "") -> None:
    """Record that this person downloads the target, or one file of it; at most once in ten minutes."""
    after = {"file": file} if file else {}
    earlier = AuditEntry.objects.of_targets(kind, [target.pk]).filter(
        action=Action.DOWNLOAD, who=person, created_at__gt=ClockTimestamp() - SAME_WITHIN, after=after
    )
    if not earlier.exists():
        record(action=Action.DOWNLOAD, kind=kind, target=target, by=person, after=after)
