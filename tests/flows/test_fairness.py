"""Whose turn it is while everybody wants more than there is: workspaces, and single generations before batches."""

from decimal import Decimal

import pytest

from batches.actions.jobs import start_batch
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.states import JobKind
from batches.planning.plan import starter_plan
from lorapipe.queues import Queue
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import User


def make_neighbour() -> User:
    user: User = User.objects.create_user("neighbour")
    bring_starter_pack(user.personal_workspace())
    return user


def set_rate(engine: Engine, per_minute: int) -> None:
    engine.environment["RATE_LIMIT_RPM"] = str(per_minute)
    set_limits(pools(), per_minute=per_minute)


def seconds_from_start_to_end(job: BatchJob) -> float:
    job.refresh_from_db()
    assert job.completed_at
    return (job.completed_at - job.created_at).total_seconds()


def alone_at_half_rate(items: int, *, per_minute: int, latency: float) -> float:
    """The physical time: its permits at half the rate, the last call, and the half second until it is seen."""
    return items / (per_minute / 2) * 60 + latency + 0.5


def small_job_beside_a_big_one(
    owner: User, engine: Engine, simulator: RunningSimulator, *, big: int, small: int, per_minute: int
) -> None:
    simulator.options(latency=0.5, jitter=0)
    set_rate(engine, per_minute)
    engine.start(slots=32)
    first = start_starter_job(owner, limit=big, concurrency=10, budget_usd=Decimal(10_000))
    wait_for(
        lambda: BatchJob.objects.get(pk=first.pk).completed_items > 10, seconds=60, what="A is under way"
    )
    second = wait_for_end(start_starter_job(make_neighbour(), limit=small, concurrency=10), seconds=120)
    took = seconds_from_start_to_end(second)
    print(
        f"B took {took:.1f} s, alone at half rate {alone_at_half_rate(small, per_minute=per_minute, latency=0.5):.1f} s"
    )
    assert second.completed_items == small
    assert took <= 1.2 * alone_at_half_rate(small, per_minute=per_minute, latency=0.5)
    first.refresh_from_db()
    assert first.completed_items < big, "A is still running"
    assert_invariants()


@pytest.mark.slow
def test_a_small_job_is_done_in_its_half_of_the_rate(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    small_job_beside_a_big_one(owner, engine, fast_simulator, big=400, small=20, per_minute=300)


@pytest.mark.slow
def test_a_small_job_beside_ten_thousand_items(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    small_job_beside_a_big_one(owner, engine, fast_simulator, big=10_000, small=20, per_minute=300)


def single_beside_a_batch(owner: User, engine: Engine, *, big: int, per_minute: int, rounds: int) -> None:
    """From the commit of its start to its call, while two batches take every permit there is."""
    set_rate(engine, per_minute)
    engine.start(slots=16)
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    batches = [
        start_starter_job(owner, limit=big // 2, concurrency=10, budget_usd=Decimal(10_000)) for _ in range(2)
    ]
    running = BatchJob.objects.filter(pk__in=[each.pk for each in batches], completed_items__gt=5)
    wait_for(lambda: running.count() == len(batches), seconds=60, what="the batches run")
    waits = []
    for number in range(rounds):
        job = start_batch(
            workspace=owner.personal_workspace(),
            plan=starter_plan(owner.personal_workspace())[number : number + 1],
            by=owner,
            name=f"one {number}",
            concurrency=1,
            kind=JobKind.SINGLE,
        )
        wait_for_end(job)
        item = BatchItem.objects.get(job=job)
        assert item.claimed_at
        log = GenerationLog.objects.get(item=item)
        assert log.finished_at
        assert log.duration_ms is not None
        call_ended = (log.finished_at - job.created_at).total_seconds()
        waits.append(call_ended - log.duration_ms / 1000)
    print(f"single generations left after {waits}")
    assert sorted(waits)[len(waits) // 2] <= 2.0, waits
    assert running.filter(completed_at=None).count() == len(batches), "the batches are still running"
    assert_invariants()


@pytest.mark.slow
@pytest.mark.parametrize("per_minute", [600])
def test_single_generations_start_within_two_seconds(
    per_minute: int, owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    single_beside_a_batch(owner, engine, big=400, per_minute=per_minute, rounds=5)


@pytest.mark.slow
@pytest.mark.parametrize("per_minute", [60, 600])
def test_single_generations_start_within_two_seconds_beside_ten_thousand_items(
    per_minute: int, owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    single_beside_a_batch(owner, engine, big=10_000, per_minute=per_minute, rounds=5)
