"""A second start opens its pages at once only where nothing is left to prepare: what could need a migration is noticed."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from stack import version
from stack.folder import DataFolder
from stack.postgres import prepared

MIGRATIONS = [("batches", "0001_initial"), ("batches", "0002_triggers")]
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of a schema of this test's own, with a table of migrations."""
    name, url = f"prepared_{os.getpid()}", os.environ["DATABASE_URL"]
    mine = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        with psycopg.connect(mine) as own:
            own.execute("CREATE TABLE django_migrations (app text, name text)")
            own.cursor().executemany("INSERT INTO django_migrations VALUES (%s, %s)", MIGRATIONS)
        yield mine
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout, whose version is that of the installation."""
    for name in ("app/migrations/0001_initial.py", "app/static/app.css", "app/packs/starter.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(prepared, "installed_version", lambda: version.installed_version(tmp_path))
    return tmp_path


@pytest.fixture
def noted(folder: DataFolder, database: str, checkout: Path) -> DataFolder:
    """The folder after a start that has prepared everything."""
    folder.static_mark.write_text("collected")
    installation = version.installed_version(checkout)
    prepared.note_prepared(folder, database, installation=installation)
    assert prepared.is_prepared(folder, database)
    return folder


def change(database: str, statement: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM django_migrations WHERE name = '0002_triggers'",
        "INSERT INTO django_migrations VALUES ('batches', '0003_later')",
        "UPDATE django_migrations SET app = 'others'",
        "DELETE FROM django_migrations",
        "DROP TABLE django_migrations",
    ],
)
def test_another_database_is_noticed(statement: str, noted: DataFolder, database: str) -> None:
    """A restored older or newer one, another one, an empty one."""
    change(database, statement)
    assert not prepared.is_prepared(noted, database)


def test_a_database_that_does_not_answer_is_not_prepared(noted: DataFolder) -> None:
    assert not prepared.is_prepared(noted, "postgresql://nobody@127.0.0.1:1/none")
    assert not prepared.is_prepared(noted, "no address at all")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: (path / "app/migrations/0002_later.py").write_text("1"),
        lambda path: (path / "app/migrations/0001_initial.py").unlink(),
        lambda path: (path / "app/migrations/0001_initial.py").write_text("22"),
        lambda path: (path / "app/static/app.css").write_text("22"),
        lambda path: (path / "app/packs/starter.yaml").write_text("22"),
    ],
    ids=["a new migration", "one is gone", "one has changed", "a style sheet", "a starter pack"],
)
def test_a_changed_checkout_is_noticed(
    write: Callable[[Path], None], noted: DataFolder, database: str, checkout: Path
) -> None:
    write(checkout)
    assert not prepared.is_prepared(noted, database)


def test_other_packages_are_noticed(
    noted: DataFolder, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listdir", lambda folder: ["django-6.0.dist-info"])
    assert not prepared.is_prepared(noted, database)


def test_missing_static_files_are_noticed(noted: DataFolder, database: str) -> None:
    noted.static_mark.unlink()
    assert not prepared.is_prepared(noted, database)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"installation": "1"}', '{"other": 1}'])
def test_a_damaged_note_counts_as_none(text: str, noted: DataFolder, database: str) -> None:
    noted.prepared_file.write_text(text)
    assert not prepared.is_prepared(noted, database)


def test_files_that_change_while_it_prepares_leave_no_note(
    noted: DataFolder, database: str, checkout: Path
) -> None:
    before = version.installed_version(checkout)
    (checkout / "app/static/app.css").write_text("22")
    prepared.note_prepared(noted, database, installation=before)
    assert not noted.prepared_file.exists()
    assert not prepared.is_prepared(noted, database)
