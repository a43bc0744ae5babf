"""Many people press pause, resume and cancel at once: nothing starts after a pause or a cancel, all ends lawfully."""

import random
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from django.db import connection

from batches.actions.jobs import cancel, pause, resume
from batches.models import BatchJob, GenerationLog
from batches.models.states import JobStatus
from lib.stale_state import StaleState
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from workspaces.models import User

FINAL = (JobStatus.COMPLETED, JobStatus.CANCELLED, JobStatus.PAUSED)


@dataclass
class Pressed:
    """What the clients saw: for how long, by the database's clock, a job certainly stood still after a pause of theirs."""

    actions: int = 0
    refused: int = 0
    errors: list[str] = field(default_factory=list)
    stops: list[tuple[object, datetime]] = field(default_factory=list)


def press(
    jobs: list[BatchJob], owner: User, *, seed: int, times: int, over_s: float, pressed: Pressed
) -> None:
    """One client. A cancel is rare: it is final."""
    dice = random.Random(seed)
    try:
        for _ in range(times):
            job = BatchJob.objects.get(pk=dice.choice(jobs).pk)
            verb = dice.choices((pause, resume, cancel), weights=(10, 10, 0.3))[0]
            pressed.actions += 1
            try:
                verb(job, by=owner)
            except StaleState:
                pressed.refused += 1
            time.sleep(dice.uniform(0, 2 * over_s / times))
    except Exception as problem:
        pressed.errors.append(repr(problem))
    finally:
        connection.close()


def storm(owner: User, jobs: list[BatchJob], *, clients: int, times: int, over_s: float) -> Pressed:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    pressed = Pressed()
    threads = [
        threading.Thread(
            target=press,
            args=(jobs, owner),
            kwargs={"seed": seed + n, "times": times, "over_s": over_s, "pressed": pressed},
        )
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert_invariants()  # I10 among them: no log row is younger than the stop of its job
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    return pressed


def bring_to_an_end(owner: User, jobs: list[BatchJob]) -> list[BatchJob]:
    for job in jobs:
        job.refresh_from_db()
        if job.status == JobStatus.PAUSED:
            resume(job, by=owner)
    return [wait_for_end(job, seconds=120, states=(JobStatus.COMPLETED, JobStatus.CANCELLED)) for job in jobs]


def assert_lawful(jobs: list[BatchJob], pressed: Pressed) -> None:
    assert not pressed.errors
    for job in jobs:
        states = set(job.items.values_list("status", flat=True))
        assert states <= {"completed", "cancelled"}
        assert ("cancelled" in states) <= (job.status == JobStatus.CANCELLED)
    cancelled = [job for job in jobs if job.status == JobStatus.CANCELLED]
    for job in cancelled:
        assert not GenerationLog.objects.filter(job=job, created_at__gt=job.stopped_at).exists()
    assert_invariants()


@pytest.mark.slow
def test_four_clients_press_for_some_seconds(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=0.2)
    engine.start(slots=12)
    jobs = [start_starter_job(owner, limit=40, concurrency=6) for _ in range(3)]
    pressed = storm(owner, jobs, clients=4, times=25, over_s=5)
    assert pressed.actions == 100
    assert_lawful(bring_to_an_end(owner, jobs), pressed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_actions_from_ten_clients_in_five_minutes(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=1.0)
    engine.start(slots=16)
    jobs = [start_starter_job(owner, limit=270, concurrency=4) for _ in range(4)]
    pressed = storm(owner, jobs, clients=10, times=100, over_s=290)
    print(pressed.actions, "actions,", pressed.refused, "refused as stale")
    assert pressed.actions == 1000
    assert_lawful(bring_to_an_end(owner, jobs), pressed)
