"""A PostgreSQL of its own in a temporary folder, for the benchmarks that need nothing else."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.folder import DataFolder
from stack.services import start_postgres


@contextmanager
def start_own_database(*, durable: bool = True) -> Iterator[None]:
    """The server runs within the block, and Django is set up for it. Models may be imported after that.

    `durable=False`: as for tests; the owner may become the other roles, and a crash would lose data.
    """
    import django  # noqa: PLC0415  the settings need the server's URL

    with tempfile.TemporaryDirectory(prefix="lorapipe-bench-") as name:
        Path(name).chmod(0o711)
        folder = DataFolder(Path(name))
        with folder.hold():
            folder.prepare()
            server = start_postgres(folder, durable=durable)
            try:
                os.environ.update(
                    DATABASE_URL=server.url, SECRET_KEY="bench", DJANGO_SETTINGS_MODULE="lorapipe.settings"
                )
                django.setup()
                yield
            finally:
                server.stop()
