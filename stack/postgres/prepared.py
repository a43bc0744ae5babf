"""Whether `manage.py prepare` has nothing left to do. Then the pages need not wait for it, and they load while it looks.

It runs at every start all the same, and a failure of it still stops the start. What is asked here is only whether the pages of
this version may open on this database before it has ended: they may when the code, the packages and the static files are those
of the last time, and the database has exactly the migrations that it had then. A restored older database, another database and
a changed checkout are noticed by that.
"""

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass

from stack.folder import DataFolder
from stack.version import installed_version

APPLIED = "SELECT app, name FROM django_migrations ORDER BY app, name"


@dataclass(frozen=True)
class Prepared:
    """For which installation a database was prepared, and which migrations it then had; a hash of each."""

    installation: str
    migrations: str


def look(folder: DataFolder, database_url: str) -> Prepared | None:
    """What is there now. None when the database has no migrations yet, or when static files were never collected here."""
    migrations = _hash_migrations(database_url)
    if migrations is None or not folder.static_mark.exists():
        return None
    return Prepared(installed_version(), migrations)


def is_prepared(folder: DataFolder, database_url: str) -> bool:
    """Whether everything is as it was when `prepare` ended last."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        noted = Prepared(**json.loads(folder.prepared_file.read_text()))
        return noted == look(folder, database_url)
    return False


def note_prepared(folder: DataFolder, database_url: str, *, installation: str) -> None:
    """Write down that `prepare` has ended. `installation`: the version when it began; files may have changed since."""
    found = look(folder, database_url)
    folder.prepared_file.unlink(missing_ok=True)
    if found is not None and found.installation == installation:
        folder.prepared_file.write_text(json.dumps(asdict(found)))


def _hash_migrations(database_url: str) -> str | None:
    import psycopg  # noqa: PLC0415 (here and not above: see Postgres.is_ready)

    with contextlib.suppress(psycopg.Error), psycopg.connect(database_url, connect_timeout=5) as connection:
        return hashlib.sha256(json.dumps(connection.execute(APPLIED).fetchall()).encode()).hexdigest()
    return None
