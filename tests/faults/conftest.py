"""The engine's fixtures, and servers that a test may break."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import Engine, running_engine
from tests.support.flow_fixtures import engine, fast_simulator, make_owner, owner, workspace
from tests.support.own_servers import OwnServers, database_of, own_servers
from tests.support.simulator import RunningSimulator
from workspaces.models import User

__all__ = ["engine", "fast_simulator", "owner", "workspace"]


@pytest.fixture(scope="module")
def servers() -> Iterator[OwnServers]:
    """PostgreSQL and Valkey of this file alone."""
    with own_servers() as started:
        yield started


@pytest.fixture
def their_owner(servers: OwnServers, transactional_db: None) -> Iterator[User]:
    """A person on the servers of this file; everything in the test is about their database."""
    with database_of(servers):
        yield make_owner()


@pytest.fixture
def their_engine(their_owner: User, fast_simulator: RunningSimulator, tmp_path: Path) -> Iterator[Engine]:
    """Its times run ten times as fast: a loaded machine must not take a living worker for dead."""
    with running_engine(fast_simulator.url, tmp_path, LORAPIPE_TIME_SCALE="10") as started:
        yield started
