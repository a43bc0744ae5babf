"""The engine's fixtures, and a whole engine on servers that a test may break."""

import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from pytest_django import DjangoDbBlocker

from tests.factories import make_user
from tests.support.engine import running_engine
from tests.support.fault_injection import FaultInjector
from tests.support.flow_fixtures import engine, fast_simulator, furnished, workspace
from tests.support.jobs import furnish
from tests.support.own_servers import database_of, own_servers
from tests.support.simulator import RunningSimulator
from workspaces.models import User

__all__ = ["engine", "fast_simulator", "furnished", "workspace"]

WORKERS = 2


class Breakable(NamedTuple):
    """An engine with its person; all tests of a file share it, each with a job of its own."""

    owner: User
    injector: FaultInjector
    simulator: RunningSimulator


@pytest.fixture(scope="module")
def shared(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    simulator: RunningSimulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Breakable]:
    """Its times run ten times as fast: a loaded machine must not take a living worker for dead."""
    logs = tmp_path_factory.mktemp("engine")
    with django_db_blocker.unblock(), own_servers() as servers, database_of(servers):
        owner = make_user(username="owner")
        furnish(owner)
        with running_engine(simulator.url, logs, LORAPIPE_TIME_SCALE="10") as engine:
            injector = FaultInjector(engine=engine, servers=servers, rng=random.Random(), stale_s=4.5)
            injector.start(workers=WORKERS)
            yield Breakable(owner, injector, simulator)


@pytest.fixture
def breakable(shared: Breakable) -> Breakable:
    """The shared engine with another seed, and an empty ledger."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    shared.injector.rng = random.Random(seed)
    shared.injector.excused.clear()
    shared.simulator.reset()
    shared.simulator.options(latency=0.5, rpm=None, burst=None)
    return shared
