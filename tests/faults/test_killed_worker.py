"""SIGKILL of the worker at a random moment, and again: every conversation once, none partial, little paid twice."""

import random
import signal
import time
from pathlib import Path

from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import JobStatus
from conversations.models import Conversation
from tests.support.engine import Engine, running_engine, wait_for_end
from tests.support.fault_injection import find_pending_logs
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.poisoned_worker import POISON
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

POISONED = "tests.support.poisoned_worker"


def test_ninety_conversations_survive_two_kills(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    fast_simulator.options(latency=0.4)
    engine.start_dispatcher()
    worker = engine.start_worker()
    job = start_starter_job(owner, concurrency=10)
    in_flight_at_kills = 0
    for _ in range(2):
        wait_for_progress(job)
        wait_until(time.monotonic() + dice.uniform(0.3, 1.5))
        engine.kill(worker)
        in_flight_at_kills += len(find_pending_logs(worker))
        worker = engine.start_worker()
    job = wait_for_end(job, seconds=90)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 90)
    assert Conversation.objects.count() == 90
    billed = [entry for entry in fast_simulator.ledger() if entry["billed"]]
    assert len(billed) <= 90 + in_flight_at_kills
    assert GenerationLog.objects.filter(state="unknown").count() <= in_flight_at_kills
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()


def test_an_item_that_kills_its_worker_is_parked_at_the_third_crash(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=20)
    engine.start_dispatcher()
    job = start_starter_job(owner, limit=1)
    for _ in range(3):
        worker = engine.start_worker()
        wait_for(lambda: BatchJob.objects.get(pk=job.pk).in_flight == 1, what="the item is claimed")
        engine.kill(worker)
        wait_for(
            lambda: BatchJob.objects.get(pk=job.pk).in_flight == 0, what="the dead worker's item is reaped"
        )
    job = wait_for_end(job)
    assert (job.status, job.failed_items) == (JobStatus.COMPLETED, 1)
    item = job.items.get()
    assert (item.error_kind, item.crashes) == ("crashed", 3)
    assert_invariants()


def test_an_item_that_kills_its_worker_at_once_is_parked_and_the_others_go_on(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """Everything that is in flight dies with it, three times; only the culprit is parked."""
    fast_simulator.options(latency=0.5)
    engine.start_dispatcher()
    job = start_starter_job(owner, limit=12, concurrency=6)
    BatchItem.objects.filter(job=job, position=2).update(details={"Note": POISON})
    for _ in range(3):
        victim = engine.start_worker(app=POISONED)
        assert victim.wait(60) == -signal.SIGKILL, "the poison kills the worker"
    worker = engine.start_worker(app=POISONED)
    job = wait_for_end(job, seconds=90)
    assert (job.status, job.completed_items, job.failed_items) == (JobStatus.COMPLETED, 11, 1)
    item = job.items.get(position=2)
    assert (item.error_kind, item.crashes) == ("crashed", 3)
    assert worker.poll() is None
    assert_invariants()


def wait_for_progress(job: BatchJob) -> None:
    before = BatchJob.objects.get(pk=job.pk).completed_items
    wait_for(lambda: BatchJob.objects.get(pk=job.pk).completed_items > before, what="work goes on")


def wait_until(moment: float) -> None:
    wait_for(lambda: time.monotonic() >= moment, every=0.01)


def test_a_killed_worker_is_not_waited_for(
    transactional_db: None, owner: User, fast_simulator: RunningSimulator, tmp_path: Path
) -> None:
    """At the engine's real times, where the lease is 45 s: the dispatcher of the same machine sees that the process is gone."""
    fast_simulator.options(latency=0.3)
    with running_engine(fast_simulator.url, tmp_path, LORAPIPE_TIME_SCALE="1") as engine:
        engine.start_dispatcher()
        job = start_starter_job(owner, limit=40, concurrency=6)
        for _ in range(2):
            worker = engine.start_worker()
            wait_for_progress(job)
            engine.kill(worker)
            row = Worker.objects.get(pid=worker.pid)
            wait_for(lambda: Worker.objects.get(pk=row.pk).stopped_at, what="the dispatcher misses it")  # noqa: B023
            wait_for(lambda: BatchJob.objects.get(pk=job.pk).in_flight == 0, what="its calls are released")
            row.refresh_from_db()
            assert row.stopped_at
            assert (row.stopped_at - row.heartbeat_at).total_seconds() < 45, "long before its lease was over"
        engine.start_worker()
        job = wait_for_end(job, seconds=90)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 40)
    assert Conversation.objects.count() == 40
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()
