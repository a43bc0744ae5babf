"""A job on the starter pack and a worker's row, without processes: each move is made by the test itself."""

import pytest

from batches.engine.worker_registry import register
from batches.models import BatchJob, Worker
from lorapipe.queues import Queue
from tests.support.jobs import start_starter_job
from workspaces.models import User


@pytest.fixture(autouse=True)
def _furnished(request: pytest.FixtureRequest) -> None:
    """Here an owner starts batches, so that the starter pack belongs to the workspace."""
    if "owner" in request.fixturenames:
        request.getfixturevalue("starter_pack")


@pytest.fixture
def job(owner: User, starter_pack: None) -> BatchJob:
    """Three items, all at once."""
    return start_starter_job(owner, limit=3)


@pytest.fixture
def worker(db: None) -> Worker:
    return register(queues=[Queue.GENERATION], slots=8)
