"""Starts PostgreSQL and Valkey: one call each, which returns a server that answers, with its URL and `stop`."""

import contextlib
import socket
import subprocess
import time
from dataclasses import dataclass, field

from stack import process
from stack.folder import DataFolder
from stack.postgres.server import Postgres
from stack.valkey import Valkey

START_S = 60.0
RETRY_S = 0.5  # measured: after kill -9 the old backends need up to 3 s to release the shared memory
POLL_S = 0.03
LOG_BYTES = 5_000_000


class DidNotStart(Exception):
    """A server did not answer in time; the message ends with the last lines of its log."""


@dataclass
class Server:
    """A running server, which ends when we end."""

    kind: Postgres | Valkey
    child: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        return self.kind.url

    @property
    def pid(self) -> int:
        return self.child.pid

    def stop(self) -> None:
        process.end(self.child, self.kind.program())


def start_postgres(folder: DataFolder, *, durable: bool = True) -> Server:
    """PostgreSQL of this folder; its files are made if they are missing. `durable=False` is for tests: a crash loses data.

    Raises FolderRefused or DidNotStart.
    """
    return start(Postgres(folder, port=free_port(), durable=durable))


def start_valkey(folder: DataFolder, *, durable: bool = True) -> Server:
    """Valkey of this folder. Raises DidNotStart."""
    return start(Valkey(folder, port=free_port(), durable=durable))


def start(kind: Postgres | Valkey, *, seconds: float = START_S) -> Server:
    """Start it and wait until it answers; tries again while an earlier server is still ending."""
    _rotate(kind)
    deadline = time.monotonic() + seconds
    while True:
        kind.prepare()
        mark = kind.log.stat().st_size if kind.log.exists() else 0
        server = Server(kind, process.spawn(kind.program()))
        try:
            if _answers(server, deadline):
                return server
        except BaseException:
            server.stop()
            raise
        _explain(kind, _tail(kind, mark), deadline)
        time.sleep(RETRY_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(server: Server, deadline: float) -> bool:
    """True once it answers, False if it has ended."""
    while server.child.poll() is None:
        if server.kind.is_ready():
            return True
        if time.monotonic() > deadline:
            server.stop()
        time.sleep(POLL_S)
    return False


def _explain(kind: Postgres | Valkey, log: str, deadline: float) -> None:
    """Return when another attempt makes sense, with another port if this one is in use; otherwise raise DidNotStart."""
    if time.monotonic() < deadline:
        if any(words in log for words in kind.port_taken):
            kind.port = free_port()
            return
        if any(words in log for words in kind.transient):
            return
    raise DidNotStart(f"{kind.name} did not start, see {kind.log}\n{log[-2000:].strip()}")


def _tail(kind: Postgres | Valkey, mark: int) -> str:
    with contextlib.suppress(OSError), kind.log.open("rb") as log:
        log.seek(mark)
        return log.read().decode(errors="replace")
    return ""


def _rotate(kind: Postgres | Valkey) -> None:
    if kind.log.exists() and kind.log.stat().st_size > LOG_BYTES:
        kind.log.replace(kind.log.with_suffix(".log.1"))
