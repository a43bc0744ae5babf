"""Redis and PostgreSQL flushed, restarted, away, and the dispatcher killed: nothing is lost, nothing is paid again."""

import time

import pytest

from batches.models import BatchJob, GenerationLog
from batches.models.states import JobStatus
from conversations.models import Conversation
from tests.faults.conftest import Breakable
from tests.support.fault_injection import count_paid_again, retry_while_away, wait_for_completion
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for


def wait_until_busy(job: BatchJob, *, calls: int) -> None:
    def busy() -> bool:
        retry_while_away(job.refresh_from_db)
        return job.in_flight >= calls or job.status == JobStatus.COMPLETED

    wait_for(busy, what=f"{calls} calls are in flight")


def wait_for_more(job: BatchJob, *, seconds: float = 60) -> None:
    retry_while_away(job.refresh_from_db)
    before = job.completed_items

    def more() -> bool:
        retry_while_away(job.refresh_from_db)
        return job.completed_items > before or job.status == JobStatus.COMPLETED

    wait_for(more, seconds=seconds, what="work goes on")


def assert_whole(job: BatchJob, breakable: Breakable, *, items: int) -> None:
    """Every conversation once, and no call paid again but those that were in flight at a kill or stop."""
    injector = breakable.injector
    job = wait_for_completion(job, seconds=120)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, items), injector.engine.output()[-3000:]
    assert Conversation.objects.filter(batch_item__job=job).count() == items
    ledger = breakable.simulator.ledger()
    found = count_paid_again(ledger, injector.excused)
    print(found)
    assert found.unexcused == 0
    assert found.again <= len(injector.excused)
    assert_billed_is_logged(ledger)
    assert_invariants()


@pytest.mark.slow
def test_redis_is_flushed_twice_and_restarted(breakable: Breakable) -> None:
    job = start_starter_job(breakable.owner, limit=60, concurrency=6)
    for fault in ("flush", "valkey", "flush"):
        wait_until_busy(job, calls=3)
        breakable.injector.inject(fault)
        wait_for_more(job)
    assert_whole(job, breakable, items=60)


def test_sessions_are_ended_and_postgresql_restarts_with_calls_in_flight(breakable: Breakable) -> None:
    job = start_starter_job(breakable.owner, limit=60, concurrency=6)
    for fault in ("backend", "backend", "postgres", "backend"):
        wait_until_busy(job, calls=4)
        breakable.injector.inject(fault)
        wait_for_more(job)
    assert_whole(job, breakable, items=60)


@pytest.mark.slow
def test_a_mixed_storm(breakable: Breakable) -> None:
    """A little of everything; the long form is bench/faults.py."""
    breakable.simulator.options(latency=1.0)
    injector = breakable.injector
    job = start_starter_job(breakable.owner, limit=80, concurrency=6)
    faults = ["kill", "kill", "freeze", "backend", "postgres", "flush", "valkey", "dispatcher"]
    injector.rng.shuffle(faults)
    print(faults)
    for fault in faults:
        wait_until_busy(job, calls=1)
        injector.inject(fault)
        time.sleep(injector.rng.uniform(0, 0.5))
    injector.resume_frozen(wait=True)
    assert_whole(job, breakable, items=80)


@pytest.mark.slow
def test_redis_is_away_for_two_minutes(breakable: Breakable) -> None:
    """At the engine's times divided by ten 12 s are two minutes. Work goes on within 15 s of its return, unscaled."""
    job = start_starter_job(breakable.owner, limit=60, concurrency=6)
    wait_until_busy(job, calls=3)
    breakable.injector.servers.restart_valkey(away_s=12)
    wait_for_more(job, seconds=15)
    assert_whole(job, breakable, items=60)


@pytest.mark.slow
def test_postgresql_is_away_for_a_minute_with_calls_in_flight(breakable: Breakable) -> None:
    """Sixty real seconds; the replies wait in the workers' memory."""
    breakable.simulator.options(latency=2.0)
    job = start_starter_job(breakable.owner, limit=40, concurrency=6)
    wait_until_busy(job, calls=6)
    breakable.injector.servers.restart_postgres(away_s=60)
    assert_whole(job, breakable, items=40)
    assert not GenerationLog.objects.filter(job=job, state="unknown").exists()
