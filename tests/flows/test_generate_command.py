"""`./run generate`: its exit codes, its words, its file; on a real engine, and once on a whole stack of its own."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.states import JobStatus, Reason
from conversations.models import Conversation
from lorapipe.management.commands.generate import generate
from stack import environment
from stack.client import effective_fingerprint
from stack.environment import CHECKOUT
from stack.folder import DataFolder, StackState
from terminal import options as terminal_options
from terminal.__main__ import main
from terminal.screen import Screen
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_invariants
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

NASTY = [
    'quotes " and "" and \'',
    "first\nsecond\r\nthird",
    "emoji \U0001f600, \u05e9\u05dc\u05d5\u05dd \u200f\u0645\u0631\u062d\u0628\u0627",
    "{{topic}} <b>R&D</b> &amp; \u2028",
    "y" * 20_000,
]


class Run:
    """One run of the command in this process."""

    def __init__(self, *words: str, can_ask: bool = False) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        screen = AskingScreen if can_ask else Screen
        given = vars(terminal_options.read([*words, "--json"]))
        self.code = generate(given, screen(only_json=True, out=self.out, err=self.err))

    @property
    def words(self) -> str:
        return self.err.getvalue()

    @property
    def answer(self) -> dict[str, Any]:
        """The one line of standard output."""
        [line] = self.out.getvalue().splitlines()
        answer: dict[str, Any] = json.loads(line)
        return answer


class AskingScreen(Screen):
    """A person who says no."""

    @property
    def can_ask(self) -> bool:
        return True

    def ask(self, question: str) -> bool:
        self.say(question)
        return False


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "all.jsonl"


# --- it works ---------------------------------------------------------------------------------------------


def test_a_csv_file_is_byte_exact_in_what_is_stored_and_asked(
    owner: User, engine: Engine, tmp_path: Path, file: Path
) -> None:
    source = tmp_path / "plan.csv"
    with source.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(
            [["topic", "context"], *([f"topic {n}", text] for n, text in enumerate(NASTY))]
        )
    engine.start()
    run = Run("--csv", str(source), "--out", str(file))
    assert run.code == 0, run.words
    for number, text in enumerate(NASTY):
        item = BatchItem.objects.get(position=number + 1)
        assert item.parameters == {"topic": f"topic {number}", "context": text}
        assert text in item.current_log.request_payload["messages"][0]["content"]  # type: ignore[union-attr]
        assert Conversation.objects.get(batch_item=item).parameters == item.parameters


@pytest.mark.slow
def test_the_command_of_a_checkout_from_nothing() -> None:
    """A whole stack in a folder of its own, which ends with the command."""
    home = Path(tempfile.mkdtemp(prefix="lorapipe generate "))
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    words = ["generate", "--limit", "6", "--json", "--out", str(home / "six.jsonl")]
    ours = re.compile(r"DATABASE_URL|REDIS_URL|SECRET_KEY|ANTHROPIC_|LORAPIPE_|RATE_LIMIT_")
    environ = {name: value for name, value in os.environ.items() if not ours.match(name)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "terminal", *words],
            cwd=CHECKOUT,
            env={**environ, "LORAPIPE_DATA_DIR": str(home / "data")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        [line] = done.stdout.splitlines()
        answer = json.loads(line)
        about = json.loads(Path(answer["manifest"]).read_text())
        assert (answer["counts"]["completed"], about["counts"]["conversations"]) == (6, 6)
        assert answer["sha256"] == about["sha256"]
        assert about["simulated"] == {"count": 6, "all": True}
        wait_for(lambda: not DataFolder(home / "data").is_locked(), seconds=60, what="the stack ends too")
    finally:
        shutil.rmtree(home, ignore_errors=True)


# --- it ends in other ways --------------------------------------------------------------------------------


def test_some_items_fail(owner: User, engine: Engine, fast_simulator: RunningSimulator, file: Path) -> None:
    fast_simulator.faults([{"kind": "refusal", "times": 1}])
    engine.start()
    run = Run("--limit", "8", "--seed", "4", "--out", str(file))
    assert run.code == 1
    counts = run.answer["counts"]
    assert (counts["total"], counts["completed"], counts["failed"]) == (8, 7, 1)
    assert sum(tier["completed"] for tier in counts["by_tier"].values()) == 7
    assert run.answer["simulated"] == {"count": 7, "all": True}
    assert "1 x Declined by the model" in run.words
    assert "SIMULATED" in run.words
    assert len(file.read_bytes().splitlines()) == 7
    job = BatchJob.objects.get()
    assert (job.created_by, job.workspace, job.seed) == (owner, owner.personal_workspace(), 4)
    logged = sum((log.cost_usd for log in GenerationLog.objects.all()), Decimal(0))
    assert Decimal(run.answer["cost_usd"]) == job.spent == logged


@pytest.mark.slow
def test_a_wrong_key_fails_the_job_with_its_reason(
    owner: User, engine: Engine, fast_simulator: RunningSimulator, file: Path
) -> None:
    fast_simulator.faults([{"kind": "unauthorized", "times": 100}])
    engine.start()
    run = Run("--limit", "4", "--out", str(file))
    assert run.code == 1
    assert (run.answer["status"], run.answer["reason"], run.answer["file"]) == (
        "failed",
        "provider_auth",
        None,
    )
    assert "key" in run.words
    assert not file.exists()
    fast_simulator.reset()
    assert Run("--resume", run.answer["job_id"], "--out", str(file)).code == 0


def test_failures_are_tried_again_from_the_terminal(
    owner: User, engine: Engine, fast_simulator: RunningSimulator, file: Path
) -> None:
    fast_simulator.faults([{"kind": "bad_request", "times": 2}])
    engine.start()
    run = Run("--limit", "4", "--out", str(file))
    assert run.code == 1, run.words
    resume = ("--resume", run.answer["job_id"], "--out", str(file))
    again = Run(*resume, "--retry-failed", "--concurrency", "2")
    assert again.code == 0, again.words
    assert len(file.read_bytes().splitlines()) == 4
    assert_invariants()


def test_a_budget_that_is_used_up_pauses_and_says_how_to_go_on(
    owner: User, engine: Engine, file: Path
) -> None:
    engine.start()
    run = Run("--limit", "12", "--budget", "0.12", "--out", str(file))
    assert run.code == 3, run.words
    assert (run.answer["status"], run.answer["reason"]) == ("paused", Reason.BUDGET)
    assert not file.exists()
    _, _, command = run.answer["resume"].partition("generate ")
    assert "--budget" in command
    again = Run(*command.split(), "--out", str(file))
    assert again.code == 0, again.words
    assert len(file.read_bytes().splitlines()) == 12
    assert_invariants()


def test_ctrl_c_pauses_and_resume_finishes(
    owner: User, engine: Engine, fast_simulator: RunningSimulator, file: Path
) -> None:
    fast_simulator.options(latency=0.5)
    engine.start()
    with started_command(engine, "--limit", "30", "--concurrency", "3", "--out", str(file)) as process:
        wait_for(lambda: BatchJob.objects.filter(completed_items__gte=2).exists(), what="two are completed")
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=60)
    job = BatchJob.objects.get()
    assert process.returncode == 130, words
    assert f"./run generate --resume {job.pk}" in words
    assert (job.status, job.in_flight) == (JobStatus.PAUSED, 0)
    assert not file.exists()
    assert Run("--resume", str(job.pk), "--out", str(file)).code == 0
    assert len(file.read_bytes().splitlines()) == Conversation.objects.count() == 30
    assert_invariants()


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_at_once(
    owner: User, engine: Engine, fast_simulator: RunningSimulator, file: Path
) -> None:
    fast_simulator.options(latency=8)
    engine.start()
    with started_command(engine, "--limit", "3", "--budget", "5", "--out", str(file)) as process:
        wait_for(lambda: BatchJob.objects.filter(in_flight=3).exists(), what="three are in flight")
        process.send_signal(signal.SIGINT)
        wait_for(lambda: BatchJob.objects.filter(status=JobStatus.PAUSED).exists(), what="it is paused")
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=60)
    assert process.returncode == 130, words
    assert BatchJob.objects.get().in_flight == 3
    assert "--resume" in words
    wait_for_end(BatchJob.objects.get())


@pytest.mark.slow
def test_paused_by_somebody_else(
    owner: User, engine: Engine, fast_simulator: RunningSimulator, file: Path
) -> None:
    fast_simulator.options(latency=0.5)
    engine.start()
    with started_command(engine, "--limit", "20", "--concurrency", "2", "--out", str(file)) as process:
        wait_for(lambda: BatchJob.objects.filter(completed_items__gte=1).exists(), what="one is completed")
        BatchJob.objects.update(status=JobStatus.PAUSED, reason=Reason.PERSON)
        _, words = process.communicate(timeout=60)
    assert process.returncode == 3, words
    assert "--resume" in words


@contextmanager
def started_command(engine: Engine, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process, on the engine's database."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "generate", "--joined", *words],
        cwd=CHECKOUT,
        env=engine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


# --- it is refused: 2, and nothing is stored --------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_wrong_csv_file_is_refused_with_all_its_problems(owner: User, tmp_path: Path) -> None:
    source = tmp_path / "plan.csv"
    source.write_text("topic,tier,mood\na,template,sad\nb,scenario,\nc,wrong,\n")
    run = Run("--csv", str(source), "--out", str(tmp_path / "all.jsonl"))
    assert run.code == 2
    found = [problem.split(":")[0] for problem in run.answer["problems"]]
    assert found == ["row 1, column mood", "row 3, column context", "row 4, column tier"]
    assert all(problem in run.words for problem in run.answer["problems"])
    assert not BatchJob.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--budget", "0.01"], "its worst case is $0.0"),
        (["--concurrency", "11"], "choose 1 to 10 (LORAPIPE_MAX_CONCURRENCY)"),
        (["--resume", "00000000-0000-4000-8000-000000000000"], "there is no such job"),
    ],
)
def test_wrong_numbers_are_refused(owner: User, file: Path, words: list[str], expected: str) -> None:
    run = Run(*words, "--out", str(file))
    assert (run.code, BatchJob.objects.count()) == (2, 0)
    assert expected in run.words


@pytest.mark.django_db(transaction=True)
def test_somebody_else_s_job_cannot_be_resumed(owner: User, file: Path) -> None:
    other = User.objects.create_user("other")
    job = BatchJob.objects.create(
        workspace=other.personal_workspace(),
        created_by=other,
        name="theirs",
        status=JobStatus.PAUSED,
        model="claude-sonnet-5-5",
        max_tokens=8192,
        concurrent_processing=1,
        budget_usd=1,
    )
    assert Run("--resume", str(job.pk), "--out", str(file)).code == 2


@pytest.mark.django_db(transaction=True)
def test_real_money_on_a_terminal_is_asked_for(owner: User, file: Path, settings: Any) -> None:
    settings.DEMO = False
    run = Run("--limit", "2", "--out", str(file), can_ask=True)
    assert run.code == 130
    assert re.search(r"Start, spend up to \$0\.\d+\?", run.words)
    assert not BatchJob.objects.exists()


@pytest.fixture
def living_folder() -> Iterator[DataFolder]:
    path = Path(tempfile.mkdtemp(prefix="lorapipe-generate-"))
    folder = DataFolder(path)
    folder.prepare()
    with folder.hold():
        yield folder
    shutil.rmtree(path, ignore_errors=True)


def test_a_living_stack_with_other_settings_is_refused_by_the_variable(
    living_folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("LORAPIPE_DATA_DIR", str(living_folder.path))
    other = {"RATE_LIMIT_RPM": "another"}
    living_folder.write_state(
        StackState(pid=os.getpid(), status="ready", kind="up", mode="demo", fingerprint=fingerprint() | other)
    )
    assert main(["generate", "--limit", "1"]) == 2
    assert "RATE_LIMIT_RPM is not the same" in capsys.readouterr().err


def fingerprint() -> dict[str, str]:
    return effective_fingerprint(environment.read(os.environ))
