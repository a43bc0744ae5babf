"""`./run` as people use it: real processes, a data folder of its own. Slow."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import psycopg
import pytest

from lib.processes import identity
from stack import client
from stack.environment import CHECKOUT, read
from stack.folder import DataFolder
from stack.services import free_port
from tests.support.old_folder import make_old_folder
from tests.support.polling import wait_for

pytestmark = pytest.mark.slow
OURS = re.compile("DATABASE_URL|REDIS_URL|SECRET_KEY|ANTHROPIC_|LORAPIPE_|RATE_LIMIT|PORT$|HOST$|PYTEST|COV")


class Run:
    """One `./run ...` with what it prints."""

    def __init__(self, environ: dict[str, str], *words: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "terminal", *words],
            env=environ,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))

    def until(self, words: str, *, seconds: float = 90) -> str:
        def found() -> str | None:
            return next((line for line in list(self.lines) if words in line), None)

        def looked() -> str | bool | None:
            return found() or (self.process.poll() is not None and not self._reader.is_alive())

        wait_for(looked, seconds=seconds, what=f"./run says {words!r}")
        line = found()
        assert line is not None, "\n".join(self.lines)
        return line

    def end(self, number: signal.Signals, *, seconds: float = 60) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reader.join(10)
        return code


@pytest.fixture
def environ(folder: DataFolder) -> dict[str, str]:
    """Nothing of the tests' servers; ports and data of its own."""
    plain = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    return plain | {"LORAPIPE_DATA_DIR": str(folder.path), "PORT": str(free_port())}


@pytest.fixture
def started(environ: dict[str, str]) -> Iterator[list[Run]]:
    runs: list[Run] = []
    yield runs
    for run in runs:
        run.end(signal.SIGKILL)


def identities(folder: DataFolder) -> dict[int, str]:
    return {entry["pid"]: entry["identity"] for entry in folder._recorded()}


def wait_until_gone(known: dict[int, str]) -> None:
    wait_for(
        lambda: not [pid for pid, known_as in known.items() if identity(pid) == known_as],
        seconds=30,
        what="all processes of the stack end",
    )


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


def execute(folder: DataFolder, statement: str) -> Any:
    state = folder.living()
    assert state
    assert state.database_url
    with psycopg.connect(state.database_url) as connection:
        found = connection.execute(statement)
        return found.fetchone() if found.description else None


def find_roles(folder: DataFolder) -> dict[str, str]:
    """The role with which each program of the stack is connected now."""
    state = folder.living()
    assert state
    assert state.database_url
    with psycopg.connect(state.database_url) as connection:
        return dict(
            connection.execute(
                "SELECT DISTINCT application_name, usename FROM pg_stat_activity WHERE application_name LIKE 'lorapipe %'"
            ).fetchall()
        )


def test_each_program_has_its_role(environ: dict[str, str], folder: DataFolder, started: list[Run]) -> None:
    run = Run(environ | {"LORAPIPE_REQUIRE_RLS": "1"}, "up")
    started.append(run)
    address = run.until("LoRAPipe is ready:").split()[3]
    assert status(run.until("Sign in within").split()[-1]) == 200
    wait_for(lambda: status_or_none(f"{address}readyz") == 200, seconds=60, what="the workers are there")
    assert find_roles(folder) == {
        "lorapipe web": "lorapipe_web",
        "lorapipe dispatcher": "lorapipe_worker",
        "lorapipe generation": "lorapipe_worker",
        "lorapipe interactive": "lorapipe_worker",
    }
    assert run.end(signal.SIGTERM) == 0


def status_or_none(url: str) -> int | None:
    try:
        return status(url)
    except OSError:
        return None


def test_an_old_data_folder_is_changed_in_place(
    environ: dict[str, str], folder: DataFolder, started: list[Run]
) -> None:
    """Its tables belonged to the superuser, without policies. Afterwards the rows are there, and the programs work on them behind policies."""

    def prepare(url: str) -> None:
        command = [sys.executable, "manage.py", "prepare"]
        variables = environ | folder.secret_variables() | {"DATABASE_URL": url}
        subprocess.run(command, env=variables, cwd=CHECKOUT, check=True)
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE workspaces_workspace SET name = 'of before'")

    make_old_folder(folder, prepare)
    environ = environ | {"LORAPIPE_REQUIRE_RLS": "1"}
    run = Run(environ, "up")
    started.append(run)
    run.until("LoRAPipe is ready:")
    assert execute(folder, "SELECT name FROM workspaces_workspace") == ("of before",)
    owners = "SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'public'"
    assert execute(folder, owners) == ("lorapipe_owner",)
    without = "SELECT count(*) FROM pg_class c WHERE relname = 'conversations' AND NOT relrowsecurity"
    assert execute(folder, without) == (0,)
    batch = start_rows(environ, folder, 2)
    started.append(batch)
    assert batch.process.wait(120) == 0, "\n".join(batch.lines)
    assert execute(folder, "SELECT count(*) FROM conversations") == (2,)
    assert run.end(signal.SIGTERM) == 0


