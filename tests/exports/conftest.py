"""Exports on the database and in a folder of their own, without processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exports.models import Export
from exports.running.actions import create_export
from tests.support.background import run
from workspaces.models import User

Exporting = Callable[..., Export]


@pytest.fixture(autouse=True)
def files_in(tmp_path: Path, settings: Any) -> Path:
    """The folder of the storage, empty at first."""
    place = tmp_path / "exports"
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {**settings.STORAGES, "exports": {"BACKEND": backend, "OPTIONS": {"location": place}}}
    return place


@pytest.fixture
def export(owner: User) -> Exporting:
    """Starts an export of the owner's workspace and runs its job to the end."""

    def start(**choices: Any) -> Export:
        given = {"name": "My data", "format": "messages", "by": owner, "pauses": False, **choices}
        made = create_export(workspace=owner.personal_workspace(), **given)
        return run_again(made)

    return start


def run_again(made: Export) -> Export:
    """Run the newest job of an export."""
    made.refresh_from_db()
    assert made.job is not None
    run(made.job)
    made.refresh_from_db()
    return made


def list_files(place: Path) -> list[str]:
    return sorted(path.name for path in place.rglob("*") if path.is_file())
