"""PostgreSQL and Valkey of a test's own, which it may kill: they are durable and restart on the same ports."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from django.core.management import call_command
from django.db import connection

from stack.folder import DataFolder
from stack.services import Server, start, start_postgres, start_valkey
from tests.support.migrated import fill, get_dump
from tests.support.once import empty_tables


@dataclass
class OwnServers:
    """Two servers in a temporary folder."""

    postgres: Server
    valkey: Server

    def restart_postgres(self, *, away_s: float = 0) -> None:
        """An immediate shutdown, as in a power failure, then a start with recovery."""
        connection.close()
        self.postgres.child.send_signal(signal.SIGQUIT)
        self.postgres.child.wait(30)
        time.sleep(away_s)
        self.postgres = start(self.postgres.kind)

    def restart_valkey(self, *, away_s: float = 0) -> None:
        self.valkey.stop()
        time.sleep(away_s)
        self.valkey = start(self.valkey.kind)

    def flush_valkey(self) -> None:
        """FLUSHALL: every queued message is gone."""
        client: Any = redis.Redis.from_url(self.valkey.url)
        client.flushall()
        client.close()

    def kill_backends(self, n: int) -> int:
        """Terminate up to n sessions of this database, chosen at random; returns how many were terminated."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                "AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT %s",
                [n],
            )
            return len(cursor.fetchall())

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()


@contextmanager
def own_servers() -> Iterator[OwnServers]:
    with ExitStack() as ending:
        path = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="lorapipe-faults-")))
        path.chmod(0o711)
        folder = DataFolder(path)
        ending.enter_context(folder.hold())
        folder.prepare()
        servers = OwnServers(start_postgres(folder, durable=True), start_valkey(folder, durable=True))
        ending.callback(servers.stop)
        yield servers


@contextmanager
def database_of(servers: OwnServers) -> Iterator[None]:
    """Django uses these servers while the block runs; the tables are migrated first and emptied at the end."""
    url = urlsplit(servers.postgres.url)
    ours = {"HOST": url.hostname, "PORT": url.port, "USER": url.username, "PASSWORD": url.password}
    before, redis_url = dict(connection.settings_dict), os.environ["REDIS_URL"]
    connection.close()
    connection.settings_dict.update(**ours, NAME=url.path.lstrip("/"))
    os.environ["REDIS_URL"] = servers.valkey.url
    try:
        if (dump := get_dump()) and dump.exists():
            fill(servers.postgres.url, dump)
        call_command("migrate", verbosity=0)
        yield
        connection.close()
        empty_tables()
        servers.flush_valkey()
    finally:
        connection.close()
        connection.settings_dict.update({name: before[name] for name in (*ours, "NAME")})
        os.environ["REDIS_URL"] = redis_url
