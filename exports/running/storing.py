"""Where the files of exports are: a storage of Django, so that several hosts can share a place. No half file ever has a name there.

A file is written as a draft, is complete and on the disk, and only then gets its place. Each attempt has a folder of its own
(`<export>/<attempt>/`), so that two workers never write over each other; the row of the export says which attempt counts.
"""

import contextlib
import errno
import logging
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from uuid import UUID

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from exports.models import Export

logger = logging.getLogger(__name__)

ALIAS = "exports"
DRAFTS = ".drafts"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class CannotStore(Exception):
    """The files could not be written. The message says why and what to do; nothing is left of them."""


class _Draft(File):  # type: ignore[type-arg]
    """A finished draft. A storage on the same disk moves it into its place instead of copying it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self._path = path

    def temporary_file_path(self) -> str:
        return str(self._path)


def get_storage() -> Storage:
    return storages[ALIAS]


@contextlib.contextmanager
def open_drafts(export: Export, *, kind: str = "") -> Iterator[Path]:
    """A folder for the drafts of this export, gone afterwards. Raises CannotStore for a full disk and the like.

    `kind` keeps the folder when the files are written again meanwhile; only giving up the files removes it.
    """
    parent = _find_drafts_folder()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f"{kind}{export.pk}-", dir=parent, ignore_cleanup_errors=True
        ) as name:
            yield Path(name)
    except OSError as error:
        raise CannotStore(_explain(error)) from error


def _find_drafts_folder() -> Path:
    storage = get_storage()
    if isinstance(storage, FileSystemStorage):
        return Path(storage.location) / DRAFTS
    return Path(tempfile.gettempdir()) / "lorapipe-exports"


def _explain(error: OSError) -> str:
    if error.errno in FULL:
        return (
            "The disk is full, or the file is larger than it may be. Nothing was left behind. "
            "Free some space, then start the export again."
        )
    return f"The files cannot be written: {error.strerror or error}. Nothing was left behind."


def store(export: Export, attempt: UUID, drafts: Iterable[Path]) -> dict[str, str]:
    """Give these drafts their places. Returns the place of each by its name. Nothing is left when one of them fails.

    Raises OSError and CannotStore.
    """
    storage, places = get_storage(), dict[str, str]()
    try:
        for path in drafts:
            with _Draft(path) as draft:
                places[path.name] = storage.save(f"{export.pk}/{attempt}/{path.name}", draft)
    except OSError:
        remove(places.values())
        raise
    except Exception as error:  # whatever the package of a storage raises
        logger.exception("The storage of exports has refused a file")
        with contextlib.suppress(Exception):
            remove(places.values())
        raise CannotStore(
            f"The storage of export files did not take them ({type(error).__name__}). What it said is in the log. "
            "Start the export again when it answers."
        ) from error
    return places


def remove(places: Collection[str]) -> None:
    storage = get_storage()
    for place in places:
        storage.delete(place)


def remove_all_but(export: Export, attempt: str = "") -> None:
    """Remove every file of the export, but for those of this attempt; and what a worker that was killed has left."""
    storage, root = get_storage(), str(export.pk)
    for folder in _list(storage, root)[0]:
        if folder != attempt:
            for name in _list(storage, f"{root}/{folder}")[1]:
                storage.delete(f"{root}/{folder}/{name}")
            storage.delete(f"{root}/{folder}")
    if not attempt and storage.exists(root):
        storage.delete(root)
    clear_drafts(export, kind="" if attempt else "*")


def clear_drafts(export: Export, *, kind: str) -> None:
    """Remove the folders of drafts that a worker that was killed has left; those of every kind for `*`."""
    for left in _find_drafts_folder().glob(f"{kind}{export.pk}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _list(storage: Storage, place: str) -> tuple[list[str], list[str]]:
    try:
        folders, names = storage.listdir(place)
    except FileNotFoundError:
        return [], []
    return list(folders), list(names)
