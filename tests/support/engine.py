"""Real processes of the engine on the test's own database: workers and dispatchers that a test may kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from django.db import connection

from batches.models import BatchJob, Worker
from batches.models.states import JobStatus
from lorapipe.queues import Queue
from stack import launch, programs
from stack.environment import CHECKOUT, Environment
from stack.services import free_port
from tests.support.fork_server import ForkServer, Process
from tests.support.polling import wait_for

# The kernel ends these children even when pytest itself is killed.
END_WITH_US = (sys.executable, "-I", launch.__file__, str(int(signal.SIGKILL)))
ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.PAUSED, JobStatus.CANCELLED)


def database_url() -> str:
    """The URL of the database that this test runs on."""
    found = connection.settings_dict
    return f"postgresql://{quote(found['USER'])}:{quote(found['PASSWORD'] or '')}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


def _is_up(url: str) -> bool:
    with suppress(OSError), urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def make_folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


class Engine:
    """Starts workers and dispatchers and ends them with the test. Times run 20 times as fast.

    `fresh`: each process gets an interpreter of its own, as in the product; otherwise the fork server starts them, which is quicker.
    """

    def __init__(
        self, *, simulator_url: str, logs: Path, environment: Mapping[str, str], fresh: bool = False
    ) -> None:
        self.logs = logs
        self.fresh = fresh
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "LORAPIPE_SIMULATOR_URL": simulator_url,
            "LORAPIPE_TIME_SCALE": "20",
            "RATE_LIMIT_RPM": "1000000",
            "LORAPIPE_DATA_DIR": str(logs),
            # The fork server has read the data directory already; the folder of exports is looked up when it is needed.
            "LORAPIPE_EXPORT_DIR": str(make_folder(logs / "exports")),
            **environment,
        }
        self.processes: list[Process] = []

    def start_worker(
        self, *, queue: Queue = Queue.GENERATION, slots: int = 16, app: str = "lorapipe", wait: bool = True
    ) -> Process:
        """A worker that has signed on, or with `wait=False` is about to."""
        options = [
            "-P",
            "threads",
            "-c",
            str(slots),
            "-Q",
            queue.value,
            "--without-gossip",
            "--without-mingle",
            "-l",
            "INFO",
        ]
        process = self._start("worker", [sys.executable, "-m", "celery", "-A", app, "worker", *options])
        signed_on = Worker.objects.filter(pid=process.pid, stopped_at=None)
        wait_for(signed_on.exists, seconds=120, what="the worker signs on")
        return process

    def start_dispatcher(self) -> Process:
        return self._start("dispatcher", [sys.executable, "manage.py", "dispatch"])

    def start_web(self) -> str:
        """The web as `./run` starts it; its address, once it answers."""
        port = free_port()
        program = programs.web(self.environment, Environment(port=port, data_dir=self.logs))
        self._start("web", list(program.argv), environment=program.env)
        address = f"http://127.0.0.1:{port}"
        wait_for(lambda: _is_up(f"{address}/healthz"), seconds=30, what="the web answers")
        return address

    def start(self, *, slots: int = 16) -> Process:
        """A dispatcher and a worker; returns the worker."""
        self.start_dispatcher()
        return self.start_worker(slots=slots)

    def kill(self, process: Process) -> None:
        """SIGKILL, as when the machine fails."""
        process.kill()
        process.wait(10)

    def suspend(self, process: Process) -> None:
        """SIGSTOP: the process exists but does nothing."""
        process.send_signal(signal.SIGSTOP)

    def resume(self, process: Process) -> None:
        process.send_signal(signal.SIGCONT)

    def stop(self, process: Process) -> None:
        """SIGTERM: the worker finishes its calls."""
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    def end(self) -> None:
        """Kill what leaves nothing behind. A warm stop takes 2 s; the tests that are about it call `stop`."""
        for process in self.processes:
            if process.poll() is not None:
                continue
            if isinstance(process, subprocess.Popen):  # the master of a web server ends its child itself
                process.send_signal(signal.SIGCONT)
                process.terminate()
            else:
                process.kill()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def output(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.logs.glob("*.log")))

    def _start(
        self, name: str, command: list[str], *, environment: Mapping[str, str] | None = None
    ) -> Process:
        log = self.logs / f"{name}-{len(self.processes)}.log"
        found = self.environment if environment is None else dict(environment)
        process: Process
        with log.open("wb") as out:
            if command[0] == sys.executable and not self.fresh:
                process = fork_server().spawn(command[1:], environment=found, log=log)
                self.processes.append(process)
                return process
            process = subprocess.Popen(
                [*END_WITH_US, str(os.getpid()), "-1", "-1", str(CHECKOUT), *command],
                env=found,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.processes.append(process)
        return process


@cache
def fork_server() -> ForkServer:
    return ForkServer([*END_WITH_US, str(os.getpid()), "-1", "-1", str(CHECKOUT)])


@contextmanager
def running_engine(simulator_url: str, logs: Path, **environment: str) -> Iterator[Engine]:
    with _ended_afterwards(Engine(simulator_url=simulator_url, logs=logs, environment=environment)) as engine:
        yield engine


@contextmanager
def fresh_engine(simulator_url: str, logs: Path, **environment: str) -> Iterator[Engine]:
    """Each process gets an interpreter of its own, as in the product, for whoever measures."""
    made = Engine(simulator_url=simulator_url, logs=logs, environment=environment, fresh=True)
    with _ended_afterwards(made) as engine:
        yield engine


@contextmanager
def _ended_afterwards(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.end()


def wait_for_end(job: BatchJob, *, seconds: float = 60, states: Any = ENDED) -> BatchJob:
    """Returns the job once it is in one of these states and none of its calls is in flight."""

    def ended() -> bool:
        job.refresh_from_db()
        return job.status in states and job.in_flight == 0

    wait_for(ended, seconds=seconds, what=f"job {job.name!r} ends ({job.status})")
    return job
