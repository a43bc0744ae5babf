"""The background jobs of this room: writing an export, and removing the files that hold a text which was deleted for good."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from background.actions import add_job
from background.kinds import Kind, register
from background.running import JobFailed, RunningJob
from conversations.bulk import TooCommon
from conversations.models.deleting import before_deleting
from exports.models import Export, ExportItem
from exports.running import storing
from exports.running.checking import check
from exports.running.freezing import freeze
from exports.running.reading import Gone
from exports.running.writing import write
from workspaces.models import ClockTimestamp, Membership, Workspace

EXPORT = "export"
REMOVE_FILES = "remove_export_files"
WHY_REMOVED = "A conversation that was in these files has been deleted for good."


def register_kinds() -> None:
    """Called once, when the apps are ready."""
    register(Kind(EXPORT, "Export", run, roles=Membership.REVIEWERS))
    register(Kind(REMOVE_FILES, "Remove files of exports", remove_files))
    before_deleting(forget_conversations)


def run(job: RunningJob) -> None:
    """Freeze, check, write: what was done by an earlier job of the same export is not done again."""
    export = Export.objects.select_related("workspace", "created_by", "since").get(
        pk=job.parameters["export"]
    )
    if export.frozen_at is None:
        try:
            freeze(job, export)
        except TooCommon as wrong:
            raise JobFailed(str(wrong)) from wrong
    if not export.item_count:
        raise JobFailed("Nothing is left to export. Approve some conversations first, or take a filter away.")
    if export.checked_at is None:
        try:
            check(job, export)
        except Gone as wrong:
            raise JobFailed(str(wrong)) from wrong
        if export.is_blocked or (job.parameters["pauses"] and export.report.get("findings")):
            return
    write(job, export)


# --- deletion for good -----------------------------------------------------------------------------------


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


def remove_files(job: RunningJob) -> None:
    """Remove them from the storage. To do it twice does no harm."""
    keys = job.parameters["exports"]
    for number, key in enumerate(keys[job.place.get("next", 0) :], start=job.place.get("next", 0) + 1):
        with job.step() as step:
            export = Export.objects.filter(pk=key).first()
            # One without files may have left some, when its worker was killed.
            if export is not None and not export.has_files:
                storing.remove_all_but(export)
            step.done, step.place = 1, {"next": number}
