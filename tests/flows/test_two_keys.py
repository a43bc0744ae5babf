"""Two workspaces with a key each: one runs out of credit, the other does not notice; and keys that are changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from batches.actions.jobs import resume
from batches.limits.limiter import set_limits
from batches.limits.pools import pool_of, pools
from batches.models import BatchJob
from batches.models.states import JobStatus, Reason
from provider.keys import enter_key, enter_own_key, remove_key, remove_own_key
from tests.support.engine import Engine, running_engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import User, Workspace

KEY, THEIRS, ENTERED = "sk-of-the-installation", "sk-of-research", "sk-that-was-entered"
OWN = "sk-of-the-workspace-alone"
MODEL = "claude-sonnet-5-5"
ENDED = (JobStatus.COMPLETED, JobStatus.FAILED)


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


def test_a_key_is_changed_while_the_workers_run(
    owner: User, two_keys: Engine, fast_simulator: RunningSimulator
) -> None:
    """The keys that are not to be used are refused: what is completed then was asked with the other one."""

    def is_used(key: str) -> bool:
        refuse(fast_simulator, *({KEY, THEIRS, ENTERED, OWN} - {key}))
        return (
            wait_for_end(start_starter_job(owner, limit=10, concurrency=4), states=ENDED).status
            == JobStatus.COMPLETED
        )

    home = owner.personal_workspace()
    two_keys.start(slots=4)
    before = pool_of(MODEL)
    assert is_used(KEY)
    enter_key(name="", api_key=ENTERED, by=None)
    wait_for(lambda: is_used(ENTERED), seconds=60, what="the workers use the key that was entered")
    assert pool_of(MODEL) == before, "the limits and what is booked stay"
    Workspace.objects.filter(pk=home.pk).update(provider_key="research")
    assert is_used(THEIRS), "the name of the workspace's key is read for each call"
    enter_own_key(workspace=home, api_key=OWN, by=owner)
    assert is_used(OWN), "and so is a key of its own"
    remove_own_key(workspace=home, by=owner)
    Workspace.objects.filter(pk=home.pk).update(provider_key="")
    remove_key(name="", by=None)
    wait_for(lambda: is_used(KEY), seconds=60, what="the workers use the environment's key again")
    fast_simulator.faults([])
    assert_invariants()


def refuse(simulator: RunningSimulator, *keys: str) -> None:
    simulator.faults([{"kind": "unauthorized", "times": 0, "key": key} for key in keys])
