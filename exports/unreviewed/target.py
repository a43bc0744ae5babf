"""Where an exported file may go. Pure: it needs no Django, so a wrong --out is reported before anything starts."""

import os
from pathlib import Path
from uuid import uuid4


class CannotWrite(Exception):
    """The file cannot be written there. The message says why and what to do."""


def check_target(path: Path) -> Path:
    """The absolute path of a file that can be written. Raises CannotWrite before any money is spent.

    A device or a pipe is refused, because the finished file is moved to its target and would replace the device.
    """
    target = Path(os.path.realpath(path))
    for each in (target, get_manifest_path(target)):
        if each.exists() and not each.is_file():
            raise CannotWrite(f"{each} is not a file; name one, for example dataset.jsonl.")
    if not target.parent.is_dir():
        raise CannotWrite(f"The folder {target.parent} does not exist; make it first, or choose another.")
    draft = make_draft_path(get_manifest_path(target))
    try:
        draft.touch(exist_ok=False)
        draft.unlink()
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written: {error.strerror}. Choose another file.") from error
    return target


def get_manifest_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def make_draft_path(path: Path) -> Path:
    """The path at which a file is written until it is complete. It is in the same folder, so that it can be renamed."""
    return path.with_name(f".lorapipe-{uuid4().hex}.part")
