import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lib.processes import identity
from stack.child import Backoff
from stack.environment import CHECKOUT
from stack.process import Program
from stack.process_group import Interrupted, ProcessGroup, Signals
from tests.support.polling import wait_for

QUICK = Backoff(first_s=0.05, cap_s=0.2, settled_s=60)
PATIENT = "import time; print('here', flush=True); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"
HAS_CHILD = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True); import time; time.sleep(60)"
KILLED_SUPERVISOR = """
import os, sys, time
from pathlib import Path
from stack.process_group import ProcessGroup, Signals
from stack.process import Program
signals = Signals()
with signals.caught() as wakeup:
    group = ProcessGroup(signals, wakeup, print)
    program = Program(name="patient", argv=(sys.executable, "-c", "import time; time.sleep(60)"), cwd=Path("/"))
    print(group.start(program).process.pid, flush=True)
    group.pump(60)
"""


@dataclass
class Watched:
    """A process group with what it has said."""

    group: ProcessGroup
    signals: Signals
    said: list[str] = field(default_factory=list)

    def start(self, code: str, *, name: str = "child", grace_s: float = 10.0) -> int:
        child = self.group.start(program(code, name=name, grace_s=grace_s))
        assert child.process
        return child.process.pid

    def until(self, words: str, *, times: int = 1) -> None:
        def said() -> bool:
            self.group.pump(0.05)
            return sum(words in line for line in self.said) >= times

        wait_for(said, seconds=20, every=0.0, what=f"{words!r} is said {times} times")


def program(code: str, *, name: str = "child", grace_s: float = 10.0) -> Program:
    return Program(name=name, argv=(sys.executable, "-c", code), cwd=Path("/"), grace_s=grace_s)


@pytest.fixture
def watched() -> Iterator[Watched]:
    read, write = os.pipe()
    said: list[str] = []
    signals = Signals()
    found = Watched(ProcessGroup(signals, read, said.append, QUICK), signals, said)
    yield found
    found.group.kill()
    found.group.close()
    os.close(read)
    os.close(write)


def test_output_carries_the_name_even_the_last_words_without_a_newline(watched: Watched) -> None:
    watched.start("print('first'); print('last', end='')", name="web")
    watched.until("web         | last")
    assert "web         | first" in watched.said


def test_a_dead_child_is_started_again_with_growing_pauses(watched: Watched) -> None:
    watched.start("import sys; sys.exit(3)")
    watched.until("child ended (exit code 3)", times=4)
    pauses = [line.rpartition("again in ")[2] for line in watched.said]
    assert pauses[:4] == ["0.05 s", "0.1 s", "0.2 s", "0.2 s"]


def test_pauses_double_up_to_thirty_seconds() -> None:
    assert [Backoff().pause(deaths) for deaths in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_child_that_is_killed_from_outside_is_started_again_soon_each_time(watched: Watched) -> None:
    """Twenty kills are no sign that it cannot run; with growing pauses work would stand still for half a minute."""
    watched.start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    watched.until("child ended (SIGKILL)", times=4)
    pauses = [line.rpartition("again in ")[2] for line in watched.said]
    assert pauses[:4] == ["0.05 s"] * 4


def test_a_settled_life_starts_the_pauses_anew(watched: Watched) -> None:
    watched.start("pass")
    watched.until("child ended", times=2)
    child = watched.group.children["child"]
    child.backoff = Backoff(first_s=0.05, settled_s=0.0)
    watched.until("child ended", times=3)
    assert child.deaths == 1


def test_a_child_ended_by_a_signal_says_which(watched: Watched) -> None:
    os.kill(watched.start(PATIENT), signal.SIGKILL)
    watched.until("child ended (SIGKILL)")


def test_stop_waits_and_does_not_start_again(watched: Watched) -> None:
    watched.start(PATIENT)
    watched.until("here")
    watched.group.stop(["child", "never started"])
    watched.group.pump(0.3)
    assert not watched.group.children["child"].alive
    assert not [line for line in watched.said if "again" in line]


def test_a_deaf_child_is_killed_after_its_grace(watched: Watched) -> None:
    watched.start(DEAF, grace_s=0.3)
    watched.until("here")
    watched.group.stop(["child"])
    assert "child did not end within 0 s and is killed" in watched.said


def test_a_second_signal_kills_at_once_with_grandchildren(watched: Watched) -> None:
    watched.start(DEAF, name="deaf", grace_s=60)
    watched.start(HAS_CHILD, name="parent")
    watched.until("deaf        | here")
    watched.until("parent      | ")
    grandchild = int(next(line for line in watched.said if line.startswith("parent")).split()[-1])
    watched.signals.count = 2
    started = time.monotonic()
    watched.group.stop(["deaf"])
    assert time.monotonic() - started < 5
    assert not any(child.alive for child in watched.group.children.values())
    wait_for(lambda: identity(grandchild) is None, seconds=5, what="the grandchild ends")


def test_a_program_that_runs_once_hands_over_its_lines(watched: Watched) -> None:
    lines: list[str] = []

    def take(line: str) -> bool:
        lines.append(line)
        return line.startswith("{")

    code = watched.group.run_once(
        program("print('moving'); print('{}'); raise SystemExit(4)"), each_line=take
    )
    assert (code, lines) == (4, ["moving", "{}"])
    assert watched.said == ["child       | moving"]


def test_a_program_that_runs_once_ends_with_a_signal(watched: Watched) -> None:
    watched.signals.count = 1
    with pytest.raises(Interrupted):
        watched.group.run_once(program(PATIENT), each_line=lambda line: False)


def test_signals_are_counted_and_wake_the_loop() -> None:
    signals = Signals()
    with signals.caught() as wakeup:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)  # not SIGHUP, which nohup has ignored by all that it starts
        assert os.read(wakeup, 10)
        # Another thread of this process may be the one that the kernel tells: the handlers then run a moment later.
        wait_for(lambda: signals.count == 2, seconds=5, what="both are counted")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends them")
def test_a_killed_supervisor_leaves_no_orphan() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_SUPERVISOR], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as supervisor:
        assert supervisor.stdout
        child = int(supervisor.stdout.readline())
        assert identity(child)
        supervisor.kill()
    wait_for(lambda: identity(child) is None, seconds=5, what="the child ends")
