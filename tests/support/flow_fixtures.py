"""A whole engine for each test: committed rows, real processes, the real simulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import Engine, running_engine
from tests.support.simulator import RunningSimulator
from workspaces.models import User, Workspace


@pytest.fixture(autouse=True)
def furnished(request: pytest.FixtureRequest) -> None:
    """Here an owner starts batches, so that the starter pack belongs to the workspace."""
    if "owner" in request.fixturenames:
        request.getfixturevalue("starter_pack")


@pytest.fixture
def workspace(transactional_db: None, owner: User) -> Workspace:
    return owner.personal_workspace()


@pytest.fixture
def fast_simulator(simulator: RunningSimulator) -> RunningSimulator:
    """The simulator, emptied, with answers after 50 ms."""
    simulator.reset()
    simulator.options(latency=0.05, rpm=None, burst=None)
    return simulator


@pytest.fixture
def engine(
    transactional_db: None,
    owner: User,
    starter_pack: None,
    fast_simulator: RunningSimulator,
    tmp_path: Path,
) -> Iterator[Engine]:
    """Its rows are committed: the processes of the engine have connections of their own."""
    with running_engine(fast_simulator.url, tmp_path) as started:
        yield started
