"""Change, retry, copy and "use it": each verb against the states that it may meet, with the invariants after it."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from batches.actions import controls
from batches.actions.controls import BudgetTooLow, change, duplicate, retry_failed, use_reply
from batches.actions.jobs import cancel, pause
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.generate import prepare_call
from batches.engine.retry import fail, handle_error
from batches.models import BatchItem, BatchJob, GenerationLog, PaidRequest, Worker
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, LogState, Priority, Reason
from batches.planning.plan import PlanError
from claude.errors import Busy
from conversations import generation
from conversations.models import Conversation
from lib.stale_state import StaleState
from tests.support.invariants import assert_no_violations
from tests.support.replies import GOOD, make_reply
from tests.support.steps import claim_item, file_reply, state_of
from workspaces.models import RequestKey, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _invariants_hold_at_the_end(db: None, settings: Settings) -> Iterator[None]:
    settings.ENGINE_BACKOFF_S = [0.0]
    yield
    assert_no_violations()


def fail_all(job: BatchJob, worker: Worker, *, positions: tuple[int, ...] = (1, 2, 3)) -> None:
    for position in positions:
        fail(claim_item(job, worker, position=position), kind="invalid_request", message="no")
    job.refresh_from_db()


def park(job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch, *, position: int = 1) -> BatchItem:
    """A paid reply that a defect of ours keeps from being stored."""
    with monkeypatch.context() as broken:
        broken.setattr(generation, "write", lambda *_, **__: 1 / 0)
        file_reply(claim_item(job, worker, position=position))
    item = job.items.get(position=position)
    assert (item.status, item.error_kind) == (ItemStatus.FAILED, "internal")
    return item


# --- change ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", [JobStatus.QUEUED, JobStatus.PROCESSING, JobStatus.PAUSED, JobStatus.FAILED]
)
def test_settings_change_until_it_has_ended(owner: User, job: BatchJob, status: JobStatus) -> None:
    BatchJob.objects.update(status=status)
    change(job, by=owner, concurrency=2, priority=Priority.HIGH, budget_usd=Decimal(3))
    assert (job.concurrent_processing, job.priority, job.budget_usd) == (2, Priority.HIGH, Decimal(3))
    change(job, by=owner, priority=Priority.LOW)
    assert (job.concurrent_processing, job.priority, job.budget_usd) == (2, Priority.LOW, Decimal(3))
    assert job.status == status


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.COMPLETED, JobStatus.DRAFT])
def test_what_has_ended_keeps_its_settings(owner: User, job: BatchJob, status: JobStatus) -> None:
    BatchItem.objects.update(status=ItemStatus.CANCELLED)
    BatchJob.objects.update(status=status)
    with pytest.raises(StaleState):
        change(job, by=owner, concurrency=2)
    assert BatchJob.objects.get().concurrent_processing == 10


@pytest.mark.parametrize("wanted", [0, 11])
def test_a_concurrency_beyond_the_ceiling_changes_nothing(owner: User, job: BatchJob, wanted: int) -> None:
    with pytest.raises(PlanError, match="concurrency"):
        change(job, by=owner, concurrency=wanted, priority=Priority.HIGH)
    assert BatchJob.objects.get().priority == Priority.NORMAL


def test_a_budget_is_never_lowered_below_what_is_spent_and_reserved(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    file_reply(claim_item(job, worker))
    claim_item(job, worker, position=2)
    job.refresh_from_db()
    least = job.spent + job.reserved
    with pytest.raises(BudgetTooLow) as refused:
        change(job, by=owner, budget_usd=least - Decimal("0.000000001"), concurrency=1)
    assert refused.value.least >= least
    assert job.concurrent_processing == 10
    change(job, by=owner, budget_usd=least)
    assert job.budget_usd == least
    call = prepare_item(job.items.get(position=3).pk)
    assert call
    assert claim(call, worker_id=worker.pk) is None, "nothing is left for the next call"
    assert BatchJob.objects.get().status == JobStatus.PROCESSING, "one is in flight: it only waits"


def test_a_lower_concurrency_lets_no_new_call_start(owner: User, job: BatchJob, worker: Worker) -> None:
    claimed = [claim_item(job, worker, position=position) for position in (1, 2)]
    change(job, by=owner, concurrency=1)
    call = prepare_item(job.items.get(position=3).pk)
    assert call
    assert claim(call, worker_id=worker.pk) is None
    file_reply(claimed[0])
    assert claim(call, worker_id=worker.pk) is None
    file_reply(claimed[1])
    assert claim(call, worker_id=worker.pk)


# --- retry ----------------------------------------------------------------------------------------------


def test_a_completed_batch_tries_its_failures_again(owner: User, job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker))
    fail_all(job, worker, positions=(2, 3))
    assert (job.status, job.failed_items) == (JobStatus.COMPLETED, 2)
    assert retry_failed(job, by=owner) == 2
    assert (job.status, job.failed_items, job.completed_at) == (JobStatus.PROCESSING, 0, None)
    assert_no_violations()
    for position in (2, 3):
        item = job.items.get(position=position)
        assert (item.status, item.attempt, item.error_kind) == (ItemStatus.QUEUED, 0, "")
        file_reply(claim_item(job, worker, position=position))
    job.refresh_from_db()
    assert (job.status, job.completed_items, job.failed_items) == (JobStatus.COMPLETED, 3, 0)
    assert job.paused_seconds > 0, "the time between its end and the retry is none of its own"


def test_by_kind_and_one(owner: User, job: BatchJob, worker: Worker) -> None:
    fail_all(job, worker)
    BatchItem.objects.filter(position=1).update(error_kind="declined")
    assert retry_failed(job, by=owner, kind="declined") == 1
    assert job.items.get(position=1).status == ItemStatus.QUEUED
    assert_no_violations()
    assert retry_failed(job, by=owner, items=[job.items.get(position=3).pk]) == 1, "also while it runs"
    assert (job.status, job.failed_items) == (JobStatus.PROCESSING, 1)
    assert retry_failed(job, by=owner, kind="no such kind") == 0


@pytest.mark.parametrize("status", [JobStatus.PAUSED, JobStatus.FAILED])
def test_a_batch_that_stands_still_goes_on(
    owner: User, job: BatchJob, worker: Worker, status: JobStatus
) -> None:
    fail_all(job, worker, positions=(1,))
    pause(job, by=owner)
    BatchJob.objects.update(status=status, reason=Reason.ITEM_ERROR, noticed=status)
    assert retry_failed(job, by=owner) == 1
    assert (job.status, job.reason, job.stopped_at, job.noticed) == (JobStatus.PROCESSING, "", None, "")


def test_nothing_to_try_again(owner: User, job: BatchJob, worker: Worker) -> None:
    assert retry_failed(job, by=owner) == 0, "it runs"
    fail_all(job, worker, positions=(1,))
    cancel(job, by=owner)
    with pytest.raises(StaleState):
        retry_failed(job, by=owner)
    assert job.items.get(position=1).status == ItemStatus.FAILED, "nothing is half done"
    assert job.failed_items == 1


def test_one_key_is_one_retry(owner: User, job: BatchJob, worker: Worker) -> None:
    fail_all(job, worker)
    assert retry_failed(job, by=owner, key=RequestKey(key="k")) == 3
    fail_all(job, worker)
    assert retry_failed(job, by=owner, key=RequestKey(key="k")) == 3, "the answer of the first time"
    assert (job.failed_items, PaidRequest.objects.count()) == (3, 1)
    assert retry_failed(job, by=owner, key=RequestKey(key="another")) == 3
    assert job.failed_items == 0


def test_a_refused_retry_leaves_its_key_free(owner: User, job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(status=JobStatus.PAUSED)
    with pytest.raises(StaleState):
        retry_failed(job, by=owner, key=RequestKey(key="k"))
    BatchJob.objects.update(status=JobStatus.PROCESSING)
    fail_all(job, worker)
    assert retry_failed(job, by=owner, key=RequestKey(key="k")) == 3


def test_a_retry_raises_the_budget_and_never_lowers_it(owner: User, job: BatchJob, worker: Worker) -> None:
    fail_all(job, worker)
    retry_failed(job, by=owner, items=[job.items.get(position=1).pk], budget_usd=Decimal(60))
    assert job.budget_usd == Decimal(60)
    retry_failed(job, by=owner, budget_usd=Decimal(1))
    assert job.budget_usd == Decimal(60)


def test_after_a_retry_unreadable_replies_are_counted_anew(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    for _ in range(3):
        file_reply(claim_item(job, worker), make_reply(text="no conversation"))
    assert job.items.get(position=1).status == ItemStatus.FAILED
    retry_failed(job, by=owner)
    claimed = claim_item(job, worker)
    file_reply(claimed, make_reply(text="no conversation"))
    assert state_of(claimed) == (ItemStatus.QUEUED, LogState.UNUSABLE), "tried again by itself"


def test_a_late_reply_after_a_retry_wins(owner: User, job: BatchJob, worker: Worker) -> None:
    late = claim_item(job, worker)
    handle_error(late, Busy("broke off", kind="connection", costs_attempt=True, maybe_billed=True))
    BatchItem.objects.filter(position=1).update(attempt=3)
    fail(claim_item(job, worker), kind="connection", message="no")
    retry_failed(job, by=owner)
    file_reply(late)
    assert state_of(late) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)


# --- kept replies -----------------------------------------------------------------------------------------


def test_a_retry_reads_the_kept_reply_before_it_buys_another(
    owner: User, job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = park(job, worker, monkeypatch)
    spent = BatchJob.objects.get().spent
    retry_failed(job, by=owner)
    assert prepare_call(item.pk) is None, "there is nothing to ask"
    job.refresh_from_db()
    assert (job.completed_items, job.failed_items, job.spent) == (1, 0, spent)
    log = GenerationLog.objects.get()
    made = Conversation.objects.get()
    assert (log.state, log.conversation, log.error_kind) == (LogState.SUCCEEDED, made, "")
    assert made.turns.count() == made.turn_count == 8
    assert (made.actual_cost_usd, made.simulated) == (log.cost_usd, True)


def test_a_kept_stream_is_read_too(
    owner: User, job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = park(job, worker, monkeypatch)
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {"model": job.model, "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}},
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": json.dumps(GOOD)},
        },
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 900}},
        {"type": "message_stop"},
    ]
    text = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    GenerationLog.objects.update(response_body=text.encode(), response_payload=None)
    assert use_reply(item, by=owner).turn_count == 8


def test_what_cannot_be_read_is_bought(owner: User, job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker), make_reply(stop_reason="refusal"))
    retry_failed(job, by=owner)
    assert prepare_call(job.items.get(position=1).pk) is not None


def test_an_item_that_was_never_retried_reads_nothing(job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker), make_reply(text="no conversation"))
    assert prepare_call(job.items.get(position=1).pk) is not None


def test_a_reply_that_came_after_the_cancel_is_used(owner: User, job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, Busy("broke off", kind="connection", costs_attempt=True, maybe_billed=True))
    cancel(job, by=owner)
    file_reply(claimed)
    assert state_of(claimed) == (ItemStatus.CANCELLED, LogState.SUCCEEDED)
    spent = BatchJob.objects.get().spent
    made = use_reply(job.items.get(position=1), by=owner)
    assert use_reply(job.items.get(position=1), by=owner) == made, "twice is no error"
    job.refresh_from_db()
    assert (job.status, job.completed_items, job.spent) == (JobStatus.CANCELLED, 1, spent)
    assert state_of(claimed) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)


def test_a_parked_reply_is_used_without_a_retry(
    owner: User, job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = park(job, worker, monkeypatch)
    assert use_reply(item, by=owner) == Conversation.objects.get()
    job.refresh_from_db()
    assert (job.completed_items, job.failed_items) == (1, 0)


def test_there_is_nothing_to_use(owner: User, job: BatchJob, worker: Worker) -> None:
    claim_item(job, worker)
    for position in (1, 2):
        with pytest.raises(StaleState):
            use_reply(job.items.get(position=position), by=owner)


def test_a_reply_that_still_cannot_be_stored_stays_kept(
    owner: User, job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = park(job, worker, monkeypatch)
    monkeypatch.setattr(generation, "write", lambda *_, **__: 1 / 0)
    with pytest.raises(StaleState):
        use_reply(item, by=owner)
    assert GenerationLog.objects.get().response_body


# --- copy -----------------------------------------------------------------------------------------------


def test_a_copy_has_the_same_items_and_is_one_job_for_one_key(owner: User, job: BatchJob) -> None:
    BatchJob.objects.update(
        error_handling=ErrorHandling.STOP, priority=Priority.HIGH, concurrent_processing=3
    )
    BatchItem.objects.filter(position=1).update(details={"setting": "a bank"})
    job.refresh_from_db()
    made = duplicate(job, by=owner, key=RequestKey(key="k"))
    assert duplicate(job, by=owner, key=RequestKey(key="k")) == made
    assert BatchJob.objects.count() == 2
    for name in ("error_handling", "priority", "concurrent_processing", "workspace", "kind", "total_items"):
        assert getattr(made, name) == getattr(job, name), name
    assert frozen(made) == frozen(job)
    ids = [set(each.items.values_list("conversation_id", flat=True)) for each in (job, made)]
    assert not ids[0] & ids[1]
    assert made.name == "flow (copy)"
    assert (made.status, made.spent) == (JobStatus.QUEUED, Decimal(0))


def frozen(job: BatchJob) -> list[Any]:
    names = ("position", "template_version", "topic", "tier", "category", "parameters", "details")
    return list(job.items.order_by("position").values_list(*names))


def test_a_copy_is_refused_as_a_start_is(owner: User, job: BatchJob) -> None:
    with pytest.raises(PlanError, match="budget"):
        duplicate(job, by=owner, budget_usd=Decimal("0.001"))
    assert BatchJob.objects.count() == 1


def test_what_a_retry_costs(job: BatchJob, worker: Worker) -> None:
    expected = Decimal(job.estimate["cost"]) / 3
    assert controls.retry_cost(job, 2) == pytest.approx(expected * 2)
    file_reply(claim_item(job, worker))
    fail_all(job, worker, positions=(2, 3))
    assert controls.retry_cost(job, 2) == pytest.approx(job.spent / 3 * 2)
    assert controls.budget_for_retry(job, 2) == job.budget_usd, "it is enough"
    BatchJob.objects.update(budget_usd=job.spent)
    job.refresh_from_db()
    assert controls.budget_for_retry(job, 2) >= job.spent + job.worst_item_usd
