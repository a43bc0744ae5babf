"""Give up the files of exports: of those that a person deletes, and of those with a conversation that is deleted for good."""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Q

from background.actions import add_job
from exports.models import Export, ExportItem
from lib.amounts import count_words
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
    touched.written().update(removed_at=ClockTimestamp(), removed_why=WHY_REMOVED)
    for workspace in Workspace.objects.filter(pk__in={home for _, home in found}):
        start_removal([key for key, home in found if home == workspace.pk], workspace=workspace)


def start_removal(keys: Sequence[UUID], *, workspace: Workspace) -> None:
    """A background job that removes the files of these exports, as a part of the transaction that gives them up."""
    add_job(
        REMOVE_FILES,
        workspace=workspace,
        by=None,
        name=f"Remove the files of {count_words(len(keys), 'export')}",
        parameters={"exports": [str(key) for key in keys]},
        total=len(keys),
    )
