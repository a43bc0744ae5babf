"""Write a job's conversations to a file, whole or not at all."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.text import slugify

from batches.models import BatchJob
from exports.manifest import manifest
from exports.stream import Written, of_job, write_jsonl
from exports.target import CannotWrite, checked_target, draft_path, manifest_path


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file on disk with its manifest."""

    path: Path
    manifest_path: Path
    written: Written
    manifest: dict[str, Any]


def export_job(job: BatchJob, path: Path) -> Exported:
    """Write FILE and FILE.manifest.json: all conversations of this job, whatever their review state.

    An earlier file of that name is replaced only when the new one is complete. Raises CannotWrite or ExportError.
    """
    path = checked_target(path)
    beside = manifest_path(path)
    try:
        with _replacing(path) as stream:
            written = write_jsonl(of_job(job), stream)
        about = manifest(written, file=path.name, job=job)
        with _replacing(beside) as stream:
            stream.write(json.dumps(about, ensure_ascii=False, allow_nan=False, indent=2).encode() + b"\n")
    except OSError as error:
        raise CannotWrite(f"{path}: {error.strerror}.") from error
    return Exported(path=path, manifest_path=beside, written=written, manifest=about)


def file_name(stem: str, *, simulated: bool) -> str:
    """What a download is called; it says `simulated` where something in it is."""
    plain = slugify(stem).replace("-", "_")[:60].strip("_") or "conversations"
    return f"{plain}{'-simulated' if simulated else ''}.jsonl"


def job_file_name(job: BatchJob) -> str:
    simulated = of_job(job).filter(simulated=True).exists()
    return file_name(f"{job.name[:40]} {str(job.pk)[:8]}", simulated=simulated)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when it is complete and on the disk."""
    draft = draft_path(path)
    try:
        with draft.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
