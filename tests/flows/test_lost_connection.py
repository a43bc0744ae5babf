"""A connection lost once, after the reply was billed: single generations and small batches finish without a person."""

from collections.abc import Callable
from functools import partial

from batches.actions.jobs import start_batch
from batches.actions.single import plan_one, start_one
from batches.models import BatchJob, GenerationLog
from batches.models.states import JobStatus, LogState
from batches.planning.plan import starter_plan
from conversations.models import Conversation
from lorapipe.queues import Queue
from templates_app.models import PromptTemplate
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.simulator import RunningSimulator
from workspaces.models import User

VALUES = {"topic": "a pension", "persona": "Anxious Investor"}


def test_one_lost_connection_strands_nothing(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """With the budgets that are offered, as from the pages and the API."""
    engine.start_dispatcher()
    for queue in Queue:
        engine.start_worker(queue=queue, slots=16)
    for items in (1, 3, 10):
        finishes(partial(start_rows, owner, items), fast_simulator, items=items)
    finishes(partial(start_single, owner), fast_simulator, items=1)
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()


def start_rows(owner: User, items: int) -> BatchJob:
    workspace = owner.personal_workspace()
    return start_batch(
        workspace=workspace, plan=starter_plan(workspace, limit=items), by=owner, name=f"{items} items"
    )


def start_single(owner: User) -> BatchJob:
    template = PromptTemplate.objects.get(workspace=owner.personal_workspace(), name="Emotional arc")
    version = template.published_version()
    assert version
    return start_one(plan_one(version, VALUES), by=owner).job


def finishes(start: Callable[[], BatchJob], simulator: RunningSimulator, *, items: int) -> None:
    """The first call of the job is answered and billed, and its connection breaks off."""
    simulator.faults([{"kind": "reset_after", "times": 1}])
    job = wait_for_end(start())
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, items), job.reason
    assert Conversation.objects.filter(batch_item__job=job).count() == items
    lost = GenerationLog.objects.filter(job=job, state=LogState.UNKNOWN)
    assert lost.count() == 1
