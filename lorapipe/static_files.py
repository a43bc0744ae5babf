"""Static files for browsers: collected once for each version of them, with hashed names, compressed.

A name holds the hash of its content, so that a browser keeps the file for good. WhiteNoise serves what is here.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.management.commands.collectstatic import Command
from django.core.management import call_command
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

# What no page loads: the browsable API is off, icons are written into the pages, and htmx has a script for developers.
NOT_SERVED = ["rest_framework", "vendor/lucide", "*.py"]
HASHED = re.compile(r"\.[0-9a-f]{12}\.")
# Few people open the admin, and to compress its 3 MB by Brotli would take most of the first start.
GZIP_ONLY = ("admin/", "unfold/")


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """Hashed names from the manifest; gzip for every text, and Brotli for those of our own pages."""

    manifest_strict = False  # a file that is not there is a 404 for the browser, and no error of the page
    with_brotli = True

    def compress_files(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        names = {path for path in paths if HASHED.search(path)}  # pages link to no other
        others = {name for name in names if name.startswith(GZIP_ONLY)}
        for self.with_brotli, some in ((True, names - others), (False, others)):
            yield from super().compress_files(some)

    def create_compressor(self, **options: Any) -> Compressor:
        return super().create_compressor(use_brotli=self.with_brotli, **options)


def collect_if_changed() -> bool:
    """Collect the static files unless those that are collected are the same. Returns whether it did."""
    mark, wanted = settings.STATIC_MARK, _compute_mark()
    if mark.exists() and mark.read_text() == wanted:
        return False
    mark.unlink(missing_ok=True)
    command = Command()
    command.storage = StaticStorage()
    call_command(command, interactive=False, clear=True, verbosity=0, ignore_patterns=NOT_SERVED)
    mark.write_text(wanted)
    return True


def _compute_mark() -> str:
    """Changes with the name, size or time of any static file, and with this module."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for finder in get_finders():
        for name, storage in finder.list(NOT_SERVED):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}:{status.st_size}:{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
