"""Using a stack from another process: find a running one, join it, or start one that ends with its last client.

A client holds a shared lock on the folder's `clients.lock` for as long as it lives, so a supervisor notices
even a client that was killed.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from stack.environment import CHECKOUT, Environment
from stack.folder import DataFolder, StackState
from stack.version import code_version

START_S = 120.0
END_S = 15.0
NOTICED_S = 2.0  # by then a supervisor has noticed that it has no client left
POLL_S = 0.05
TAKEN = 3  # exit code of a supervisor that found the folder in use by another one


class StackDiffers(Exception):
    """The running stack was started with other settings; `variable` names the first that differs, or is `code`."""

    def __init__(self, variable: str, state: StackState) -> None:
        if variable == "code":
            message = f"The code has changed since the running stack (pid {state.pid}) started: start that one again."
        else:
            message = (
                f"{variable} is not the same as in the running stack (pid {state.pid}). "
                "Set it as it is there, or stop that stack first."
            )
        super().__init__(message)
        self.variable = variable
        self.pid = state.pid


class StackBusy(Exception):
    """A `./run manage` command uses the folder, and its stack has no workers."""

    def __init__(self, state: StackState) -> None:
        super().__init__(
            f"A ./run manage command (pid {state.pid}) uses this data folder; wait until it has ended."
        )
        self.pid = state.pid


class StackFailed(Exception):
    """The stack did not start; the message ends with the last lines of its log."""


@dataclass
class JoinedStack:
    """A running stack that counts us among its clients. Close it, or use it in `with`."""

    state: StackState
    started: bool
    secrets: Mapping[str, str] = field(repr=False)
    _folder: DataFolder
    _lock: int
    _process: subprocess.Popen[bytes] | None = field(
        default=None, repr=False
    )  # a reference, or Python warns that the process still runs

    @property
    def database_url(self) -> str:
        return self.state.database_url or ""

    @property
    def redis_url(self) -> str:
        return self.state.redis_url or ""

    @property
    def simulator_url(self) -> str | None:
        return self.state.simulator_url

    def environ(self, *, as_owner: bool = False) -> dict[str, str]:
        """The variables a process of this stack has; set them before Django reads its settings.

        `as_owner`: for commands, which may change tables; otherwise the rights are those of the workers, which work for every workspace.
        """
        as_worker = self.state.worker_database_url or self.state.database_url
        urls = {
            "DATABASE_URL": self.state.database_url if as_owner else as_worker,
            "REDIS_URL": self.state.redis_url,
            "LORAPIPE_SIMULATOR_URL": self.state.simulator_url,
            **self.secrets,
        }
        return {name: value for name, value in urls.items() if value}

    def close(self) -> None:
        """Stop being a client. A stack that we started ends with its last client: wait for that, unless its calls take long."""
        with contextlib.suppress(OSError):
            os.close(self._lock)
        self._lock = -1
        if self._process:
            with contextlib.suppress(KeyboardInterrupt):  # then it ends without us watching
                _wait_for_end(self._folder, self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def living(data_dir: Path) -> StackState | None:
    """The state of the stack that runs in this folder, if one has already said what it is."""
    state = DataFolder(data_dir).living()
    return state if state and state.status != "starting" else None


def effective_fingerprint(settings: Environment) -> dict[str, str]:
    return {**settings.fingerprint(), "code": code_version()}


def join_or_start(settings: Environment, *, wait_s: float = START_S) -> JoinedStack:
    """Join the running stack of the data folder, or start one without web pages that ends with its last client.

    The new stack takes its settings from this process's environment. Raises StackDiffers, StackBusy,
    StackFailed or FolderRefused.
    """
    folder = DataFolder(settings.data_dir)
    folder.prepare()
    lock = _become_client(folder)
    starter = _Starter(folder)
    try:
        state = _wait_for(folder, starter, effective_fingerprint(settings), wait_s)
    except BaseException:
        os.close(lock)
        if starter.process:
            _wait_for_end(folder, starter.process)
        raise
    return JoinedStack(
        state, starter.pid == state.pid, folder.secret_variables(), folder, lock, starter.process
    )


def join(settings: Environment, *, wait_s: float = START_S) -> JoinedStack | None:
    """Join whatever stack runs in the folder, also that of a `manage` command; None when there is none."""
    folder = DataFolder(settings.data_dir)
    folder.prepare()
    lock = _become_client(folder)
    deadline = time.monotonic() + wait_s
    while folder.is_locked() and time.monotonic() < deadline:
        state = folder.living()
        if state and state.status == "ready":
            return JoinedStack(state, False, folder.secret_variables(), folder, lock)
        time.sleep(POLL_S)
    os.close(lock)
    return None


class _Starter:
    """Starts a supervisor in a session of its own, whose output goes to log/stack.log."""

    def __init__(self, folder: DataFolder) -> None:
        self._log = folder.log / "stack.log"
        self._mark = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def ensure(self) -> None:
        """Start it unless it runs. Raises StackFailed when it ended for another reason than a folder in use."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            if code != TAKEN:
                raise StackFailed(self.read_log())
        self._mark = self._log.stat().st_size if self._log.exists() else 0
        with open(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stack", "serve_clients"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                start_new_session=True,
            )

    def read_log(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._mark)
            return f"The stack did not start, see {self._log}\n{log.read().decode(errors='replace')[-2000:].strip()}"


def _wait_for_end(folder: DataFolder, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has ended, but no longer than END_S, and not when another client keeps it running."""
    started = time.monotonic()
    while process.poll() is None:
        waited = time.monotonic() - started
        state = folder.living()
        in_use = state is not None and state.status == "ready" and waited > NOTICED_S
        if in_use or waited > END_S:
            return
        time.sleep(POLL_S)


def _become_client(folder: DataFolder) -> int:
    descriptor = os.open(folder.clients_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _wait_for(
    folder: DataFolder, starter: _Starter, fingerprint: dict[str, str], wait_s: float
) -> StackState:
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        state = folder.living()
        if state and state.status != "ending":
            _refuse_other(state, fingerprint)
            if state.status == "ready":
                return state
        elif not folder.is_locked():
            starter.ensure()
        time.sleep(POLL_S)
    raise StackFailed(
        starter.read_log() if starter.pid else f"The stack in {folder.path} did not become ready in time."
    )


def _refuse_other(state: StackState, fingerprint: dict[str, str]) -> None:
    if state.kind == "command":
        raise StackBusy(state)
    if variable := state.difference(fingerprint):
        raise StackDiffers(variable, state)
