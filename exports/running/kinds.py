"""The background jobs of this room: making an export, and removing the files of exports."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from background.kinds import STOPPED, WAITS, End, Kind, count
from background.running import JobFailed, RunningJob
from conversations.bulk import TooCommon
from exports.models import Export
from exports.running import storing
from exports.running.checking import check
from exports.running.facts import OUTCOME, Outcome
from exports.running.forgetting import REMOVE_FILES
from exports.running.freezing import freeze
from exports.running.reading import Gone
from exports.running.writing import write
from lib.amounts import count_words
from workspaces.models import Membership

EXPORT = "export"


def run(job: RunningJob) -> None:
    """Freeze, check, write: what was done by an earlier job of the same export is not done again."""
    if OUTCOME in job.row.result:
        return  # its worker died between the last step and the end of the job
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
        if OUTCOME in job.row.result:
            return
    if job.row.total is None:
        job.set_total(export.item_count)
    write(job, export)


def describe(result: Mapping[str, Any], done: int) -> End:
    """What the last step of an export has said: see `exports.running.facts.describe_outcome`."""
    outcome = result.get(OUTCOME)
    if outcome is None:  # a job of an earlier version
        return End("Finished.", 0)
    items = count_words(count(result, "conversations"), "conversation")
    if pairs := count(result, "pairs"):
        items = f"{count_words(pairs, 'pair')} of {items}"
    all_of_them = count(result, "pairs") or count(result, "conversations")
    if outcome == Outcome.WAITS:
        return End(f"The export of {items} is checked and waits for you.", all_of_them, reason=WAITS)
    if outcome == Outcome.BLOCKED:
        sentence = f"The check of {items} found what would break a trainer. Nothing was written."
        return End(sentence, all_of_them, reason=STOPPED)
    skipped = count(result, "skipped")
    files, left_out = count_words(count(result, "files"), "file"), f", {skipped:,} without a row"
    return End(f"Finished: {items} in {files}{left_out if skipped else ''}.", all_of_them - skipped, skipped)


def find_page(result: Mapping[str, Any]) -> str | None:
    """The page of the export; jobs of earlier versions do not name it."""
    return reverse("export", args=[result["export"]]) if "export" in result else None


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


def describe_removal(result: Mapping[str, Any], done: int) -> End:
    return End(f"Finished: the files of {count_words(done, 'export')} are removed.", done)


KINDS = [
    Kind(EXPORT, "Export", run, Membership.REVIEWERS, describe=describe, page=find_page, in_percent=True),
    Kind(REMOVE_FILES, "Remove files of exports", remove_files, describe=describe_removal),
]
