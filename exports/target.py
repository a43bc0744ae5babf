"""Where an exported file may go. Pure: needs no Django, so that a wrong --out is said before anything starts."""

import os
from pathlib import Path
from uuid import uuid4


class CannotWrite(Exception):
    """The file cannot be written there; the message says why and what to do."""


def checked_target(path: Path) -> Path:
    """The absolute path of a file that can be written. Raises CannotWrite, before any money is spent.

    A device or a pipe is refused: a finished file is moved over its target, which would replace the device itself.
    """
    target = Path(os.path.realpath(path))
    for each in (target, manifest_path(target)):
        if each.exists() and not each.is_file():
            raise CannotWrite(f"{each} is not a file; name one, for example dataset.jsonl.")
    if not target.parent.is_dir():
        raise CannotWrite(f"The folder {target.parent} does not exist; make it first, or choose another.")
    draft = draft_path(manifest_path(target))
    try:
        draft.touch(exist_ok=False)
        draft.unlink()
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written: {error.strerror}. Choose another file.") from error
    return target


def manifest_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def draft_path(path: Path) -> Path:
    """Where a file is written until it is complete: in the same folder, so that it can be moved at once."""
    return path.with_name(f".lorapipe-{uuid4().hex}.part")
