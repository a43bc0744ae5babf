"""Whether a process has ended: said only where it is certain."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib import processes
from lib.processes import Process, describe_own, has_ended, identity
from tests.support.polling import wait_for

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as made:
        yield made
        made.kill()


def describe(pid: int) -> Process:
    own, found = describe_own(), processes._read_stat(pid)
    assert found
    return own._replace(pid=pid, start=found[1])


def test_linux_tells_everything_about_a_process() -> None:
    own = describe_own()
    assert all(own)
    assert own.pid == os.getpid()


def test_a_process_that_runs_has_not_ended(child: subprocess.Popen[bytes]) -> None:
    assert not has_ended(describe(child.pid), here=describe_own())
    assert not has_ended(describe(1), here=describe_own()), "one that belongs to somebody else"


def test_a_killed_process_has_ended_before_and_after_its_parent_looks(
    child: subprocess.Popen[bytes],
) -> None:
    known = describe(child.pid)
    child.kill()
    wait_for(lambda: has_ended(known, here=describe_own()), what="the zombie is seen")
    child.wait()
    assert has_ended(known, here=describe_own())


def test_another_process_with_the_same_number_is_not_taken_for_it(child: subprocess.Popen[bytes]) -> None:
    assert has_ended(describe(child.pid)._replace(start="1"), here=describe_own())


def test_a_hidden_process_of_somebody_else_has_not_ended(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """/proc may be mounted so that it hides them; then only the kernel's refusal tells that they exist."""

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    known = describe(child.pid)
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        patch.setattr(processes, "STAT", "/nowhere/{pid}")
        assert not has_ended(known, here=Process(1, known.boot_id, known.namespace, "1"))


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"boot_id": "another machine"},
        {"namespace": "another container"},
        {"boot_id": ""},
        {"namespace": ""},
        {"start": ""},
    ],
)
def test_elsewhere_and_not_fully_described_is_never_judged(elsewhere: dict[str, str]) -> None:
    gone = describe_own()._replace(pid=2**22 + 1)
    assert has_ended(gone, here=describe_own())
    assert not has_ended(Process(**{**gone._asdict(), **elsewhere}), here=describe_own())


def test_an_identity_tells_two_processes_apart(child: subprocess.Popen[bytes]) -> None:
    assert identity(child.pid) not in (None, identity(os.getpid()))
    child.kill()
    child.wait()
    assert identity(child.pid) is None
