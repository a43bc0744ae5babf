"""Each move of an item against each state it may meet: late, twice, after a pause, after a cancel, after a reap."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial

import pytest
from pytest_django import Settings

from batches.actions.jobs import cancel, pause, resume
from batches.engine.calls import prepare_item
from batches.engine.claim import Claim, claim, may_still_leave
from batches.engine.retry import fail, handle_error, release
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import ItemStatus, JobStatus, LogState
from claude.errors import Busy
from conversations.models import Conversation
from tests.support.invariants import assert_no_violations
from tests.support.steps import claim_item, file_reply, lose_worker, state_of
from workspaces.models import User

pytestmark = pytest.mark.django_db

NOTHING = Decimal(0)
COST = Decimal("0.012")  # 1,000 tokens in at $2 and 1,000 out at $10 a million


@pytest.fixture(autouse=True)
def _invariants_hold_at_the_end(db: None) -> Iterator[None]:
    yield
    assert_no_violations()


@pytest.fixture
def take(job: BatchJob, worker: Worker) -> Callable[..., Claim]:
    """Claim the job's item at a position."""
    return partial(claim_item, job, worker)


def test_a_claim_announces_and_reserves(job: BatchJob, take: Callable[..., Claim]) -> None:
    claimed = take()
    job.refresh_from_db()
    assert state_of(claimed) == (ItemStatus.PROCESSING, LogState.PENDING)
    assert (job.status, job.in_flight, job.reserved) == (JobStatus.PROCESSING, 1, claimed.call.reservation)
    assert may_still_leave(claimed)
    assert prepare_item(claimed.call.item_id) is None, "nobody else gets it"


def test_filing_completes_the_item(job: BatchJob, take: Callable[..., Claim]) -> None:
    claimed = take()
    file_reply(claimed)
    job.refresh_from_db()
    assert state_of(claimed) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)
    assert (job.in_flight, job.reserved, job.spent, job.completed_items) == (0, NOTHING, COST, 1)
    assert job.simulated, "its reply said so"
    conversation = Conversation.objects.get()
    assert conversation.turns.count() == conversation.turn_count == 8


def test_filing_twice_changes_nothing(job: BatchJob, take: Callable[..., Claim]) -> None:
    claimed = take()
    file_reply(claimed)
    file_reply(claimed)
    job.refresh_from_db()
    assert (job.spent, job.completed_items, Conversation.objects.count()) == (COST, 1, 1)


def test_the_last_item_completes_the_job(job: BatchJob, take: Callable[..., Claim]) -> None:
    for position in (1, 2, 3):
        file_reply(take(position=position))
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED
    assert job.completed_at


def test_release_gives_everything_back(job: BatchJob, take: Callable[..., Claim]) -> None:
    claimed = take()
    release(claimed)
    job.refresh_from_db()
    assert state_of(claimed) == (ItemStatus.QUEUED, LogState.FAILED)
    assert (job.in_flight, job.reserved, job.spent) == (0, NOTHING, NOTHING)
    assert BatchItem.objects.get(pk=claimed.call.item_id).attempt == 0


def test_a_pause_before_the_call_leaves_takes_the_permit_away(
    owner: User, job: BatchJob, take: Callable[..., Claim]
) -> None:
    claimed = take()
    pause(job, by=owner)
    assert not may_still_leave(claimed)
    release(claimed)
    assert claim_again(claimed) is None, "a paused job gives nothing"


def claim_again(claimed: Claim) -> Claim | None:
    call = prepare_item(claimed.call.item_id)
    assert call
    log = GenerationLog.objects.get(pk=claimed.call.log_id)
    assert log.worker_id
    return claim(call, worker_id=log.worker_id)


def test_the_first_durable_reply_wins_whoever_thinks_he_owns_it(
    job: BatchJob, worker: Worker, take: Callable[..., Claim], settings: Settings
) -> None:
    frozen = take()
    lose_worker(worker, settings)
    assert state_of(frozen) == (ItemStatus.QUEUED, LogState.UNKNOWN)
    job.refresh_from_db()
    assert job.spent == frozen.call.reservation, "the worst case is booked"
    second = take()
    file_reply(frozen)
    assert state_of(frozen) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)
    job.refresh_from_db()
    assert (job.spent, job.in_flight) == (COST, 0), "the worst case is taken back"
    file_reply(second)
    assert state_of(second) == (ItemStatus.COMPLETED, LogState.SURPLUS)
    job.refresh_from_db()
    assert (job.spent, job.reserved, job.completed_items) == (2 * COST, NOTHING, 1)


