"""TERM and STOP: a worker that is told to end takes nothing new and pays nothing twice; a frozen one comes too late."""

import random
import signal
import time

import pytest

from batches.models import BatchJob, GenerationLog
from batches.models.states import JobStatus
from conversations.models import Conversation
from tests.support.engine import Engine, wait_for_end
from tests.support.fault_injection import find_pending_logs
from tests.support.fork_server import Process
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User


def in_flight(job: BatchJob) -> int:
    return BatchJob.objects.get(pk=job.pk).in_flight


def terminate(worker: Process) -> float:
    """TERM; the moment, by the database's clock, at which it had certainly arrived."""
    worker.send_signal(signal.SIGTERM)
    return time.time()


def late_claims(worker: Process, told_at: float) -> int:
    """Claims of this worker more than a second after it was told to end."""
    made = GenerationLog.objects.filter(worker__pid=worker.pid).values_list("created_at", flat=True)
    return sum(moment.timestamp() > told_at + 1 for moment in made)


def rolling_restarts(engine: Engine, job: BatchJob, *, times: int, dice: random.Random) -> None:
    """Another worker signs on, then the old one is told to end and finishes what it runs."""
    old = engine.start_worker(slots=8)
    for _ in range(times):
        wait_for(lambda: in_flight(job) > 0 or ended(job), what="calls are in flight")
        new = engine.start_worker(slots=8)
        time.sleep(dice.uniform(0, 0.5))
        told_at = terminate(old)
        assert old.wait(60) == 0
        assert late_claims(old, told_at) == 0
        old = new


def ended(job: BatchJob) -> bool:
    return BatchJob.objects.get(pk=job.pk).status == JobStatus.COMPLETED


def assert_nothing_paid_again(job: BatchJob, simulator: RunningSimulator, *, items: int) -> None:
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, items)
    assert sum(entry["billed"] for entry in simulator.ledger()) == items == Conversation.objects.count()
    assert_billed_is_logged(simulator.ledger())
    assert_invariants()


def test_after_term_no_new_claim_and_what_runs_finishes(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=2.0)
    engine.start_dispatcher()
    worker = engine.start_worker(slots=8)
    job = start_starter_job(owner, limit=24, concurrency=8)
    wait_for(lambda: in_flight(job) == 8, what="all slots are busy")
    told_at = terminate(worker)
    assert worker.wait(60) == 0
    assert late_claims(worker, told_at) == 0
    assert not find_pending_logs(worker), "what ran has finished"
    assert GenerationLog.objects.filter(worker__pid=worker.pid, state="succeeded").count() >= 8
    engine.start_worker(slots=8)
    fast_simulator.options(latency=0.05)
    assert_nothing_paid_again(wait_for_end(job), fast_simulator, items=24)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_rolling_restarts(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    fast_simulator.options(latency=1.0)
    engine.start_dispatcher()
    job = start_starter_job(owner, limit=270, concurrency=4)
    rolling_restarts(engine, job, times=20, dice=random.Random(seed))
    assert_nothing_paid_again(wait_for_end(job, seconds=120), fast_simulator, items=270)


def test_of_a_frozen_worker_and_its_successor_the_first_reply_wins(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=2.0)
    engine.start_dispatcher()
    frozen = engine.start_worker(slots=4)
    job = start_starter_job(owner, limit=4, concurrency=4)
    wait_for(lambda: len(fast_simulator.ledger()) == 4, what="four requests have arrived")
    frozen.send_signal(signal.SIGSTOP)
    paid_twice = find_pending_logs(frozen)
    engine.start_worker(slots=4)
    job = wait_for_end(job)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 4)
    assert GenerationLog.objects.filter(state="unknown").count() == len(paid_twice)
    frozen.send_signal(signal.SIGCONT)
    late = GenerationLog.objects.filter(pk__in=paid_twice)
    wait_for(lambda: not late.filter(state="unknown").exists(), what="the late replies are booked")
    assert set(late.values_list("state", flat=True)) == {"surplus"}
    assert Conversation.objects.count() == 4
    billed = [entry for entry in fast_simulator.ledger() if entry["billed"]]
    assert len(billed) == 4 + len(paid_twice)
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()
