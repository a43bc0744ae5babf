"""`./run manage remove_old_audit_entries`: removes what LORAPIPE_AUDIT_DAYS no longer keeps; every start does it too."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from workspaces.audit_log.retention import remove_old_entries


class Command(BaseCommand):
    help = "Remove entries of the audit log that are older than LORAPIPE_AUDIT_DAYS. Needs the role that owns the tables."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        days = settings.ENVIRONMENT.observing.audit_days
        if not days:
            self.stdout.write("LORAPIPE_AUDIT_DAYS is not set: all entries are kept.")
            return
        self.stdout.write(f"{remove_old_entries(days=days):,} entries older than {days} days were removed.")
