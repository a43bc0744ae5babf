"""What happens to the files of exports when a conversation in them is deleted for good."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from background.actions import add_job
from exports.models import Export, ExportItem
from workspaces.models import ClockTimestamp, Workspace

REMOVE_FILES = "remove_export_files"
WHY_REMOVED = "A conversation that was in these files has been deleted for good."


def forget_conversations(keys: Collection[UUID]) -> None:
    """In the transaction that deletes these conversations for good: their exports lose their files.

    From this commit on nobody downloads them; a background job removes them from the storage.
    """
    holds = ExportItem.objects.filter(Q(conversation__in=keys) | Q(other__in=keys))
    touched = Export.objects.filter(pk__in=holds.values("export"))
    found = list(touched.order_by("pk").select_for_update(no_key=True).values_list("pk", "workspace"))
    if not found:
        return
    with_files = touched.filter(finished_at__isnull=False, removed_at=None)
    with_files.update(removed_at=ClockTimestamp(), removed_why=WHY_REMOVED)
    for workspace in Workspace.objects.filter(pk__in={home for _, home in found}):
        mine = [str(key) for key, home in found if home == workspace.pk]
        add_job(
            REMOVE_FILES,
            workspace=workspace,
            by=None,
            name=f"Remove the files of {len(mine):,} export{'' if len(mine) == 1 else 's'}",
            parameters={"exports": mine},
            total=len(mine),
        )
