"""The migrated database that tests begin with is kept in `.venv`: the migrations take 20 s of CPU in each process.

Django copies the test database from it, and its `migrate` finds nothing to do. A dump is kept for each state of the migrations;
a run that finds none migrates, and keeps what it got. A PostgreSQL of the user's own is left as it is.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from django.db import connection
from psycopg import sql

from stack.environment import CHECKOUT
from stack.folder import DataFolder
from stack.postgres.server import binaries_for
from tests.servers import OVERRIDE

FOLDER = Path(sys.prefix) / "migrated-for-tests"
# What decides about the outcome of the migrations. The lock has the versions of Django and PostgreSQL.
SOURCES = (
    "*/migrations/*.py",
    "*/*/migrations/*.py",
    "lib/triggers.py",
    "lib/foreign_keys.py",
    "requirements.lock",
)
MOST_KEPT = 8  # dumps of 0.3 MB; the oldest go


def get_dump() -> Path | None:
    """Where the dump for today's migrations is, or would be. None with a PostgreSQL of the user's."""
    if os.environ.get(OVERRIDE):
        return None
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in CHECKOUT.glob(pattern)):
        digest.update(f"{path.relative_to(CHECKOUT)}\0".encode() + path.read_bytes() + b"\0")
    return FOLDER / f"{digest.hexdigest()[:16]}.sql"


def begin_with(dump: Path) -> None:
    """Let Django make this process's test database from the dump."""
    name = f"migrated_{os.getpid()}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    fill(psycopg.conninfo.make_conninfo(os.environ["DATABASE_URL"], dbname=name), dump)
    connection.settings_dict["TEST"]["TEMPLATE"] = name


def fill(url: str, dump: Path) -> None:
    """Make the migrated tables in a database that has none."""
    _run("psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", dump, "-d", url)
    with contextlib.suppress(FileNotFoundError):  # another run keeps newer ones
        dump.touch()


def keep(dump: Path) -> None:
    """Keep the test database, which has just been migrated and holds nothing else."""
    dump.parent.mkdir(exist_ok=True)
    draft = dump.with_suffix(f".{os.getpid()}")
    target = psycopg.conninfo.make_conninfo(
        os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"]
    )
    try:
        _run("pg_dump", "--no-owner", "-f", draft, "-d", target)
        draft.replace(dump)
    finally:
        draft.unlink(missing_ok=True)
    kept = sorted(dump.parent.glob("*.sql"), key=lambda path: path.stat().st_mtime)
    for old in kept[:-MOST_KEPT]:
        with contextlib.suppress(FileNotFoundError):
            old.unlink()


def _run(program: str, *arguments: str | Path) -> None:
    path = binaries_for(DataFolder(CHECKOUT), None) / program
    subprocess.run([path, *arguments], check=True, cwd="/")
