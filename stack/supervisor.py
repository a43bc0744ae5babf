"""Runs a whole stack in one process tree: servers, simulator, web, dispatcher, workers. All end together."""

import contextlib
import fcntl
import http.client
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lorapipe.queues import Queue
from stack import environment, postgres, programs, services
from stack.child import Backoff, Child
from stack.client import TAKEN, effective_fingerprint
from stack.environment import Environment
from stack.folder import DataFolder, FolderRefused, FolderTaken, Kind, StackState, Status
from stack.postgres import prepared
from stack.postgres.server import Postgres
from stack.process import raise_open_files
from stack.process_group import Interrupted, ProcessGroup, Signals, say
from stack.steps import announce_step
from stack.valkey import Valkey
from stack.version import installed_version

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
SIMULATOR_START_S = 30.0
WEB_START_S = 20.0  # after it the others are started all the same
PORT_S = 3.0
COUNT_CALLS = "SELECT count(*) FROM batch_items WHERE status = 'processing'"
FIRST_TO_END = ("dispatcher",)
WORKERS = (Queue.GENERATION.value, Queue.INTERACTIVE.value)
LAST_TO_END = (("web",), ("simulator",), ("valkey",), ("postgres",))


class StartFailed(Exception):
    """A part of the stack did not start; the message says which and where to look."""


