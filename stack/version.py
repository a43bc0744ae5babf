"""A version of the code that needs no git: a hash over the names, sizes and times of its files."""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from stack.environment import CHECKOUT

SUFFIXES = (".py", ".toml", ".lock")
NOT_RUNNING = {"tests", "bench", "docs", "scripts", "__pycache__"}
STATIC = {"static"}


def code_version(checkout: Path = CHECKOUT) -> str:
    """Changes whenever a source file or a lock does; a few milliseconds for some hundred files."""
    return _hash(_lines(checkout, leave_out=NOT_RUNNING | STATIC, suffixes=SUFFIXES))


def installed_version(checkout: Path = CHECKOUT) -> str:
    """Changes with every file that runs, such as a static file or a starter pack, and with the installed packages."""
    packages = os.listdir(sysconfig.get_path("purelib"))
    return _hash([*_lines(checkout, leave_out=NOT_RUNNING, suffixes=("",)), sys.version, *packages])


def _hash(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in sorted(lines):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:12]


def _lines(folder: Path | str, *, leave_out: Collection[str], suffixes: tuple[str, ...]) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in leave_out and not entry.name.startswith("."):
                    yield from _lines(entry.path, leave_out=leave_out, suffixes=suffixes)
            elif entry.name.endswith(suffixes):
                status = entry.stat()
                yield f"{entry.path}:{status.st_size}:{status.st_mtime_ns}\n"
