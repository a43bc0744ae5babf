"""The real SDK, and the server it talks to: ours always, the independent mock when slow tests are asked for."""

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from anthropic import Anthropic

from tests.contract.targets import LLMock, Ours, Target, running_llmock
from tests.support.simulator import RunningSimulator

LLMOCK = "llmock==0.2.2"
INSTALL_S = 150
TARGETS = [pytest.param("ours", id="ours"), pytest.param("llmock", id="llmock", marks=pytest.mark.slow)]


@pytest.fixture(scope="session")
def llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLMock]:
    """In a venv of its own, because its dependencies are not ours. Skips where the package index is not reached."""
    folder = tmp_path_factory.mktemp("llmock")
    venv.create(folder, with_pip=True)
    _install(folder / "bin" / "python")
    with running_llmock(folder / "bin" / "llmock") as target:
        yield target


def _install(python: Path) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--timeout", "15", "--retries", "1", LLMOCK]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
        reason = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except subprocess.TimeoutExpired:
        reason = [f"no end after {INSTALL_S} s"]
    if reason:
        said = f"{LLMOCK} could not be installed: {reason[0]}"
        print(said, file=sys.stderr)
        pytest.skip(said)


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> Target:
    chosen: Target
    if request.param == "ours":
        chosen = Ours(request.getfixturevalue("simulator"))
    else:
        chosen = request.getfixturevalue("llmock")
    chosen.clear()
    return chosen


@pytest.fixture
def ours(simulator: RunningSimulator) -> RunningSimulator:
    """For what only our simulator can do."""
    Ours(simulator).clear()
    return simulator


@pytest.fixture
def claude(target: Target) -> Iterator[Anthropic]:
    with Anthropic(api_key="x", base_url=target.base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def our_claude(ours: RunningSimulator) -> Iterator[Anthropic]:
    with Anthropic(api_key="x", base_url=ours.url, max_retries=0) as client:
        yield client
