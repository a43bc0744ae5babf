"""Remove entries of the audit log that are older than the operator keeps them (`LORAPIPE_AUDIT_DAYS`)."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from workspaces.audit import record
from workspaces.models import AuditEntry
from workspaces.states import Action, TargetKind

AT_ONCE = 10_000
# The trigger of the table refuses to delete an entry, but for its owner in a transaction that says this (migration 0017).
ALLOW = "SET LOCAL lorapipe.audit_retention = 'on'"
REMOVE = """
DELETE FROM audit_log WHERE id = ANY(ARRAY(
    SELECT id FROM audit_log WHERE created_at < %(before)s ORDER BY id LIMIT %(at_once)s))
"""


def remove_old_entries(*, days: int) -> int:
    """Remove entries that are older than so many days; returns how many. 0 days: none.

    The removal leaves an entry of its own. Raises an error of the database unless the role owns the table.
    """
    if not days:
        return 0
    before = timezone.now() - timedelta(days=days)
    removed = 0
    while found := _remove_some(before):
        removed += found
    if removed:
        with transaction.atomic():
            after = {"entries": removed, "older_than": before}
            record(
                action=Action.REMOVE_OLD, kind=TargetKind.AUDIT_LOG, name="audit log", by=None, after=after
            )
    return removed


@transaction.atomic
def _remove_some(before: datetime) -> int:
    if not AuditEntry.objects.filter(created_at__lt=before).exists():
        return 0
    with connection.cursor() as cursor:
        cursor.execute(ALLOW)
        cursor.execute(REMOVE, {"before": before, "at_once": AT_ONCE})
        return int(cursor.rowcount)