def test_a_public_host_wants_to_know_what_stands_before_it(
    environ: dict[str, str], started: list[Run]
) -> None:
    run = Run({**environ, "HOST": "0.0.0.0"}, "up")
    started.append(run)
    assert "LORAPIPE_BEHIND_PROXY=1" in run.until("other machines could reach the pages")
    assert run.process.wait(30) == 2


def test_up_serves_survives_kill_9_and_stops_cleanly(
    environ: dict[str, str], folder: DataFolder, started: list[Run]
) -> None:
    first = Run(environ, "up")
    started.append(first)
    address = first.until("LoRAPipe is ready:").split()[3]
    assert "simulated" in first.until("Demo mode:")
    assert status(address) == 200
    link = first.until("Sign in within").split()[-1]
    assert link.startswith(f"{address}sign-in/")
    assert status(link) == 200

    second = Run(environ, "up")
    started.append(second)
    assert f"pid {first.process.pid}" in second.until("already runs")
    assert second.process.wait(10) == 2

    execute(folder, "CREATE TABLE kept AS SELECT 'paid for' AS word")
    known = identities(folder)
    assert len(known) == 7
    first.end(signal.SIGKILL)
    wait_until_gone(known)

    again = Run(environ, "up")
    started.append(again)
    again.until("LoRAPipe is ready:")
    assert execute(folder, "SELECT word FROM kept") == ("paid for",)
    known = identities(folder)
    assert again.end(signal.SIGINT) == 0
    assert again.lines[-1] == "Stopped."
    wait_until_gone(known)


def test_a_second_start_migrates_a_database_that_has_gone_back(
    environ: dict[str, str], folder: DataFolder, started: list[Run]
) -> None:
    """Nothing else has changed. The pages of the second start open beside `prepare`, those of the third one after it."""
    for back in (False, False, True):
        if back:
            command = Run(environ, "manage", "migrate", "sessions", "zero")
            started.append(command)
            assert command.process.wait(60) == 0, "\n".join(command.lines)
        run = Run(environ, "up")
        started.append(run)
        assert status(run.until("Sign in within").split()[-1]) == 200
        assert execute(folder, "SELECT to_regclass('django_session') IS NOT NULL") == (True,)
        assert folder.prepared_file.exists()
        assert run.end(signal.SIGTERM) == 0


def test_servers_and_programs_that_die_come_back(
    environ: dict[str, str], folder: DataFolder, started: list[Run]
) -> None:
    run = Run(environ, "up")
    started.append(run)
    address = run.until("LoRAPipe is ready:").split()[3]
    state = folder.living()
    for entry in folder._recorded():
        os.kill(entry["pid"], signal.SIGKILL)
    for name in ("web", "postgres", "valkey", "simulator", "dispatcher", "generation"):
        run.until(f"{name} ended (SIGKILL)")

    def healthy() -> bool:
        try:
            execute(folder, "SELECT 1")
            return status(f"{address}healthz") == 200
        except (OSError, psycopg.Error):
            return False

    wait_for(healthy, seconds=60, every=0.2, what="web and database are back")
    assert folder.living() == state
    assert run.end(signal.SIGTERM) == 0


def test_a_stop_counts_the_calls_and_a_second_signal_kills(
    environ: dict[str, str], folder: DataFolder, started: list[Run]
) -> None:
    run = Run(environ, "up")
    started.append(run)
    run.until("LoRAPipe is ready:")
    execute(folder, "ALTER TABLE batch_items RENAME TO batch_items_before")
    execute(folder, "CREATE TABLE batch_items AS SELECT 'processing' AS status FROM generate_series(1, 3)")
    dispatcher = next(entry for entry in folder._recorded() if entry["name"] == "dispatcher")
    os.kill(dispatcher["pid"], signal.SIGSTOP)
    known = identities(folder)
    run.process.send_signal(signal.SIGINT)
    run.until("waiting for 3 calls to finish")
    begun = time.monotonic()
    assert run.end(signal.SIGINT) == 1
    assert time.monotonic() - begun < 10
    wait_until_gone(known)


