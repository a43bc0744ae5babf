"""Folders and servers of a test's own: these tests stop and kill them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.folder import DataFolder


@pytest.fixture
def reachable_path() -> Iterator[Path]:
    """A folder with a space in its name that PostgreSQL's user may enter too; pytest's tmp_path is 0700."""
    path = Path(tempfile.mkdtemp(prefix="lorapipe stack "))
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def folder(reachable_path: Path) -> DataFolder:
    found = DataFolder(reachable_path / "data")
    found.prepare()
    return found