@dataclass
class Supervisor:
    """One stack of one data folder. `kind` "up" has web pages; "job" has none and ends with its last client."""

    settings: Environment
    kind: Kind = "up"
    backoff: Backoff = field(default_factory=Backoff)
    announce: Callable[[str], None] = say

    def run(self) -> int:
        """Returns the exit code: 0 after a stop, 1 when something did not start, 2 when it may not start here."""
        self.folder = DataFolder(self.settings.data_dir)
        try:
            self.folder.prepare()
            with self.folder.hold(wait_s=5.0 if self._is_ending() else 1.0):
                return self._run_locked()
        except FolderTaken as error:
            self.announce(f"{error}. Stop it with Ctrl-C where it runs, or: kill {error.pid}")
            return 2 if self.kind == "up" else TAKEN
        except FolderRefused as error:
            self.announce(str(error))
            return 2

    def _is_ending(self) -> bool:
        state = self.folder.living()
        return state is not None and (state.status == "ending" or state.kind == "command")

    def _run_locked(self) -> int:
        if self.kind == "up":
            environment.refuse_unprotected(self.settings)
            _refuse_taken_port(self.settings)
        raise_open_files()
        self.urls: dict[str, str] = self.folder.secret_variables()
        # With a database of the user's own only those that were given; all others are the owner's.
        given = {
            postgres.WEB: self.settings.roles.web,
            postgres.WORKER: self.settings.roles.worker,
        }
        self.urls_of_roles = {role: url for role, url in given.items() if url}
        self.fingerprint = effective_fingerprint(self.settings)
        signals = Signals()
        with signals.caught() as wakeup:
            self.group = ProcessGroup(signals, wakeup, self.announce, self.backoff, self._record)
            try:
                self._start()
                self._watch()
                code = 0
            except Interrupted:
                code = 0
            except (StartFailed, services.DidNotStart) as error:
                self.announce(str(error))
                code = 1
            finally:
                self._stop()
            return code if signals.count < 2 else 1

    # --- start -------------------------------------------------------------------------------------

    def _start(self) -> None:
        for name in self.folder.sweep():
            self.announce(f"{name} of an earlier run was still there and has been ended")
        self._write("starting")
        port = self._start_simulator() if self.settings.demo else None  # it loads while the others start
        self._start_servers()
        if port:
            with announce_step("Starting the simulator", self.announce):
                self._wait_for_simulator(port)
        opens_early = self.kind == "up" and prepared.is_prepared(self.folder, self.urls["DATABASE_URL"])
        if opens_early:
            self._start_web()
        with announce_step("Preparing the database and the static files", self.announce):
            collected = self._prepare()
        if (
            opens_early and collected
        ):  # files that it serves were replaced, although nothing seemed to have changed
            self.group.stop(["web"])
        if self.kind == "up":
            with announce_step("Starting the pages", self.announce):
                self._wait_for_web()
        self._start_programs()
        self._write("ready")

    def _start_servers(self) -> None:
        for name, given, make in (
            ("REDIS_URL", self.settings.redis_url, Valkey),
            ("DATABASE_URL", self.settings.database_url, Postgres),
        ):
            self.urls[name] = given or self._start_server(make(self.folder, port=services.free_port()))
            self._raise_if_interrupted()

    def _start_server(self, kind: Postgres | Valkey) -> str:
        with announce_step(f"Starting {kind.label}", self.announce):
            server = services.start(kind)
        self.group.adopt(Child(kind.program(), self.backoff, server.child, started_at=time.monotonic()))
        if isinstance(kind, Postgres):
            self.urls_of_roles = {role: kind.url_for(role) for role in postgres.ROLES}
        return kind.url

    def _start_simulator(self) -> Path:
        """It chooses a port, and keeps it when it is restarted. Returns the file into which it writes the port."""
        port_file = self.folder.path / "simulator.port"
        port_file.unlink(missing_ok=True)
        environ = self._simulator_environ()
        self.group.start(programs.simulator(environ, port=0, port_file=port_file))
        return port_file

    def _simulator_environ(self) -> dict[str, str]:
        """Its control endpoint wants this secret: no other program may change what the simulator answers."""
        secret = self.folder.secret("simulator_secret")
        return programs.child_environ(self.settings, {"LORAPIPE_SIMULATOR_SECRET": secret})

    def _wait_for_simulator(self, port_file: Path) -> None:
        child = self.group.children["simulator"]
        port = self._wait_for_port(child, port_file)
        environ = self._simulator_environ()
        child.program = programs.simulator(environ, port=port, port_file=port_file)
        self.urls["LORAPIPE_SIMULATOR_URL"] = f"http://127.0.0.1:{port}"
        self.announce(
            "Demo mode: every reply is simulated, nothing is sent to Anthropic. Set ANTHROPIC_API_KEY for real ones."
        )

    def _wait_for_port(self, child: Child, port_file: Path) -> int:
        deadline = time.monotonic() + SIMULATOR_START_S
        while time.monotonic() < deadline and not child.deaths:
            with contextlib.suppress(OSError, ValueError):
                return int(port_file.read_text())
            self.group.pump(0.05)
            self._raise_if_interrupted()
        raise StartFailed("The simulator did not start; its output is above.")

    def _prepare(self) -> bool:
        """Run `manage.py prepare` once: migrations, starter pack, owner and the rows of the limiter.

        Whether it collected the static files.
        """
        self.answer: dict[str, Any] = {}
        installation = installed_version()
        program = programs.prepare(self._environ(postgres.OWNER), link=self.kind == "up")
        if code := self.group.run_once(program, each_line=self._read_prepared):
            raise StartFailed(f"prepare ended with exit code {code}; its output is above.")
        prepared.note_prepared(self.folder, self.urls["DATABASE_URL"], installation=installation)
        return bool(self.answer.get("collected"))

    def _read_prepared(self, line: str) -> bool:
        """The JSON object that `prepare` prints last holds the sign-in link, so it is not shown in the log."""
        with contextlib.suppress(ValueError):
            answer = json.loads(line)
            if isinstance(answer, dict):
                self.answer = answer
                return True
        return False

    def _start_web(self) -> None:
        self.group.start(programs.web(self._environ(postgres.WEB), self.settings))

    def _wait_for_web(self) -> None:
        """Wait until the pages answer: the workers, started at once, would take the processor from them."""
        web = self.group.children.get("web")
        if web is None or not web.wanted:
            self._start_web()
        deadline = time.monotonic() + WEB_START_S
        while time.monotonic() < deadline and not _answers(self.settings):
            self.group.pump(0.05)
            self._raise_if_interrupted()

    def _start_programs(self) -> None:
        environ, settings = self._environ(postgres.WORKER), self.settings
        slots = {WORKERS[0]: settings.worker_slots, WORKERS[1]: programs.INTERACTIVE_SLOTS}
        self.group.start(programs.dispatcher(environ))
        for queue, count in slots.items():
            tokens = settings.anthropic_max_tokens
            self.group.start(programs.worker(environ, queue=queue, slots=count, max_tokens=tokens))

    def _environ(self, role: str) -> dict[str, str]:
        """The environment of a program that connects to our own PostgreSQL as this role."""
        urls = {**self.urls, "DATABASE_URL": self.urls_of_roles.get(role, self.urls["DATABASE_URL"])}
        return programs.child_environ(self.settings, urls)

    def _raise_if_interrupted(self) -> None:
        if self.group.signals.count:
            raise Interrupted

    # --- running -----------------------------------------------------------------------------------

    def _watch(self) -> None:
        greeted = self.kind != "up"
        while not self.group.signals.count and not self._is_abandoned():
            self.group.pump(0.1 if not greeted else 0.5)
            if not greeted and _answers(self.settings):
                greeted = True
                self._greet()

    def _greet(self) -> None:
        address = web_url(self.settings)
        link = self.answer.get("sign_in_url_path")
        self.announce(
            f"\nLoRAPipe is ready: {address}/" + ("   (simulated replies)" if self.settings.demo else "")
        )
        if link:
            self.announce(f"Sign in within 15 minutes, once: {address}{link}")
        self.announce("Ctrl-C stops everything; your data stays in " + str(self.folder.path) + "\n")

    def _is_abandoned(self) -> bool:
        """Whether the last client of a job's stack is gone. A client that comes later finds the status `ending`."""
        if self.kind != "job":
            return False
        with open(self.folder.clients_file, "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._write("ending")
            return True

    def _record(self, group: ProcessGroup) -> None:
        self.folder.record(
            {
                child.name: (child.process.pid, int(child.program.death_signal))
                for child in group.children.values()
                if child.process
            }
        )

    def _write(self, status: Status) -> None:
        self.folder.write_state(
            StackState(
                pid=os.getpid(),
                status=status,
                kind=self.kind,
                mode=self.settings.mode,
                fingerprint=self.fingerprint,
                database_url=self.urls.get("DATABASE_URL"),
                worker_database_url=self.urls_of_roles.get(postgres.WORKER),
                redis_url=self.urls.get("REDIS_URL"),
                simulator_url=self.urls.get("LORAPIPE_SIMULATOR_URL"),
                web_url=web_url(self.settings) if self.kind == "up" else None,
            )
        )

    # --- end ---------------------------------------------------------------------------------------

    def _stop(self) -> None:
        self._write("ending")
        self._announce_stop()
        self.group.stop(FIRST_TO_END)
        self.group.stop(WORKERS)
        for names in LAST_TO_END:
            self.group.stop(names)
        self.group.kill()
        self.group.close()
        self.folder.record({})
        self.announce("Stopped.")

    def _announce_stop(self) -> None:
        calls = self._calls_in_flight()
        if calls:
            noun = "call" if calls == 1 else "calls"
            self.announce(
                f"Stopping: waiting for {calls} {noun} to finish. Ctrl-C again kills at once; "
                "what these calls cost is then lost."
            )
        else:
            self.announce("Stopping.")

    def _calls_in_flight(self) -> int:
        url = self.urls.get("DATABASE_URL")
        if url is None or WORKERS[0] not in self.group.children:
            return 0
        import psycopg  # noqa: PLC0415 (here and not above: see Postgres.is_ready)

        with contextlib.suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2) as connection:
            row = connection.execute(COUNT_CALLS).fetchone()
            return int(row[0]) if row else 0
        return 0


def web_url(settings: Environment) -> str:
    """Where a browser on this machine finds the pages."""
    host = LOOPBACK.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _answers(settings: Environment) -> bool:
    address = urlsplit(web_url(settings))
    line = http.client.HTTPConnection(address.hostname or "", address.port, timeout=1.0)
    with contextlib.closing(line), contextlib.suppress(OSError, http.client.HTTPException):
        line.request("GET", "/healthz")
        return line.getresponse().status == 200
    return False


def _refuse_taken_port(settings: Environment) -> None:
    """Tries for some seconds: Gunicorn's worker keeps the port for about a second after a `kill -9` of its supervisor."""
    deadline = time.monotonic() + PORT_S
    while problem := _port_problem(settings):
        if time.monotonic() > deadline:
            raise FolderRefused(
                f"HOST={settings.host} PORT={settings.port}: {problem}. "
                f"Choose others, for example PORT={settings.port % 65_535 + 1}."
            )
        time.sleep(0.1)


def _port_problem(settings: Environment) -> str | None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return error.strerror or str(error)
    return None
