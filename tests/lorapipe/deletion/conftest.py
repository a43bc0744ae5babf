from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def files_in(tmp_path: Path, settings: Any) -> Path:
    """The folder of the storage of exports, empty at first."""
    place = tmp_path / "exports"
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = {**settings.STORAGES, "exports": {"BACKEND": backend, "OPTIONS": {"location": place}}}
    return place
