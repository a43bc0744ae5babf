"""Starts the engine's processes from one that has the libraries loaded: a fork takes 0.7 s of CPU where a start takes 2.8.

Only libraries are loaded before the fork, nothing of ours and no settings: what a process reads of its environment, it reads
itself. They are not traced for coverage, which would slow them by half: the unit tests cover the engine. The nest dies with
pytest, and what it hatched with the nest, even when pytest is killed.
"""

import ctypes
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
PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 0.02


class Process(Protocol):
    """What a test may do to a process of the engine; `subprocess.Popen` is one."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


# --- the tests' side ----------------------------------------------------------------------------------


def untraced(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE_PROCESS")}


class Nest:
    """One for a pytest process, started when it is first needed."""

    def __init__(self, dying_with_us: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*dying_with_us, sys.executable, "-m", "tests.support.nest"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=untraced(os.environ),
        )
        self._changed = threading.Condition()
        self._hatched: list[int] = []
        self.ended: dict[int, int] = {}
        threading.Thread(target=self._listen, name="nest", daemon=True).start()

    def hatch(self, argv: Sequence[str], *, environment: Mapping[str, str], log: Path) -> "Hatched":
        """Run `-m MODULE ARGS...` or `SCRIPT ARGS...` in a process of its own, its output in `log`."""
        wanted = {"argv": list(argv), "environment": untraced(environment), "log": str(log)}
        assert self._process.stdin
        with self._changed:
            before = len(self._hatched)
            self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
            self._process.stdin.flush()
            if not self._changed.wait_for(lambda: len(self._hatched) > before, timeout=60):
                raise RuntimeError("the nest does not answer")
            return Hatched(self, self._hatched[-1])

    def wait_for_end(self, pid: int, timeout: float | None) -> int:
        with self._changed:
            if not self._changed.wait_for(lambda: pid in self.ended, timeout):
                raise subprocess.TimeoutExpired(f"process {pid}", timeout or 0)
        return self.ended[pid]

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            told = json.loads(line)
            with self._changed:
                if "hatched" in told:
                    self._hatched.append(told["hatched"])
                else:
                    self.ended[told["ended"]] = told["code"]
                self._changed.notify_all()


class Hatched:
    """A process that the nest has started."""

    def __init__(self, nest: Nest, pid: int) -> None:
        self.pid, self._nest = pid, nest

    def poll(self) -> int | None:
        """Its exit code, the signal's number below 0, or None while it runs."""
        return self._nest.ended.get(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        return self._nest.wait_for_end(self.pid, timeout)

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# --- the nest's side ----------------------------------------------------------------------------------


def main() -> None:
    for name in LIBRARIES:
        import_module(name)
    wanted = _serve(sys.stdin.buffer, sys.stdout)
    if wanted is not None:
        _become(wanted)


def _serve(orders: IO[bytes], answers: IO[str]) -> dict[str, Any] | None:
    """Until the orders end; in a child at once, with what it is to be."""
    children: set[int] = set()
    while True:
        ready, _, _ = select.select([orders], [], [], LOOK_EVERY_S)
        if ready:
            line = orders.readline()
            if not line:
                return None
            pid = os.fork()
            if pid == 0:
                return dict(json.loads(line))
            children.add(pid)
            print(json.dumps({"hatched": pid}), file=answers, flush=True)
        for child in list(children):
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                children.discard(child)
                code = os.waitstatus_to_exitcode(status)
                print(json.dumps({"ended": child, "code": code}), file=answers, flush=True)


def _become(wanted: dict[str, Any]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    random.seed()  # else all that hatch draw the same
    nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(wanted["log"], os.O_WRONLY | os.O_APPEND)
    for number, file in enumerate((nothing, log, log)):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    os.chdir(CHECKOUT)
    argv = wanted["argv"]
    if argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
