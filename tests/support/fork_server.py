"""A fork server: starts the engine's processes from a process that has already imported everything.

There are two levels. The server has imported the libraries only. For each environment (database, simulator, limits ...)
that tests ask for, it forks a prepared server once, which reads the settings and imports our modules; that one forks the
processes. A fork of it takes a few milliseconds, where a fresh interpreter takes 2.8 s of CPU and a fork of the first
level 0.7 s. The processes are not traced for coverage, which would slow them by half; the unit tests cover the engine.
The servers end when pytest ends, even when pytest is killed, and the processes end with their server.
"""

import ctypes
import gc
import json
import os
import random
import runpy
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol

import django

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LIBRARIES = [
    "anthropic",
    "anthropic.types",
    "anthropic.resources.messages",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "celery.worker.strategy",
    "celery.fixups.django",
    "kombu.transport.redis",
    "redis",
    "django.core.management",
    "django.db.backends.postgresql.base",
    "django.db.models",
    "django.template.defaulttags",
    "django.contrib.postgres.fields",
    "django.views.generic",
    "psycopg",
    "psycopg_pool",
    "httpx2",
]
OF_ONE_TEST = ("PYTEST_CURRENT_TEST", "LORAPIPE_DATA_DIR")
PR_SET_PDEATHSIG = 1
POLL_S = 0.02
START_S = 150  # the libraries take 3 s of CPU to load, which is long on a machine that does other things, too


class Process(Protocol):
    """What a test may do to a process of the engine; `subprocess.Popen` is one."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


# --- the tests' side ----------------------------------------------------------------------------------


def drop_coverage(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE_PROCESS")}


class ForkServer:
    """One for each pytest process, started when it is first needed."""

    def __init__(self, launcher: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*launcher, sys.executable, "-m", "tests.support.fork_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=drop_coverage(os.environ),
        )
        self._changed = threading.Condition()
        self._spawned: list[int] = []
        self.ended: dict[int, int] = {}
        threading.Thread(target=self._listen, name="fork server", daemon=True).start()

    def spawn(self, argv: Sequence[str], *, environment: Mapping[str, str], log: Path) -> "SpawnedProcess":
        """Run `-m MODULE ARGS...` or `SCRIPT ARGS...` in a process of its own, its output in `log`."""
        request = {"argv": list(argv), "environment": drop_coverage(environment), "log": str(log)}
        assert self._process.stdin
        with self._changed:
            before = len(self._spawned)
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            if not self._changed.wait_for(lambda: len(self._spawned) > before, timeout=START_S):
                raise RuntimeError("the fork server does not answer")
            return SpawnedProcess(self, self._spawned[-1])

    def wait_for_end(self, pid: int, timeout: float | None) -> int:
        with self._changed:
            if not self._changed.wait_for(lambda: pid in self.ended, timeout):
                raise subprocess.TimeoutExpired(f"process {pid}", timeout or 0)
        return self.ended[pid]

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            event = json.loads(line)
            with self._changed:
                if "spawned" in event:
                    self._spawned.append(event["spawned"])
                else:
                    self.ended[event["ended"]] = event["code"]
                self._changed.notify_all()


class SpawnedProcess:
    """A process that the fork server has started."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid, self._server = pid, server

    def poll(self) -> int | None:
        """Its exit code, the signal's number below 0, or None while it runs."""
        return self._server.ended.get(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        return self._server.wait_for_end(self.pid, timeout)

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# --- the server's side --------------------------------------------------------------------------------


def main() -> None:
    for name in LIBRARIES:
        import_module(name)
    request = _serve(sys.stdin.buffer, sys.stdout)
    if request is not None:
        _become(request)


def _serve(requests: IO[bytes], events: IO[str]) -> dict[str, Any] | None:
    """Passes each request to the prepared server of its environment until their stream ends; returns None.

    In each process that a prepared server forks, it returns that process's request.
    """
    prepared: dict[str, int] = {}  # environment -> the pipe of its server
    for line in requests:
        environment = _shared(json.loads(line)["environment"])
        key = json.dumps(environment, sort_keys=True)
        if key not in prepared:
            reader, prepared[key] = os.pipe()
            if os.fork() == 0:
                _end_with_parent()
                for inherited in prepared.values():
                    os.close(inherited)
                _prepare(environment)
                return _serve_prepared(os.fdopen(reader, "rb", buffering=0), events)
            os.close(reader)
        os.write(prepared[key], line)
    return None


def _shared(environment: Mapping[str, str]) -> dict[str, str]:
    """What is common to the processes of many tests: all but the test's name and its folder, which holds logs only."""
    return {name: value for name, value in environment.items() if name not in OF_ONE_TEST}


def _prepare(environment: Mapping[str, str]) -> None:
    """Read the settings and import our modules. It opens no connection and starts no thread, which no fork would survive."""
    _set_environment(environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "lorapipe.settings"
    django.setup()
    celery: Any = import_module("lorapipe.celery")
    celery.app.loader.import_default_modules()
    gc.collect()
    gc.freeze()  # else each process copies all pages at its first collection


def _serve_prepared(requests: IO[bytes], events: IO[str]) -> dict[str, Any] | None:
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([requests], [], [], POLL_S if children else None)
        if ready:
            line = requests.readline()
            if not line:
                return None
            pid = os.fork()
            if pid == 0:
                return dict(json.loads(line))
            children.add(pid)
            _report(events, {"spawned": pid})
        for child in list(children):
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                children.discard(child)
                _report(events, {"ended": child, "code": os.waitstatus_to_exitcode(status)})


def _report(events: IO[str], event: Mapping[str, int]) -> None:
    """One write for a line: the lines of several servers do not mix in their common pipe."""
    os.write(events.fileno(), json.dumps(event).encode() + b"\n")


def _become(request: dict[str, Any]) -> None:
    _end_with_parent()
    random.seed()  # otherwise all processes draw the same numbers
    nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(request["log"], os.O_WRONLY | os.O_APPEND)
    for number, file in enumerate((nothing, log, log)):
        os.dup2(file, number)
    _set_environment(request["environment"])
    argv = request["argv"]
    if argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        runpy.run_path(argv[0], run_name="__main__")


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(CHECKOUT)


if __name__ == "__main__":
    main()
