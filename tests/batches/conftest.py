"""A job on the starter pack and a worker's row, without processes: each move is made by the test itself."""

import pytest

from batches.engine.worker_registry import register
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchJob, Worker
from lorapipe.queues import Queue
from templates_app.packs.installing import install_pack
from tests.support.jobs import start_starter_job
from workspaces.models import User


@pytest.fixture
def owner(db: None) -> User:
    user: User = User.objects.create_with_workspace("owner")
    install_pack(user.personal_workspace())
    set_limits(pools(), per_minute=1_000_000)
    return user


@pytest.fixture
def job(owner: User) -> BatchJob:
    """Three items, all at once."""
    return start_starter_job(owner, limit=3)


@pytest.fixture
def worker(db: None) -> Worker:
    return register(queues=[Queue.GENERATION], slots=8)
