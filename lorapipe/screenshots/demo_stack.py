"""A whole stack in demo mode, in a temporary data folder, for as long as a block takes. It ends at once and leaves nothing."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.environment import CHECKOUT
from stack.folder import DataFolder, StackState
from stack.process import CLOCK, Program, end, spawn
from stack.services import free_port

PREFIX = "lorapipe-screenshots-"
# What belongs to the caller's own installation. Without a key the new one is in demo mode.
NOT_TAKEN_ALONG = re.compile(
    "DATABASE_URL$|REDIS_URL$|SECRET_KEY$|ANTHROPIC_|LORAPIPE_|RATE_LIMIT_|PORT$|HOST$"
)
LINK = re.compile(r"Sign in within [^:]*: (http\S+)")
START_S = 240.0
END_S = 30.0
YOUNG_S = 60.0
POLL_S = 0.1
NOTICED_S = 0.5  # by then the supervisor has seen the first signal
LAST_WORDS = 2000


class DemoFailed(Exception):
    """The stack, or what was to happen on it, did not work; the message says what."""


@dataclass(frozen=True)
class DemoStack:
    """A running stack: where its pages are, and the link with which `owner` signs in once."""

    url: str
    sign_in_url: str = field(repr=False)
    _simulator_url: str
    _simulator_secret: str = field(repr=False)

    def change_simulator(self, **options: Any) -> None:
        """Change how the simulator answers from now on: `latency` in seconds, `flawed_every` and the others."""
        self._tell_simulator("options", options)

    def plan_faults(self, *faults: dict[str, Any]) -> None:
        """Replace the faults with which the simulator answers the next calls; without any it answers all well."""
        self._tell_simulator("faults", {"faults": faults})

    def _tell_simulator(self, what: str, body: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._simulator_secret}"}
        address = f"{self._simulator_url}/_simulator/{what}"
        told = urllib.request.Request(address, json.dumps(body).encode(), headers, method="POST")  # noqa: S310
        with urllib.request.urlopen(told, timeout=10) as answer:  # noqa: S310 (a local address of ours)
            answer.read()


@contextlib.contextmanager
def run_demo_stack() -> Iterator[DemoStack]:
    """Start the stack, and end it with the block. Its folder is removed whatever happens. Raises DemoFailed."""
    remove_abandoned()
    place = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        place.chmod(0o711 if os.geteuid() == 0 else 0o700)  # PostgreSQL's user passes through it
        folder = DataFolder(place / "data")
        folder.prepare()
        program = _describe(folder)
        process = spawn(program)
        try:
            yield _wait_until_ready(folder, process)
        finally:
            _end_at_once(process, program)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove the folders of runs that were killed: nobody has locked them, and they are not just being made."""
    for place in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            is_old = time.time() - place.stat().st_mtime > YOUNG_S
            if is_old and not DataFolder(place / "data").is_locked():
                shutil.rmtree(place, ignore_errors=True)


def _describe(folder: DataFolder) -> Program:
    """`./run up`. When we are killed, the kernel kills it, and with it all that it has started."""
    inherited = {name: value for name, value in os.environ.items() if not NOT_TAKEN_ALONG.match(name)}
    own = {"LORAPIPE_DATA_DIR": str(folder.path), "PORT": str(free_port()), "PYTHONUNBUFFERED": "1"}
    return Program(
        name="stack",
        argv=(sys.executable, "-m", "terminal", "up"),
        cwd=CHECKOUT,
        env={**inherited, **CLOCK, **own},
        log=folder.log / "stack.log",
        grace_s=END_S,
    )


def _wait_until_ready(folder: DataFolder, process: subprocess.Popen[bytes]) -> DemoStack:
    log = folder.log / "stack.log"
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        state, link = folder.living(), LINK.search(log.read_text(errors="replace"))
        if state and state.status == "ready" and link:
            return _describe_running(state, link[1], folder)
        time.sleep(POLL_S)
    words = log.read_text(errors="replace")[-LAST_WORDS:].strip()
    raise DemoFailed(f"The stack for the pictures did not start. Its last words:\n{words}")


def _describe_running(state: StackState, link: str, folder: DataFolder) -> DemoStack:
    if state.mode != "demo" or not state.web_url or not state.simulator_url:
        raise DemoFailed("The stack for the pictures is not in demo mode.")
    return DemoStack(state.web_url, link, state.simulator_url, folder.secret("simulator_secret"))


def _end_at_once(process: subprocess.Popen[bytes], program: Program) -> None:
    """Two signals, as Ctrl-C twice: nobody needs the calls that are still in flight."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(NOTICED_S)
    end(process, program)
