"""`--quick` (tests/quick.py): what starts a process is left out, and what was not seen to do so fails instead."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stack.environment import CHECKOUT
from tests.quick import OF_EACH_FILE

SAMPLE = """
import importlib
import os
import subprocess
import sys

import pytest

import helpers

COMMAND = [sys.executable, "-c", "open('started', 'w')"]


class Server:
    def start(self):
        self.process = subprocess.Popen(COMMAND)


class SpecialServer(Server):
    pass


@pytest.fixture
def server():
    return SpecialServer()


@pytest.fixture
def behind(server):
    return server


@pytest.fixture
def db():
    return None


@pytest.mark.parametrize("number", [1, 2, 3])
def test_rows(db, number):
    assert number


@pytest.mark.lengthy
def test_lengthy():
    assert True


def test_plain(tmp_path):
    assert helpers.add(1, 1) == 2


def test_that_only_names_its_like():
    assert "subprocess.run" in "subprocess.run(...)"


def test_direct():
    subprocess.run(COMMAND)


def test_by_helper():
    helpers.start(COMMAND)


def test_by_fixture(server):
    server.start()


def test_by_a_fixture_of_a_fixture(behind):
    behind.start()


def test_by_a_class():
    SpecialServer().start()


def test_by_a_fixture_that_is_asked_for_later(request):
    request.getfixturevalue("server").start()


def test_inside_a_function():
    def start():
        subprocess.run(COMMAND)
    start()


def test_fork():
    if os.fork() == 0:
        os._exit(0)


def test_hidden():
    importlib.import_module("sub" + "process").run(COMMAND)
"""
HELPERS = """
from subprocess import run

def add(a, b):
    return a + b

def start(command):
    run(command)
"""
CONFIGURATION = """
[pytest]
testpaths = .
markers =
    lengthy: takes seconds
"""
GOOD = {"test_plain", "test_that_only_names_its_like"}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "pytest.ini").write_text(CONFIGURATION)
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "test_flow.py").write_text("def test_flow():\n    pass\n")
    return tmp_path


def run_pytest(folder: Path, *words: str) -> str:
    """What it prints. The plugin alone: no Django, no servers, nothing else that is installed."""
    command = [sys.executable, "-m", "pytest", "-v", "-p", "tests.quick", "-p", "no:cacheprovider", *words]
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        environ.pop(name, None)
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    ).stdout


def outcomes(outcome: str, told: str) -> set[str]:
    return set(re.findall(rf"::(\w+)\S* {outcome}", told))


def test_tests_that_start_a_process_are_left_out_and_one_that_was_not_foreseen_fails(sample: Path) -> None:
    told = run_pytest(sample, "--quick", "test_sample.py")
    assert outcomes("PASSED", told) == GOOD | {"test_lengthy", "test_rows"}, told
    assert outcomes("FAILED", told) == {"test_hidden"}, told
    assert "1 failed, 6 passed, 8 deselected" in told
    assert "A quick run starts no process" in told
    assert not (sample / "started").exists()


def test_without_a_file_it_is_a_sample_also_in_several_processes(sample: Path) -> None:
    """Those of xdist itself are started all the same."""
    told = run_pytest(sample, "--quick", "-p", "xdist.plugin", "-n", "1")
    assert f"1 failed, {len(GOOD) + OF_EACH_FILE} passed" in told, told
    assert "test_rows[1]" in told
    assert not re.search("test_lengthy|test_flow|3]", told)


def test_without_the_option_nothing_is_left_out(sample: Path) -> None:
    told = run_pytest(sample)
    assert "16 passed" in told, told
    assert (sample / "started").exists()
