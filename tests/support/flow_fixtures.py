"""A whole engine for each test: committed rows, real processes, the real simulator."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from templates_app.packs.installing import install_pack
from tests.support.engine import Engine, running_engine
from tests.support.simulator import RunningSimulator
from workspaces.models import User, Workspace

UNLIMITED = 1_000_000


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_owner()


def make_owner() -> User:
    """A person with the starter pack, in an installation without a limit."""
    user: User = User.objects.create_with_workspace("owner")
    install_pack(user.personal_workspace())
    set_limits(pools(), per_minute=UNLIMITED)
    return user


@pytest.fixture
def workspace(owner: User) -> Workspace:
    return owner.personal_workspace()


@pytest.fixture
def fast_simulator(simulator: RunningSimulator) -> RunningSimulator:
    """The simulator, emptied, with answers after 50 ms."""
    simulator.reset()
    simulator.options(latency=0.05, rpm=None, burst=None)
    return simulator


@pytest.fixture
def engine(owner: User, fast_simulator: RunningSimulator, tmp_path: Path) -> Iterator[Engine]:
    with running_engine(fast_simulator.url, tmp_path) as started:
        yield started
