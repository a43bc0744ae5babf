"""Where the files of exports are: the data folder, a folder that several hosts share, or an S3-compatible storage."""

import importlib.util
import os
from pathlib import Path
from typing import Any

from stack.environment import Environment, WrongEnvironment

FOLDER, S3 = "django.core.files.storage.FileSystemStorage", "storages.backends.s3.S3Storage"
INSTALL = (
    "LORAPIPE_EXPORT_S3: it needs the package django-storages. "
    "Install it with: .venv/bin/pip install -r requirements-s3.lock"
)
MOST_IN_MEMORY = 10_000_000  # bytes of a file that is loaded down; the rest goes to the disk


def describe_storage(settings: Environment) -> dict[str, Any]:
    """The storage as Django's STORAGES names it. The keys of an S3 account are read from AWS_ACCESS_KEY_ID and the like."""
    if settings.export_s3 is None:
        place = settings.export_dir or settings.data_dir / "exports"
        modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": FOLDER, "OPTIONS": {"location": place, **modes}}
    bucket, _, prefix = settings.export_s3.partition("/")
    options: dict[str, Any] = {
        "bucket_name": bucket,
        "location": prefix,
        "default_acl": None,  # private, whatever the bucket's own default is
        "file_overwrite": False,
        "max_memory_size": MOST_IN_MEMORY,
        "signature_version": "s3v4",
    }
    if settings.export_s3_endpoint:
        # Other servers than Amazon's have no host name of its own for each bucket.
        options |= {"endpoint_url": settings.export_s3_endpoint, "addressing_style": "path"}
    return {"BACKEND": S3, "OPTIONS": options}


def refuse_unusable(settings: Environment) -> None:
    """Raises WrongEnvironment for a folder in which nothing can be written, and where the package of a storage is missing."""
    problem = None
    if settings.export_s3 is not None:
        problem = (
            None if importlib.util.find_spec("storages") and importlib.util.find_spec("boto3") else INSTALL
        )
    elif settings.export_dir is not None:
        problem = _find_folder_problem(settings.export_dir)
    if problem:
        raise WrongEnvironment([problem])


def _find_folder_problem(place: Path) -> str | None:
    """It is never made here: where a shared folder is not mounted, an empty one in its place would hide that."""
    if not place.is_dir():
        return f"LORAPIPE_EXPORT_DIR={str(place)!r}: there is no such folder. Mount it, or make it"
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return f"LORAPIPE_EXPORT_DIR={str(place)!r}: this user may not write there. Change its owner or its permissions"
    return None
