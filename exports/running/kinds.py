"""The background jobs of this room: writing an export, and removing the files that hold a text which was deleted for good."""

from background.kinds import Kind
from background.running import JobFailed, RunningJob
from conversations.bulk import TooCommon
from exports.models import Export
from exports.running import storing
from exports.running.checking import check
from exports.running.forgetting import REMOVE_FILES
from exports.running.freezing import freeze
from exports.running.reading import Gone
from exports.running.writing import write
from workspaces.models import Membership

EXPORT = "export"


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


KINDS = [
    Kind(EXPORT, "Export", run, roles=Membership.REVIEWERS),
    Kind(REMOVE_FILES, "Remove files of exports", remove_files),
]
