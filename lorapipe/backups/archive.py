"""One archive: `database.dump`, the files of exports, and last of all `manifest.json`, so that half an archive is noticed.

It is a tar file, written and read piece by piece. It holds no key of LORAPIPE_ENCRYPTION_KEYS: keep those apart from it.
"""

import contextlib
import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage
from django.db.migrations.loader import MigrationLoader

from lorapipe.backups import CannotBackUp
from lorapipe.backups.database import (
    DROP_ALL,
    WITHOUT_ROWS,
    Database,
    Snapshot,
    count_others,
    count_rows,
    dump,
    find_missing_roles,
    restore,
    take_snapshot,
)
from lorapipe.backups.files import (
    FOLDER,
    add_files,
    find_entry,
    find_taken,
    list_files,
    put_files,
    refuse_damaged,
)

PRODUCT, FORMAT = "LoRAPipe", 1
DUMP, MANIFEST = "database.dump", "manifest.json"
LARGEST_MANIFEST = 64 * 1024 * 1024  # bytes: a quarter of a million files of exports
REPLACE = "--replace-everything"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a backup holds, or what was restored. `missing`: places of files that were gone; `roles`: those that do not exist."""

    rows: int
    tables: int
    files: int
    version: str
    missing: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


def back_up(database: Database, storage: Storage, target: Path) -> Outcome:
    """Write an archive. Raises CannotBackUp; then nothing is left of it. Whoever uses the product goes on meanwhile."""
    if target.exists():
        raise CannotBackUp(f"{target} is there already. Name another file: a backup never replaces one.")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with take_snapshot(database) as snapshot, tempfile.TemporaryDirectory(dir=target.parent) as folder:
            dumped = Path(folder) / DUMP
            dump(database, snapshot, dumped)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                manifest = _write(stream, snapshot, dumped, storage)
                stream.flush()
                os.fsync(stream.fileno())
        os.link(draft, target)  # fails where somebody has made that file in the meantime
    except OSError as problem:
        raise CannotBackUp(f"{target} cannot be written: {problem.strerror or problem}.") from problem
    finally:
        draft.unlink(missing_ok=True)
    return _describe(manifest)


def _write(stream: Any, snapshot: Snapshot, dumped: Path, storage: Storage) -> dict[str, Any]:
    files = list_files(snapshot.connection)
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(dumped, arcname=DUMP, filter=_without_names)
        missing = add_files(archive, files, storage)
        manifest = {
            "product": PRODUCT,
            "format": FORMAT,
            "version": settings.VERSION,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "migrations": snapshot.list_migrations(),
            "tables": snapshot.count_rows(),
            "roles": snapshot.list_roles(),
            "dump": hash_file(dumped),
            "files": [each for each in files if each["place"] not in set(missing)],
            "missing": missing,
        }
        text = json.dumps(manifest, indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode = len(text), 0o600
        archive.addfile(entry, BytesIO(text))
    return manifest


def hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _without_names(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing about who has made it on which machine."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry


def restore_from(source: Path, database: Database, storage: Storage, *, replace: bool) -> Outcome:
    """Make everything that is in the archive, in a database without tables, and compare the counts.

    `replace`: first drop what is there. Raises CannotBackUp; before anything was dropped, if the archive cannot be used.
    """
    with _open(source) as archive, database.connect() as connection:
        manifest = _read_manifest(archive)
        _refuse_newer(manifest)
        _refuse_use(connection)
        taken = find_taken(manifest["files"], storage)
        filled = sum(count_rows(connection).values())
        if (filled or taken) and not replace:
            what = (
                f"This database has {filled:,} rows"
                if filled
                else f"The storage of exports has {len(taken):,} of these files"
            )
            raise CannotBackUp(
                f"{what} already. Restore into a new data folder (LORAPIPE_DATA_DIR), or give {REPLACE}, "
                "which deletes everything that is here first."
            )
        refuse_damaged(archive, DUMP, manifest["dump"])
        for each in manifest["files"]:
            refuse_damaged(archive, FOLDER + each["place"], each["sha256"])
        missing = find_missing_roles(connection, manifest["roles"])
        connection.execute(DROP_ALL)
        restore(database, find_entry(archive, DUMP), with_rights=not missing)
        _compare(count_rows(connection), manifest["tables"])
        for place in taken:
            storage.delete(place)
        put_files(archive, manifest["files"], storage)
        connection.execute("ANALYZE")
    return _describe(manifest, roles=tuple(missing))


@contextlib.contextmanager
def _open(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:") as archive:
            yield archive
    except (tarfile.TarError, EOFError) as problem:
        raise CannotBackUp(f"{source} is no backup of LoRAPipe, or it is damaged: {problem}.") from problem
    except OSError as problem:
        raise CannotBackUp(f"{problem.filename or source}: {problem.strerror or problem}.") from problem


def _read_manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    not_whole = (
        "This is no whole backup of LoRAPipe: its list of contents is missing. Was its making broken off?"
    )
    try:
        entry = archive.getmember(MANIFEST)
        stream = archive.extractfile(entry)
        if stream is None or entry.size > LARGEST_MANIFEST:
            raise CannotBackUp(not_whole)
        found: dict[str, Any] = json.load(stream)
        if archive.getmember(DUMP).isfile() and found["product"] == PRODUCT and found["format"] == FORMAT:
            return found
    except (KeyError, TypeError, ValueError) as problem:
        raise CannotBackUp(not_whole) from problem
    raise CannotBackUp(
        f"This backup is of a form that this version of LoRAPipe ({settings.VERSION}) does not know."
    )


def _refuse_newer(manifest: dict[str, Any]) -> None:
    """An older backup is migrated at the next start. One with migrations that this code lacks cannot be used."""
    known = set(MigrationLoader(None).disk_migrations)
    unknown = [name for name in map(tuple, manifest["migrations"]) if name not in known]
    if unknown:
        raise CannotBackUp(
            f"This backup was made by LoRAPipe {manifest['version']}, which is newer than this one ({settings.VERSION}): "
            f"the migration {'.'.join(unknown[0])} is not known here. Restore it with that version."
        )


def _refuse_use(connection: Any) -> None:
    if others := count_others(connection):
        raise CannotBackUp(
            f"{others} other sessions use this database. Stop LoRAPipe (web, workers, dispatcher), then try again."
        )


def _compare(found: dict[str, int], wanted: dict[str, int]) -> None:
    found = {name: count for name, count in found.items() if name != WITHOUT_ROWS}
    if found != wanted:
        names = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        told = ", ".join(
            f"{name} has {found.get(name)} rows instead of {wanted.get(name)}" for name in names[:5]
        )
        raise CannotBackUp(f"The restored database is not what was backed up: {told}.")


def _describe(manifest: dict[str, Any], roles: tuple[str, ...] = ()) -> Outcome:
    return Outcome(
        rows=sum(manifest["tables"].values()),
        tables=len(manifest["tables"]),
        files=len(manifest["files"]),
        version=manifest["version"],
        missing=tuple(manifest["missing"]),
        roles=roles,
    )
