"""Any order of moves, with crashes at any statement: the rules hold after each step.

`MACHINE=2000x60 ./run test -m slow tests/faults/test_machine.py` runs so many examples of so many steps, in parts.
"""

import os
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from pytest_django import Settings

from batches.engine.worker_registry import register
from batches.models import BatchJob
from batches.models.states import ErrorHandling
from lorapipe.queues import Queue
from tests.support.jobs import start_starter_job
from tests.support.machine import Machine, World
from tests.support.quick_rules import make_quick_rules
from workspaces.models import User

FEW = 20
EXAMPLES, STEPS = map(int, os.environ.get("MACHINE", "200x40").split("x"))
PART = 100  # examples in one transaction: what they leave behind in it is never vacuumed, and slows them all


@pytest.mark.django_db
@pytest.mark.timeout(60 + PART * STEPS // 10)
@pytest.mark.parametrize(
    "examples",
    [
        FEW,
        *(
            pytest.param(min(PART, EXAMPLES - start), marks=pytest.mark.slow)
            for start in range(0, EXAMPLES, PART)
        ),
    ],
)
def test_the_rules_hold_after_each_move_and_each_crash(
    owner: User, examples: int, settings: Settings
) -> None:
    settings.ENGINE_START_GRACE_S = -1e9
    make_world(owner)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    Machine._hypothesis_internal_use_seed = seed
    run_state_machine_as_test(Machine, settings=how_long(examples))


def how_long(examples: int) -> "settings":
    return settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def make_world(owner: User) -> None:
    jobs = [
        start_starter_job(owner, limit=3, concurrency=2, error_handling=handling)
        for handling in (ErrorHandling.CONTINUE, ErrorHandling.STOP)
    ]
    BatchJob.objects.update(status="queued")
    workers = [register(queues=[Queue.GENERATION], slots=4) for _ in range(2)]
    Machine.world = World(owner, jobs, workers)
    make_quick_rules()
