"""A whole stack for a measurement: servers of its own in a temporary folder, the simulator, and the engine's processes.

The settings need the addresses of the servers, so Django is imported only inside `run_servers`.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stack.folder import DataFolder
from stack.services import Server, start_postgres, start_valkey
from tests.support.simulator import RunningSimulator

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Servers:
    """The servers of a measurement. `folder` is deleted with them. Code that restarts a server replaces it here."""

    folder: Path
    postgres: Server
    valkey: Server
    simulator: RunningSimulator

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()


@contextmanager
def run_servers(*, environment: dict[str, str] | None = None) -> Iterator[Servers]:
    """Start PostgreSQL with durable commits, Valkey and the simulator, set Django up for them and make all tables."""
    with ExitStack() as ending:
        path = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="lorapipe-bench-")))
        path.chmod(0o711)
        folder = DataFolder(path)
        ending.enter_context(folder.hold())
        folder.prepare()
        postgres = start_postgres(folder, durable=True)
        valkey = start_valkey(folder, durable=True)
        simulator = RunningSimulator().start()
        ending.callback(simulator.stop)
        servers = Servers(path, postgres, valkey, simulator)
        ending.callback(servers.stop)
        _set_up_django(path, postgres, valkey, simulator, environment or {})
        yield servers


def _set_up_django(
    path: Path, postgres: Server, valkey: Server, simulator: RunningSimulator, environment: dict[str, str]
) -> None:
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "LORAPIPE_", "RATE_LIMIT_"))]:
        del os.environ[name]
    os.environ.update(
        DATABASE_URL=postgres.url,
        REDIS_URL=valkey.url,
        SECRET_KEY="only-for-measurements-" * 3,
        DJANGO_SETTINGS_MODULE="lorapipe.settings",
        LORAPIPE_DATA_DIR=str(path),
        LORAPIPE_SIMULATOR_URL=simulator.url,
        **{"LORAPIPE_TIME_SCALE": "1", **environment},
    )
    import django  # noqa: PLC0415  the settings need the servers' addresses

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)


def cpu_seconds(pid: int) -> float:
    """User and system time in seconds of a process and all its descendants, including ended ones that were waited for."""
    total, waiting = 0.0, [pid]
    children = _children()
    while waiting:
        each = waiting.pop()
        total += _own_cpu_seconds(each)
        waiting += children.get(each, [])
    return total


def rss_mb(pid: int) -> float:
    """Resident memory of a process, in MB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def _own_cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS_A_SECOND


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        found.setdefault(parent, []).append(int(path.parent.name))
    return found


@dataclass
class Meter:
    """CPU seconds of named groups of processes since the meter was made: `Meter({"worker": [pid], ...})`."""

    groups: dict[str, list[int]]
    before: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.before = self._now()

    def used(self) -> dict[str, float]:
        now = self._now()
        return {name: now[name] - self.before[name] for name in self.groups}

    def _now(self) -> dict[str, float]:
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self.groups.items()}
