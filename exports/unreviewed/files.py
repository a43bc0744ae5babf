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
from exports.unreviewed.manifest import build_manifest
from exports.unreviewed.stream import Written, select_for_job, write_jsonl
from exports.unreviewed.target import CannotWrite, check_target, get_manifest_path, make_draft_path


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A file on disk with its manifest."""

    path: Path
    manifest_path: Path
    written: Written
    manifest: dict[str, Any]


def export_job(job: BatchJob, path: Path, *, system: bool = True) -> Exported:
    """Write the conversations of this job, reviewed or not, but for rejected and archived ones, to FILE, and FILE.manifest.json beside it.

    `system`: whether the training system prompts are written.
    An existing file is replaced only when the new one is complete. Raises CannotWrite or ExportError.
    """
    path = check_target(path)
    beside = get_manifest_path(path)
    try:
        with _replace_file(path) as stream:
            written = write_jsonl(select_for_job(job), stream, system=system)
        about = build_manifest(written, file=path.name, job=job, system=system)
        with _replace_file(beside) as stream:
            stream.write(json.dumps(about, ensure_ascii=False, allow_nan=False, indent=2).encode() + b"\n")
    except OSError as error:
        raise CannotWrite(f"{path}: {error.strerror}.") from error
    return Exported(path=path, manifest_path=beside, written=written, manifest=about)


def build_file_name(stem: str, *, simulated: bool, unreviewed: bool = True) -> str:
    """The name of a download. It says `unreviewed`, and `simulated` if any conversation in it is simulated."""
    plain = slugify(stem).replace("-", "_")[:60].strip("_") or "conversations"
    marks = ("-simulated" if simulated else "") + ("-unreviewed" if unreviewed else "")
    return f"{plain}{marks}.jsonl"


def build_job_file_name(job: BatchJob) -> str:
    simulated = select_for_job(job).filter(simulated=True).exists()
    return build_file_name(f"{job.name[:40]} {str(job.pk)[:8]}", simulated=simulated)


@contextlib.contextmanager
def _replace_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that replaces `path` when it is complete and written to the disk."""
    draft = make_draft_path(path)
    try:
        with draft.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
