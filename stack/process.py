"""Starting processes that cannot outlive us, and ending them."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lib.processes import identity

LAUNCHER = Path(__file__).with_name("launch.py")
# Under a shifted clock (scripts/at_date.py) the database must have the same clock as its clients.
SHIFT = "LORAPIPE_CLOCK_SHIFT"
CLOCK = {name: os.environ[name] for name in (SHIFT, "LD_PRELOAD") if SHIFT in os.environ}
PLAIN_ENV = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **CLOCK}
POLL_S = 0.02
WANTED_FILES = 65_536


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user that a program runs as when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run and how to end it. `death_signal` is what the kernel sends when we are gone (Linux)."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=lambda: PLAIN_ENV, repr=False)
    account: Account | None = None
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    kill_signal: signal.Signals = signal.SIGKILL
    grace_s: float = 10.0


def spawn(program: Program) -> subprocess.Popen[bytes]:
    """Start it in its own session, so that the terminal's Ctrl-C does not reach it.

    Output goes to its log, else to a pipe. Call it from a thread that lives as long as the program
    should: the kernel sends the death signal when the *thread* that forked ends.
    """
    with _output(program) as output:
        return subprocess.Popen(
            [*launcher(program), *program.argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(program.env),
            cwd="/",
            start_new_session=True,
        )


def launcher(program: Program) -> list[str]:
    account = program.account or Account(name="", uid=-1, gid=-1)
    words = (int(program.death_signal), os.getpid(), account.uid, account.gid, program.cwd)
    return [sys.executable, "-I", "-S", str(LAUNCHER), *map(str, words)]


@contextlib.contextmanager
def _output(program: Program) -> Iterator[IO[bytes] | int]:
    if program.log is None:
        yield subprocess.PIPE
        return
    with open(os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        yield log


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a process and its group; it is no error when they have ended already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def end(process: subprocess.Popen[bytes], program: Program) -> None:
    """Ask the process to stop, wait for its grace period, then kill its group."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(program.grace_s)
    if process.poll() is None:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout:
        process.stdout.close()


def wait_until_gone(pid: int, known: str, *, seconds: float) -> bool:
    """Whether the process known by this identity ended in time."""
    deadline = time.monotonic() + seconds
    while identity(pid) == known:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def raise_open_files() -> None:
    """Raise the limit of open files: the usual 1024 are too few for 500 calls in flight. Children inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
