"""Write the files of a frozen export, all of them or none: the same items always give the same bytes."""

import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.utils.text import slugify

from background.running import Cancelled, JobFailed, RunningJob
from conversations.states import Status
from exports.formats import FORMATS, ExportError, Format, FormatOptions, Writer
from exports.formats.hub import Card, choose_inner, write_folder
from exports.models import Export
from exports.models.states import Split
from exports.running.facts import Outcome, describe_outcome
from exports.running.manifest import build_manifest, make_warning
from exports.running.measuring import Measured, measure, measure_beside
from exports.running.reading import Gone, Reader
from exports.running.storing import CannotStore, open_drafts, remove, remove_all_but, store
from workspaces.models import ClockTimestamp
from workspaces.terms import NOTICE

BUFFER = 1 << 20  # bytes
LONGEST_STEM = 60  # characters
OWN_SUFFIX = frozenset(
    {"messages", "json", "csv", "markdown", "parquet", "folder"}
)  # need no name in the file


@dataclass
class Written:
    """The drafts of an export, by split; a folder has one file for all of them."""

    paths: dict[str, Path] = field(default_factory=dict)
    measured: dict[Path, Measured] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)


def write(job: RunningJob, export: Export) -> None:
    """Write all files, and end the export with them. Raises JobFailed in plain words, and Ended; then nothing is left."""
    attempt = uuid4()
    places: dict[str, str] = {}
    try:
        with open_drafts(export) as folder:
            written = _write_drafts(job, export, folder)
            files = [
                {"name": path.name, "split": split, "rows": written.rows[split], **written.measured[path]}
                for split, path in written.paths.items()
            ]
            _check_same(export, files)
            places = store(export, attempt, written.paths.values())
        with job.step(gives_way=False) as step:
            skipped = written.skipped.total()
            step.result = describe_outcome(export, Outcome.WRITTEN, files=len(files), skipped=skipped)
            _finish(export, [{**each, "place": places[each["name"]]} for each in files], written)
    except (CannotStore, ExportError, Gone) as wrong:
        remove(places.values())
        raise JobFailed(str(wrong)) from wrong
    except BaseException:
        remove(places.values())
        raise
    remove_all_but(export, str(attempt))


def _finish(export: Export, files: list[dict[str, Any]], written: Written) -> None:
    """In one transaction with the job's last step.

    Raises Gone when a conversation was deleted for good meanwhile, and Cancelled when the export was deleted.
    """
    row = Export.objects.select_for_update(no_key=True, of=("self",)).get(pk=export.pk)
    if row.deleted_at is not None:
        raise Cancelled
    if row.items.filter(conversation=None).exists():
        raise Gone
    changes: dict[str, Any] = {
        "files": files,
        "size": sum(each["bytes"] for each in files),
        "removed_at": None,
        "removed_why": "",
    }
    if row.finished_at is None:
        changes["manifest"] = build_manifest(export, files, skipped=written.skipped, repairs=written.repairs)
        changes["finished_at"] = ClockTimestamp()
    Export.objects.filter(pk=export.pk).update(**changes)


def _check_same(export: Export, files: list[dict[str, Any]]) -> None:
    """What is written again must be what was written before."""
    before = {each["name"]: each["sha256"] for each in export.files}
    if export.finished_at is None or before == {each["name"]: each["sha256"] for each in files}:
        return
    raise JobFailed(
        "The files would not be the same as before: this version of LoRAPipe or of a package writes them differently. "
        "Nothing was replaced. Start a new export of the same conversations."
    )


# --- drafts ----------------------------------------------------------------------------------------------


def _write_drafts(job: RunningJob, export: Export, folder: Path) -> Written:
    wanted = FORMATS[export.format]
    if wanted.missing:
        raise JobFailed(wanted.missing)
    if not export.item_count:
        raise JobFailed("Nothing is left to export. Approve some conversations first, or take a filter away.")
    inner = FORMATS[choose_inner()] if wanted.folder else wanted
    written = _write_splits(job, export, folder, inner)
    if not any(written.rows.values()):
        raise JobFailed(f"{wanted.label} has no row for any of them: {'; '.join(written.skipped)}")
    if not wanted.folder:
        return written
    path = folder / make_file_name(export, "", wanted)
    with path.open("xb") as stream:
        write_folder(stream, _make_card(export, written), written.paths)
    written.paths, rows = {"": path}, sum(written.rows.values())
    written.measured = {path: measure(path)}
    written.rows = {"": rows}
    return written


def _write_splits(job: RunningJob, export: Export, folder: Path, inner: Format) -> Written:
    splits = [split for split in Split.values if split in export.counts["splits"]]
    names = {split: make_file_name(export, split, inner) for split in splits}
    written = Written(paths={split: folder / name for split, name in names.items()})
    options = FormatOptions(**export.options)
    with contextlib.ExitStack() as opened:
        streams = {
            split: opened.enter_context(path.open("xb", buffering=BUFFER))
            for split, path in written.paths.items()
        }
        with measure_beside(written.paths.values()) as written.measured:
            writers = {split: inner.open(stream, options) for split, stream in streams.items()}
            _write_items(job, export, writers)
            for writer in writers.values():
                writer.close()
            for stream in streams.values():
                stream.flush()
    for split, writer in writers.items():
        written.rows[split] = writer.rows
        written.skipped.update(writer.skipped)
        written.repairs.update(writer.repairs)
    return written


def _write_items(job: RunningJob, export: Export, writers: Mapping[str, Writer]) -> None:
    some = next(iter(writers.values()))
    reader = Reader(export, with_metadata=some.always_metadata or some.options.metadata)
    for chunk in reader.iter_chunks(job.count_done):
        for line in chunk:
            writers[line.split].write(line.record)


def make_file_name(export: Export, split: str, file_format: Format) -> str:
    """A plain name that says what must not be overlooked: `approved-sharegpt-simulated-unreviewed-train.jsonl`."""
    stem = slugify(export.name)[:LONGEST_STEM].strip("-_") or "export"
    parts = [stem, "" if file_format.name in OWN_SUFFIX else file_format.name.replace("_", "-")]
    parts += ["simulated" if export.counts.get("simulated") else ""]
    parts += ["unreviewed" if has_unreviewed(export) else ""]
    parts += [split if len(export.counts.get("splits", {})) > 1 else ""]
    return "-".join(part for part in parts if part) + file_format.suffix


def has_unreviewed(export: Export) -> bool:
    return bool(set(export.counts.get("statuses", {})) - {Status.APPROVED, Status.REJECTED})


def _make_card(export: Export, written: Written) -> Card:
    """The card says nothing that may change, so that a folder that is written again has the same bytes."""
    counts = export.counts
    models = ", ".join(name for name in counts["models"] if name)
    templates = ", ".join(
        f"{each['name']} (version {each['number']})" for each in counts["template_versions"]
    )
    notes = [
        f"Written by {models}." if models else "",
        f"Made from these templates: {templates}." if templates else "",
        "Some of these conversations were not reviewed by a person." if has_unreviewed(export) else "",
        f"Made for: {export.purpose}" if export.purpose else "",
        NOTICE,
    ]
    return Card(
        name=export.name,
        splits=written.rows,
        languages=[name for name in counts["languages"] if name] or ["en"],
        simulated=bool(counts["simulated"]),
        warning=make_warning(export),
        notes=[note for note in notes if note],
    )