def test_a_late_reply_completes_a_failed_item(
    job: BatchJob, worker: Worker, take: Callable[..., Claim], settings: Settings
) -> None:
    frozen = take()
    lose_worker(worker, settings)
    fail(take(), kind="invalid_request", message="no")
    job.refresh_from_db()
    assert (job.failed_items, job.completed_items) == (1, 0)
    file_reply(frozen)
    job.refresh_from_db()
    assert (job.failed_items, job.completed_items) == (0, 1)


def test_an_error_of_a_lost_call_moves_only_its_log(
    job: BatchJob, worker: Worker, take: Callable[..., Claim], settings: Settings
) -> None:
    frozen = take()
    lose_worker(worker, settings)
    second = take()
    handle_error(frozen, Busy("late", kind="server_error", costs_attempt=True))
    assert state_of(frozen) == (ItemStatus.PROCESSING, LogState.FAILED)
    assert state_of(second)[1] == LogState.PENDING
    job.refresh_from_db()
    assert job.spent == 0, "it was not paid after all"
    file_reply(second)


def test_a_reply_for_a_cancelled_job_is_kept(owner: User, job: BatchJob, take: Callable[..., Claim]) -> None:
    claimed = take()
    cancel(job, by=owner)
    assert set(job.items.values_list("status", flat=True)) == {ItemStatus.CANCELLED, ItemStatus.PROCESSING}
    file_reply(claimed)
    job.refresh_from_db()
    assert (job.status, job.completed_items) == (JobStatus.CANCELLED, 1)


def test_a_retry_in_a_cancelled_job_is_cancelled(
    owner: User, job: BatchJob, take: Callable[..., Claim]
) -> None:
    claimed = take()
    cancel(job, by=owner)
    handle_error(claimed, Busy("try later", kind="server_error", costs_attempt=True))
    assert state_of(claimed) == (ItemStatus.CANCELLED, LogState.FAILED)


def test_a_reply_for_a_cancelled_item_costs_but_makes_no_conversation(
    owner: User, job: BatchJob, worker: Worker, take: Callable[..., Claim], settings: Settings
) -> None:
    frozen = take()
    lose_worker(worker, settings)
    cancel(job, by=owner)
    file_reply(frozen)
    assert state_of(frozen) == (ItemStatus.CANCELLED, LogState.SUCCEEDED)
    assert not Conversation.objects.exists()
    job.refresh_from_db()
    assert job.spent == COST


def test_money_outside_meaning_inside(
    job: BatchJob, take: Callable[..., Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours while the conversation is stored: the money and the reply are kept, the item is not bought again."""
    claimed = take()

    def broken(*_: object, **__: object) -> None:
        Conversation.objects.create(conversation_id="half")
        raise RuntimeError("a defect")

    monkeypatch.setattr("conversations.generation.write", broken)
    file_reply(claimed)
    log = GenerationLog.objects.get(pk=claimed.call.log_id)
    assert (log.state, log.cost_usd, log.error_kind) == (LogState.UNUSABLE, COST, "internal")
    assert log.response_body
    item = BatchItem.objects.get(pk=claimed.call.item_id)
    assert (item.status, item.error_kind) == (ItemStatus.FAILED, "internal")
    assert not Conversation.objects.exists()


def test_an_open_job_is_not_completed_by_a_resume(
    owner: User, job: BatchJob, take: Callable[..., Claim]
) -> None:
    pause(job, by=owner)
    resume(job, by=owner)
    assert job.status == JobStatus.PROCESSING


def test_a_resume_with_nothing_left_completes(owner: User, job: BatchJob, take: Callable[..., Claim]) -> None:
    for position in (1, 2, 3):
        file_reply(take(position=position))
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.PAUSED, completed_at=None)
    assert resume(job, by=owner).status == JobStatus.COMPLETED
