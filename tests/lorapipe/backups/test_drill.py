"""The drill: a backup is made while others write, and everything is restored from it in another place."""

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db import connection
from psycopg import sql

from exports.models import Export
from lorapipe.backups import CannotBackUp, archive
from lorapipe.backups.archive import back_up, restore_from
from lorapipe.backups.database import Database, count_rows, dump
from tests.factories import make_conversation, make_export, make_user
from workspaces.actions import state_use
from workspaces.models import User
from workspaces.states import Authorisation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.lengthy]
CONTENT = b'{"messages": []}\n' * 1000


@pytest.fixture
def ours() -> Database:
    return Database.of(connection.settings_dict)


@pytest.fixture
def storage(tmp_path: Path) -> FileSystemStorage:
    return FileSystemStorage(location=tmp_path / "exports")


@pytest.fixture
def elsewhere(tmp_path: Path) -> FileSystemStorage:
    return FileSystemStorage(location=tmp_path / "elsewhere")


@pytest.fixture
def empty(ours: Database) -> Iterator[Database]:
    """An empty database beside the one of the tests."""
    made = replace(ours, name=f"restored_{uuid4().hex}")
    name = sql.Identifier(made.name)
    with ours.connect() as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        try:
            yield made
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def asked(database: Database) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with database.connect() as found:
        yield found


def make_written(owner: User, storage: FileSystemStorage) -> Export:
    """A finished export with a file."""
    made = make_export(by=owner, items=1)
    place = storage.save(f"{made.pk}/{uuid4()}/my-data.jsonl", ContentFile(CONTENT))
    described = {
        "name": "my-data.jsonl",
        "place": place,
        "bytes": len(CONTENT),
        "sha256": archive.hash_file(Path(storage.path(place))),
    }
    Export.objects.filter(pk=made.pk).update(files=[described], finished_at="2026-11-01T00:00Z")
    return made


def test_what_is_restored_is_what_was_there(
    ours: Database,
    empty: Database,
    storage: FileSystemStorage,
    elsewhere: FileSystemStorage,
    tmp_path: Path,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_conversation(by=owner, turns=["Is ’ it 😀?", "Yes\u2028it is."])
    state_use(
        workspace=owner.personal_workspace(), purpose="Advice", authorisation=Authorisation.NARROW, by=owner
    )
    export = make_written(owner, storage)
    with asked(ours) as server:
        before = {name: n for name, n in count_rows(server).items() if name != "django_session"}
        server.execute(
            "INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('open-sesame', '', now())"
        )

    def write_meanwhile(*given: object) -> None:
        """Between the snapshot and the dump somebody writes: none of it is in the backup."""
        make_user(username="late")
        dump(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(archive, "dump", write_meanwhile)
    target = tmp_path / "backup.tar"
    made = back_up(ours, storage, target)
    assert User.objects.filter(username="late").exists()
    assert (made.rows, made.tables, made.files, made.missing) == (sum(before.values()), len(before), 1, ())
    assert oct(target.stat().st_mode & 0o777) == "0o600"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "exports"]

    restored = restore_from(target, empty, elsewhere, replace=False)
    assert (restored.rows, restored.roles) == (made.rows, ())
    with asked(empty) as server:
        assert {name: n for name, n in count_rows(server).items() if name != "django_session"} == before
        assert server.execute("SELECT count(*) FROM django_session").fetchone() == (0,)
        found = server.execute("SELECT content FROM conversation_turns ORDER BY turn_number").fetchall()
        assert found == [("Is ’ it 😀?",), ("Yes\u2028it is.",)]
        with pytest.raises(psycopg.errors.RestrictViolation):
            server.execute("DELETE FROM audit_log")
    [file] = Export.objects.get(pk=export.pk).files
    with elsewhere.open(file["place"], "rb") as stream:
        assert stream.read() == CONTENT

    with pytest.raises(CannotBackUp, match=f"This database has {made.rows:,} rows already"):
        restore_from(target, empty, elsewhere, replace=False)
    with asked(empty) as server:
        server.execute("DELETE FROM conversation_turns")
    elsewhere.delete(file["place"])
    assert restore_from(target, empty, elsewhere, replace=True).rows == made.rows
    assert elsewhere.exists(file["place"])

    with asked(empty), pytest.raises(CannotBackUp, match="1 other sessions use this database"):
        restore_from(target, empty, elsewhere, replace=True)
    with pytest.raises(CannotBackUp, match="is there already"):
        back_up(ours, storage, target)


def test_a_file_that_is_gone_is_told_and_the_rest_is_backed_up(
    ours: Database, storage: FileSystemStorage, tmp_path: Path, owner: User
) -> None:
    first, second = make_written(owner, storage), make_written(owner, storage)
    places = [Export.objects.get(pk=each.pk).files[0]["place"] for each in (first, second)]
    storage.delete(places[0])
    made = back_up(ours, storage, tmp_path / "backup.tar")
    assert (made.files, made.missing) == (1, (places[0],))


def rewrite(source: Path, target: Path, **changes: bytes | None) -> Path:
    """A copy of an archive with other contents: by name with underscores for dots, None leaves the entry out."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for entry in old:
            content = old.extractfile(entry).read()  # type: ignore[union-attr]
            key = entry.name.replace(".", "_")
            if key in changes and changes[key] is None:
                continue
            content = changes.get(key) or content
            entry.size = len(content)
            new.addfile(entry, io.BytesIO(content))
    return target


def test_what_is_no_backup_is_refused_before_anything_is_dropped(
    ours: Database, storage: FileSystemStorage, elsewhere: FileSystemStorage, tmp_path: Path, owner: User
) -> None:
    """Into the database of the tests itself: none of these may touch it."""
    target = tmp_path / "backup.tar"
    make_written(owner, storage)
    back_up(ours, storage, target)
    with tarfile.open(target) as opened:
        manifest = json.load(opened.extractfile("manifest.json"))  # type: ignore[arg-type]

    def with_manifest(**fields: object) -> dict[str, bytes]:
        return {"manifest_json": json.dumps({**manifest, **fields}).encode()}

    unknown = [*manifest["migrations"], ["batches", "9999_of_next_year"]]
    elsewhere_place = [{"place": "../../etc/passwd", "bytes": 1, "sha256": ""}]
    cases: list[tuple[dict[str, bytes | None], str]] = [
        ({"manifest_json": None}, "no whole backup"),
        ({"manifest_json": b"[]"}, "no whole backup"),
        ({"database_dump": None}, "no whole backup"),
        ({"database_dump": b"PGDMP and nothing"}, "database.dump is not what was written"),
        ({**with_manifest(migrations=unknown, version="9.9")}, r"made by LoRAPipe 9\.9, which is newer"),
        ({**with_manifest(format=7)}, "of a form that this version"),
        ({**with_manifest(files=elsewhere_place)}, "is no place of an export's file"),
    ]
    connection.close()
    for number, (changes, message) in enumerate(cases):
        broken = rewrite(target, tmp_path / f"{number}.tar", **changes)
        with pytest.raises(CannotBackUp, match=message):
            restore_from(broken, ours, elsewhere, replace=True)
    (tmp_path / "text.tar").write_bytes(b"no archive")
    (tmp_path / "cut.tar").write_bytes(target.read_bytes()[:-20_000])
    for name in ("text.tar", "cut.tar", "nothing.tar"):
        with pytest.raises(CannotBackUp):
            restore_from(tmp_path / name, ours, elsewhere, replace=True)
    assert User.objects.filter(pk=owner.pk).exists()
