"""The files of exports in a backup. They are read from their storage, and written to one, piece by piece."""

import contextlib
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from tarfile import TarFile, TarInfo
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import Storage

from lorapipe.backups import CannotBackUp
from lorapipe.backups.database import CHUNK, Connection

FOLDER = "exports/"
# As `exports.running.storing` names them: export, attempt, name. Nothing else of an archive gets a place in a storage.
A_PLACE = re.compile(r"[0-9a-f-]{36}/[0-9a-f-]{36}/[^/\\\x00]{1,255}")
# The conditions of Export.objects.written(), read in the backup's own snapshot.
WRITTEN = """
SELECT file ->> 'place', (file ->> 'bytes')::bigint, file ->> 'sha256'
  FROM exports, jsonb_array_elements(files) AS listed (file)
 WHERE finished_at IS NOT NULL AND removed_at IS NULL AND deleted_at IS NULL
 ORDER BY 1
"""


def list_files(connection: Connection) -> list[dict[str, Any]]:
    """`place`, `bytes` and `sha256` of each file that exports have."""
    rows = connection.execute(WRITTEN)
    return [{"place": place, "bytes": size, "sha256": digest} for place, size, digest in rows]


def add_files(archive: TarFile, files: Iterable[Mapping[str, Any]], storage: Storage) -> list[str]:
    """Put these files into the archive. Returns the places of those that are gone or of another size.

    One is gone, for example, when its export was deleted a moment ago.
    """
    missing = []
    for each in files:
        try:
            with storage.open(each["place"], "rb") as stream:
                if stream.size != each["bytes"]:
                    raise FileNotFoundError(each["place"])
                entry = TarInfo(FOLDER + each["place"])
                entry.size, entry.mode = stream.size, 0o600
                archive.addfile(entry, stream)
        except FileNotFoundError:
            missing.append(each["place"])
    return missing


def find_taken(files: Sequence[Mapping[str, Any]], storage: Storage) -> list[str]:
    """Those of these places that have a file already. Raises CannotBackUp for what is no place of an export's file."""
    for each in files:
        if not A_PLACE.fullmatch(each["place"]):
            raise CannotBackUp(
                f"This archive was changed: {each['place']!r} is no place of an export's file."
            )
    return [each["place"] for each in files if storage.exists(each["place"])]


def refuse_damaged(archive: TarFile, name: str, digest: str) -> None:
    """Raises CannotBackUp unless this entry of the archive has the SHA-256 that it had when it was written."""
    stream, found = find_entry(archive, name), hashlib.sha256()
    while piece := stream.read(CHUNK):
        found.update(piece)
    if found.hexdigest() != digest:
        raise CannotBackUp(f"This archive is damaged: {name} is not what was written. Nothing was restored.")


def find_entry(archive: TarFile, name: str) -> IO[bytes]:
    with contextlib.suppress(KeyError):
        if (stream := archive.extractfile(name)) is not None:
            return stream
    raise CannotBackUp(f"This archive is damaged: {name} is not in it. Nothing was restored.")


def put_files(archive: TarFile, files: Iterable[Mapping[str, Any]], storage: Storage) -> None:
    """Give the files of the archive their places."""
    for each in files:
        file: File[bytes] = File(find_entry(archive, FOLDER + each["place"]), name=each["place"])
        file.DEFAULT_CHUNK_SIZE = CHUNK
        file.size = each["bytes"]
        if (place := storage.save(each["place"], file)) != each["place"]:
            storage.delete(place)
            raise CannotBackUp(f"There is a file at {each['place']} of the storage already.")
