"""One web process under Gunicorn: serves until it is told to end, or until it has grown too large."""

import contextlib
import fcntl
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from gunicorn.workers.base import Worker
from waitress import wasyncore

from lorapipe.web_server import LARGEST_BODY
from lorapipe.web_server.connections import LINGER_S, PageServer, make_servers
from stack import environment

TICK_S = 1.0
LOOK_EVERY_S = 2.0  # at the memory
DRAIN_S = 120.0  # longer than any request: the API waits for 60 s at most
STATM = Path("/proc/self/statm")
# Held by the process that is being replaced, so that the others go on serving. A file without a name, shared by fork.
_turn: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (open for as long as the process)


class PageWorker(Worker):  # type: ignore[misc]
    """Gunicorn starts another one when it ends. On SIGTERM, and above the ceiling of memory, it finishes what has begun.

    A process that has grown for good reason (a large upload, one large page) may keep that memory for ever, because Python
    does not give it back. Hence the ceiling; the bounds of what comes in are elsewhere and stand before it.
    """

    def run(self) -> None:
        settings = environment.read(os.environ)
        self.ceiling = settings.web_memory_mb * 1_000_000
        self.connections: dict[int, Any] = {}
        self.servers = make_servers(
            self.wsgi,
            [listener.sock for listener in self.sockets],
            threads=self.cfg.threads,
            largest_body=LARGEST_BODY,
            trusted_headers=_list_trusted_headers(settings),
            connections=self.connections,
        )
        looks_at = 0.0
        while self.alive and not self._is_orphaned():
            self._pump()
            if time.monotonic() >= looks_at:
                looks_at = time.monotonic() + LOOK_EVERY_S
                self._leave_if_too_large()
        self._drain()

    def _is_orphaned(self) -> bool:
        return bool(self.ppid != os.getppid())

    def _pump(self, seconds: float = TICK_S) -> None:
        self.notify()
        wasyncore.loop(timeout=seconds, map=self.connections, use_poll=True, count=1)

    def _leave_if_too_large(self) -> None:
        used = measure_memory()
        if used > self.ceiling and _take_turn():
            self.log.warning(
                "web process %s uses %d MB (LORAPIPE_WEB_MEMORY_MB=%d): it finishes its requests and is replaced",
                self.pid,
                used // 1_000_000,
                self.ceiling // 1_000_000,
            )
            self.alive = False

    def _drain(self) -> None:
        servers: list[PageServer] = self.servers
        for server in servers:
            server.stop_accepting()
        ends_at = time.monotonic() + DRAIN_S
        while sum(server.close_idle(time.time()) for server in servers) and time.monotonic() < ends_at:
            if self._is_orphaned():  # killed: whoever starts it again wants no process of before
                return
            self._pump(LINGER_S / 5)
        for server in servers:
            server.task_dispatcher.shutdown(timeout=1)


def measure_memory() -> int:
    """The bytes of this process that are in memory; where the system does not tell, the most that there ever were."""
    with contextlib.suppress(OSError):
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _take_turn() -> bool:
    """Whether no other process is being replaced. The kernel gives the turn back when this one has ended."""
    with contextlib.suppress(OSError):
        fcntl.lockf(_turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _list_trusted_headers(settings: environment.Environment) -> set[str]:
    """Behind a proxy the last forwarded address counts: the one that our proxy saw."""
    names = set()
    if settings.behind_proxy:
        names |= {"x-forwarded-for", "x-forwarded-proto"}
    if os.environ.get("LORAPIPE_HTTPS") == "1":
        names |= {"x-forwarded-proto"}
    return names
