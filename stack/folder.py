"""The data folder: who may use it, its secrets, its lock, and the processes that run in it."""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from lib.processes import identity
from stack import process

Status = Literal["starting", "ready", "ending"]
Kind = Literal["up", "job", "command"]
POLL_S = 0.05
SWEEP_S = 15.0


class FolderRefused(Exception):
    """The data folder cannot be used; the message holds the remedy."""


class FolderTaken(Exception):
    """Another stack runs in this folder."""

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(f"LoRAPipe already runs in {path} (pid {pid})")
        self.pid = pid


@dataclass(frozen=True, kw_only=True)
class StackState:
    """What stack.json says about the stack of a folder. `fingerprint` has a hash per setting and `code`."""

    pid: int
    status: Status
    kind: Kind
    mode: str
    fingerprint: Mapping[str, str]
    database_url: str | None = field(default=None, repr=False)  # as the owner of the tables
    worker_database_url: str | None = field(default=None, repr=False)  # None: the same
    redis_url: str | None = field(default=None, repr=False)
    simulator_url: str | None = None
    web_url: str | None = None

    def difference(self, fingerprint: Mapping[str, str]) -> str | None:
        """The name of the first setting that differs, in alphabetical order."""
        names = sorted({*self.fingerprint, *fingerprint})
        return next((name for name in names if self.fingerprint.get(name) != fingerprint.get(name)), None)


@dataclass(frozen=True)
class DataFolder:
    """Paths and files of one data folder. Everything in it is for its owner alone."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def state_file(self) -> Path:
        return self.path / "stack.json"

    @property
    def prepared_file(self) -> Path:
        """What the last `manage.py prepare` has left (stack/postgres/prepared.py)."""
        return self.path / "prepared.json"

    @property
    def static_mark(self) -> Path:
        """Written when all static files are collected (STATIC_MARK in the settings)."""
        return self.path / "static" / ".collected"

    @property
    def lock_file(self) -> Path:
        return self.path / "stack.lock"

    @property
    def clients_file(self) -> Path:
        return self.path / "clients.lock"

    def prepare(self) -> None:
        """Make the folder if it is missing. Raises FolderRefused when this user cannot use it.

        When we are root, others may pass through it (0711): PostgreSQL runs as another user and owns a folder inside.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
            for folder in (self.valkey, self.log, self.path / "static"):
                folder.mkdir(mode=0o700, exist_ok=True)
            self.clients_file.touch(mode=0o600)
        except OSError as error:
            raise FolderRefused(
                f"LORAPIPE_DATA_DIR={self.path}: {error.strerror} ({error.filename}). "
                "Set LORAPIPE_DATA_DIR to a folder that this user may write to."
            ) from error

    def secret_variables(self) -> dict[str, str]:
        """The variables of what only this installation knows. Further encryption keys of the environment come first."""
        given = os.environ.get("LORAPIPE_ENCRYPTION_KEYS", "").strip()
        own = self.secret("encryption_key", make=_make_encryption_key)
        keys = ",".join(filter(None, [given, own]))
        return {"SECRET_KEY": self.secret("secret_key"), "LORAPIPE_ENCRYPTION_KEYS": keys}

    def secret(self, name: str, *, make: Callable[[], str] | None = None) -> str:
        """A random secret of this folder, made once and stored in a file of mode 0600."""
        path = self.path / name
        if not path.exists():
            text = make() if make else secrets.token_urlsafe(48)
            draft = _private_file(path.with_name(f".{name}.{os.getpid()}"), text)
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return path.read_text()

    def write_state(self, state: StackState) -> None:
        _replace(self.state_file, json.dumps(asdict(state)))

    def read_state(self) -> StackState | None:
        """What stack.json says, whether or not that stack still runs."""
        try:
            return StackState(**json.loads(self.state_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def living(self) -> StackState | None:
        """The stack that has this folder locked now, if its state is known."""
        if not self.path.is_dir() or not self.is_locked():
            return None
        state = self.read_state()
        return state if state and state.pid == self._holder() else None

    def is_locked(self) -> bool:
        """Whether a process has locked the folder. Takes a shared lock for a moment to find out."""
        try:
            with open(self.lock_file) as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextlib.contextmanager
    def hold(self, *, wait_s: float = 1.0) -> Iterator[None]:
        """Lock the folder for this stack. Raises FolderTaken when another stack has locked it.

        Waits a little, because another process that calls `is_locked` has the lock for a moment, and because a
        stack that has just been told to end needs some time.
        """
        with _locked(self.lock_file, seconds=wait_s) as lock:
            if lock is None:
                raise FolderTaken(self.path, self._holder())
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            try:
                yield
            finally:
                self.state_file.unlink(missing_ok=True)

    def _holder(self) -> int:
        text = self.lock_file.read_text()
        return int(text) if text.isdigit() else 0

    def record(self, running: Mapping[str, tuple[int, int]]) -> None:
        """Write down which processes run (name -> pid, signal that ends it), for `sweep` after a crash of ours."""
        entries = [
            {"name": name, "pid": pid, "signal": number, "identity": identity(pid)}
            for name, (pid, number) in running.items()
        ]
        _replace(self.path / "processes.json", json.dumps(entries))

    def sweep(self) -> list[str]:
        """End the processes that an earlier stack left behind; returns their names. Call it with the folder locked."""
        left = [entry for entry in self._recorded() if identity(entry["pid"]) == entry["identity"]]
        for entry in left:
            process.signal_group(entry["pid"], entry["signal"])
        for entry in left:
            if not process.wait_until_gone(entry["pid"], entry["identity"], seconds=SWEEP_S):
                process.signal_group(entry["pid"], signal.SIGKILL)
        (self.path / "processes.json").unlink(missing_ok=True)
        return [entry["name"] for entry in left]

    def _recorded(self) -> list[dict[str, Any]]:
        try:
            entries: list[dict[str, Any]] = json.loads((self.path / "processes.json").read_text())
        except (OSError, ValueError):
            return []
        return [entry for entry in entries if entry["identity"]]


def _make_encryption_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


@contextlib.contextmanager
def _locked(path: Path, *, seconds: float) -> Iterator[int | None]:
    """The open lock file, or None when another process had it locked for all that time."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    try:
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                yield None
                return
            time.sleep(POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _private_file(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def _replace(path: Path, text: str) -> None:
    _private_file(path.with_name(f".{path.name}.{os.getpid()}"), text).replace(path)