def test_a_stack_for_a_job_ends_with_its_last_client(
    environ: dict[str, str], folder: DataFolder, started: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if OURS.match(name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LORAPIPE_DATA_DIR", str(folder.path))
    settings = read(os.environ)
    with client.join_or_start(settings) as stack:
        assert stack.started
        known = identities(folder)
        assert {"postgres", "valkey", "simulator", "dispatcher", "generation", "interactive"} == {
            entry["name"] for entry in folder._recorded()
        }
        with pytest.raises(HTTPError, match="403"):  # it wants the secret of the folder
            status(f"{stack.state.simulator_url}/_simulator/options")
        with client.join_or_start(settings) as other:
            assert (other.started, other.state.pid) == (False, stack.state.pid)
        manage = Run(
            environ, "manage", "shell", "-c", "from workspaces.models import User; print(User.objects.get())"
        )
        started.append(manage)
        assert manage.until("owner")
        assert manage.process.wait(30) == 0
        assert folder.living()
    assert not folder.is_locked()
    wait_until_gone(known)


def test_a_command_alone_has_a_database_for_its_duration(
    environ: dict[str, str], folder: DataFolder, started: list[Run]
) -> None:
    run = Run(environ, "manage", "prepare")
    started.append(run)
    run.until('"owner"')
    assert run.process.wait(30) == 0
    assert not folder.is_locked()


def test_wrong_variables_and_a_taken_port_are_refused_by_name(
    environ: dict[str, str], started: list[Run]
) -> None:
    wrong = Run(environ | {"PORT": "0", "ANTHROPIC_TEMPERATURE": "2"}, "up")
    started.append(wrong)
    assert wrong.until("ANTHROPIC_TEMPERATURE='2'")
    assert wrong.until("PORT='0'")
    assert wrong.process.wait(10) == 2
    with socket.create_server(("127.0.0.1", int(environ["PORT"]))):
        taken = Run(environ, "up")
        started.append(taken)
        assert taken.until(f"PORT={environ['PORT']}")
        assert taken.process.wait(10) == 2


# --- killed in the middle of a batch ----------------------------------------------------------------------

# Far less than the lease of a worker that nobody looks after (45 s) with the interval of reaping (15 s), and room for a
# machine that has other things to do. On a quiet one it is 3 to 5 s; the times are printed.
GOES_ON_S = 30.0
SUCCEEDED_AFTER = "SELECT count(*) FROM generation_logs WHERE state = 'succeeded' AND created_at > '{moment}'"
IN_FLIGHT = "SELECT count(*) FROM generation_logs WHERE state = 'pending'"


def kill_program(folder: DataFolder, name: str) -> None:
    found = [entry for entry in folder._recorded() if entry["name"] == name]
    os.kill(found[-1]["pid"], signal.SIGKILL)


def start_rows(environ: dict[str, str], folder: DataFolder, rows: int) -> Run:
    """A batch of so many rows of a CSV file, started in the terminal beside a stack that runs."""
    table = folder.path / "rows.csv"
    table.write_text("topic\n" + "".join(f"Question {number}\n" for number in range(rows)))
    return Run(environ, "generate", "--csv", str(table), "--yes", "--out", str(folder.path / "rows.jsonl"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("program", "times"), [("generation", 20), ("dispatcher", 5), ("postgres", 3)])
def test_work_goes_on_within_seconds_when_a_program_is_killed(
    program: str, times: int, environ: dict[str, str], folder: DataFolder, started: list[Run]
) -> None:
    environ |= {"RATE_LIMIT_RPM": "100000", "LORAPIPE_MAX_CONCURRENCY": "5"}
    rows = 60 + 30 * times
    run = Run(environ, "up")
    started.append(run)
    run.until("LoRAPipe is ready:")
    batch = start_rows(environ, folder, rows)
    started.append(batch)
    seconds, in_flight = [], 0
    for _ in range(times):
        (begun,) = execute(folder, "SELECT clock_timestamp()")
        wait_for_success(folder, after=begun)
        kill_program(folder, program)
        killed_at = time.monotonic()
        (moment, pending) = wait_for(lambda: ask_when_back(folder), seconds=60, what="the database answers")
        in_flight += pending if program == "generation" else 0
        wait_for_success(folder, after=moment)
        seconds.append(time.monotonic() - killed_at)
    print(f"{program} killed {times} times: work went on after", *(f"{each:.1f}" for each in seconds), "s")
    assert batch.process.wait(300) == 0, "\n".join(batch.lines)
    assert execute(folder, "SELECT count(*) FROM conversations") == (rows,)
    (unknown,) = execute(folder, "SELECT count(*) FROM generation_logs WHERE state = 'unknown'")
    assert unknown <= in_flight, "no more was lost, and made again, than was in flight"
    checked = Run(environ, "manage", "check_invariants")
    started.append(checked)
    assert checked.until("rules hold")
    assert run.end(signal.SIGTERM) == 0


def wait_for_success(folder: DataFolder, *, after: Any) -> None:
    """Until a call that was begun after this moment has succeeded."""
    statement = SUCCEEDED_AFTER.format(moment=after)
    wait_for(lambda: execute(folder, statement)[0], seconds=GOES_ON_S, every=0.2, what="work goes on")


def ask_when_back(folder: DataFolder) -> Any:
    """The database's time and the number of calls in flight; None while it is away."""
    try:
        return execute(folder, f"SELECT clock_timestamp(), ({IN_FLIGHT})")
    except psycopg.Error:
        return None
