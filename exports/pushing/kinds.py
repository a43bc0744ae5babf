"""The background job that pushes an export to the Hub."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from background.kinds import End, Kind
from background.running import JobFailed, RunningJob
from exports.models import Export, HubToken
from exports.pushing import hub
from exports.pushing.sending import Asked, send
from exports.running.kinds import find_page
from exports.running.storing import CannotStore, clear_drafts, get_storage, open_drafts
from lib.encryption import UnknownEncryptionKey

PUSH = "push_export"
KEPT = "push-"  # how the folder begins in which it is unpacked
STEPS = 2  # unpacked, sent
COPIED = 1 << 20  # bytes at a time
GONE = "The files of this export are not there any more. Nothing was committed. Write them again, or start a new export."
NOT_ENTERED = "This workspace has no token of the Hub. An owner enters one under Settings, Hub."
UNREADABLE = (
    "The token of the Hub cannot be read, because the operator has removed the key that encrypted it. "
    "An owner enters it again under Settings, Hub."
)


def run(job: RunningJob) -> None:
    """Unpack the folder, send it, and note where it is. A job that begins anew makes the same commit, or none."""
    if "repository" in job.row.result:
        return  # its worker died between the last step and the end of the job
    export = Export.objects.get(pk=job.parameters["export"])
    token = _read_token(job)
    clear_drafts(export, kind=KEPT)
    try:
        with open_drafts(export, kind=KEPT) as place:
            folder, scratch = place / "files", place / "scratch"
            scratch.mkdir()
            _unpack(job, export, folder)
            pushed = _push(job, export, token, folder=folder, scratch=scratch)
    except CannotStore as wrong:
        raise JobFailed(str(wrong)) from wrong
    # First, and by itself: it is true even if somebody cancels the job now.
    Export.objects.filter(pk=export.pk).update(pushed=pushed)
    with job.step(gives_way=False) as step:
        step.done = 1
        step.result = {"repository": pushed["repository"], "commitUrl": pushed["commit_url"]}


def _read_token(job: RunningJob) -> str:
    found = HubToken.objects.filter(workspace=job.workspace).first()
    if found is None:
        raise JobFailed(NOT_ENTERED)
    if not hub.is_available():
        raise JobFailed(hub.INSTALL)
    try:
        token: str = found.read()
    except UnknownEncryptionKey as wrong:
        raise JobFailed(UNREADABLE) from wrong
    return token


def _unpack(job: RunningJob, export: Export, folder: Path) -> None:
    """The files of the stored ZIP, into this folder. Raises JobFailed when it is gone or damaged."""
    _look(job, export)
    try:
        with (
            get_storage().open(export.files[0]["place"], "rb") as stored,
            zipfile.ZipFile(stored) as archive,
        ):
            for entry in archive.infolist():
                path = folder / entry.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, path.open("xb") as to:
                    shutil.copyfileobj(source, to, COPIED)
                _look(job, export)
    except (FileNotFoundError, IndexError, zipfile.BadZipFile) as wrong:
        raise JobFailed(GONE) from wrong
    with job.step(gives_way=False) as step:
        step.done, step.place = 0 if job.place else 1, {"unpacked": True}


def _look(job: RunningJob, export: Export) -> None:
    """Renew the lease. Raises Ended when the job is not to go on, and JobFailed when the export has no files any more."""
    with job.step(gives_way=False):
        if not Export.objects.written().filter(pk=export.pk).exists():
            raise JobFailed(GONE)


def _push(job: RunningJob, export: Export, token: str, *, folder: Path, scratch: Path) -> dict[str, Any]:
    repository, public = job.parameters["repository"], job.parameters["public"]
    asked = Asked(
        endpoint=hub.ADDRESS,
        token=token,
        repository=repository,
        private=not public,
        message=f"Add the export “{export.name}” of LoRAPipe",
        folder=str(folder),
    )
    said = send(asked, scratch=scratch, look=lambda: _look(job, export))
    if "failed" in said:
        _look(job, export)  # perhaps because its files were removed meanwhile
        raise JobFailed(hub.explain(said, repository=repository, secret=token))
    names = ("repository", "url", "commit", "commit_url")
    return {**{name: said[name] for name in names}, "public": not said["private"]}


def describe(result: Mapping[str, Any], done: int) -> End:
    return End(f"Finished: pushed to {result.get('repository', 'the Hub')}.", 1)


KINDS = [Kind(PUSH, "Push to the Hub", run, describe=describe, page=find_page, in_percent=True)]
