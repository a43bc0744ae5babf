"""Two workspaces with a key each: one runs out of credit in the middle, the other does not notice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from batches.actions.jobs import resume
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchJob
from batches.models.states import JobStatus, Reason
from tests.support.engine import Engine, running_engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import User, Workspace

KEY, THEIRS = "sk-of-the-installation", "sk-of-research"


@pytest.fixture
def two_keys(
    transactional_db: None,
    owner: User,
    fast_simulator: RunningSimulator,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Engine]:
    """Workers and this process with the same server and both keys."""
    settings.DEMO, settings.CLAUDE_BASE_URL, settings.CLAUDE_API_KEY = False, fast_simulator.url, KEY
    settings.CLAUDE_NAMED_KEYS = {"research": THEIRS}
    set_limits(pools(), per_minute=1_000_000)
    told = {
        "ANTHROPIC_BASE_URL": fast_simulator.url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_API_KEY_RESEARCH": THEIRS,
    }
    with running_engine(fast_simulator.url, tmp_path, **told) as started:
        yield started


@pytest.fixture
def researcher(owner: User) -> User:
    user: User = User.objects.create_user("researcher")
    bring_starter_pack(user.personal_workspace())
    Workspace.objects.filter(pk=user.personal_workspace().pk).update(provider_key="research")
    return user


def test_no_credit_stops_the_jobs_of_one_key_alone(
    owner: User, researcher: User, two_keys: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "billing", "times": 0, "after": 5, "key": THEIRS}])
    two_keys.start(slots=8)
    theirs = [start_starter_job(researcher, limit=10, concurrency=2) for _ in range(2)]
    ours = wait_for_end(start_starter_job(owner, limit=20, concurrency=4))
    assert (ours.status, ours.completed_items) == (JobStatus.COMPLETED, 20)
    stopped = [wait_for_end(each, states=(JobStatus.FAILED,)) for each in theirs]
    assert {each.reason for each in stopped} == {Reason.PROVIDER_BILLING}
    assert sum(each.completed_items for each in stopped) == 5
    fast_simulator.faults([])
    for each in stopped:
        resume(BatchJob.objects.get(pk=each.pk), by=researcher)
    assert [wait_for_end(each).completed_items for each in theirs] == [10, 10]
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()
