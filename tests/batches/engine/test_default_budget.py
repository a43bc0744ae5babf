"""With the budget that is offered a batch runs with all its calls at once, and survives lost calls, to its end."""

from decimal import Decimal

import pytest
from pytest_django import Settings

from batches.actions.controls import budget_for_retry, retry_failed
from batches.actions.jobs import start_batch
from batches.actions.single import item_of
from batches.engine.claim import Claim
from batches.engine.dispatch import mark_dispatched
from batches.engine.retry import handle_error
from batches.engine.worker_registry import register
from batches.models import BatchItem, BatchJob, Worker
from batches.models.states import ItemStatus, JobKind, JobStatus
from batches.planning.plan import starter_plan
from claude.errors import Busy
from conversations.models import Conversation
from lorapipe.queues import Queue
from templates_app.states import Tier
from tests.support.invariants import assert_no_violations
from tests.support.replies import make_reply
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db
# As long as the estimate says a conversation may become, where nothing is known: half more than the usual 3,000 tokens.
LONGEST_EXPECTED = 4500


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


def start(owner: User, *, items: int, concurrency: int = 10, kind: JobKind = JobKind.BATCH) -> BatchJob:
    """Started with the budget that is offered."""
    workspace = owner.personal_workspace()
    plan = starter_plan(workspace, tiers=[Tier.TEMPLATE], limit=items)
    return start_batch(
        workspace=workspace, plan=plan, by=owner, name="offered", concurrency=concurrency, kind=kind
    )


def claim_next(job: BatchJob, worker: Worker) -> Claim | None:
    """Dispatch and claim one item, as a free slot does; None when nothing may be claimed now."""
    queue = Queue.INTERACTIVE if job.kind == JobKind.SINGLE else Queue.GENERATION
    chosen = mark_dispatched(queue, at_most=1)
    if not chosen:
        return None
    position = BatchItem.objects.get(pk=chosen[0]).position
    return claim_item(job, worker, position=position)


def lose(claimed: Claim) -> None:
    """The connection breaks off after the provider has billed the reply: the worst case is booked."""
    error = Busy("broke off", kind="connection", costs_attempt=True, maybe_billed=True)
    handle_error(claimed, error)


def run(job: BatchJob, worker: Worker, *, lost: int = 0) -> list[int]:
    """Run the job with all slots that it may use, and lose its first calls. Returns how many were in flight each time."""
    flying: list[Claim] = []
    numbers: list[int] = []
    while True:
        while (claimed := claim_next(job, worker)) is not None:
            flying.append(claimed)
        if not flying:
            return numbers
        numbers.append(len(flying))
        first = flying.pop(0)
        if lost:
            lost -= 1
            lose(first)
        else:
            file_reply(first, make_reply(output_tokens=LONGEST_EXPECTED))


@pytest.mark.parametrize(("items", "concurrency"), [(1, 10), (3, 10), (10, 10), (20, 10), (40, 3)])
def test_as_many_calls_as_the_batch_may_make_are_in_flight_until_its_last_ones(
    items: int, concurrency: int, owner: User, starter_pack: None
) -> None:
    worker = register(queues=[Queue.GENERATION], slots=100)
    job = start(owner, items=items, concurrency=concurrency)
    numbers = run(job, worker)
    most = min(items, concurrency)
    assert numbers == [most] * (items - most + 1) + list(range(most - 1, 0, -1))
    job.refresh_from_db()
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, items)
    assert_no_violations()


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize(
    ("items", "kind"), [(1, JobKind.SINGLE), (1, JobKind.BATCH), (3, JobKind.BATCH), (10, JobKind.BATCH)]
)
def test_lost_calls_need_no_person(
    items: int, kind: JobKind, lost: int, owner: User, starter_pack: None
) -> None:
    queue = Queue.INTERACTIVE if kind == JobKind.SINGLE else Queue.GENERATION
    worker = register(queues=[queue], slots=100)
    job = start(owner, items=items, kind=kind)
    run(job, worker, lost=lost)
    job.refresh_from_db()
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, items)
    assert Conversation.objects.count() == items
    assert_no_violations()


def test_a_retry_of_a_single_has_room_for_a_lost_call(owner: User, starter_pack: None) -> None:
    worker = register(queues=[Queue.INTERACTIVE], slots=2)
    job = start(owner, items=1, kind=JobKind.SINGLE)
    run(job, worker, lost=3)
    item = item_of(job)
    assert item.status == ItemStatus.FAILED, "three attempts"
    job.refresh_from_db()
    retry_failed(job, by=owner, items=[item.pk], budget_usd=budget_for_retry(job, 1))
    run(job, worker, lost=1)
    job.refresh_from_db()
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 1)


def test_a_conversation_keeps_its_estimate_and_not_its_reservation(owner: User, starter_pack: None) -> None:
    worker = register(queues=[Queue.GENERATION], slots=100)
    job = start(owner, items=2)
    run(job, worker)
    made = [found for found in Conversation.objects.values_list("estimated_cost_usd", flat=True) if found]
    assert len(made) == 2
    assert sum(made) == pytest.approx(Decimal(job.estimate["cost"]))
    assert max(made) < job.worst_item_usd / 2


def test_a_conversation_of_an_older_job_has_the_mean_of_its_estimate(
    owner: User, starter_pack: None, worker: Worker
) -> None:
    job = start(owner, items=2)
    older = {**job.estimate, "cost": "0.10"}
    del older["item_costs"]
    BatchJob.objects.update(estimate=older)
    file_reply(claim_item(job, worker))
    assert Conversation.objects.get().estimated_cost_usd == Decimal("0.05")
