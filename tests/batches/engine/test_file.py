"""Paid, but no conversation: how often it is bought again, what is kept, and what the budget then says."""

from dataclasses import replace
from decimal import Decimal

import pytest
from pytest_django import Settings

from batches.actions.jobs import change_budget
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.file import parse_representable
from batches.engine.retry import handle_error
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, LogState, Reason
from batches.planning.plan import PlanError
from claude.current_models import find_card
from claude.errors import Busy, Unusable
from claude.messages import Reply
from conversations.models import Conversation
from tests.support.invariants import assert_no_violations
from tests.support.replies import make_reply
from tests.support.steps import claim_item, file_reply, lose_worker, state_of
from workspaces.models import User

pytestmark = pytest.mark.django_db

CUT = "max_tokens"


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


def unreadable() -> Reply:
    return make_reply(text="no conversation")


def test_unreadable_is_asked_again_twice(job: BatchJob, worker: Worker) -> None:
    words = []
    for _ in range(3):
        claimed = claim_item(job, worker)
        file_reply(claimed, unreadable())
        words.append(state_of(claimed))
    assert words == [
        (ItemStatus.QUEUED, LogState.UNUSABLE),
        (ItemStatus.QUEUED, LogState.UNUSABLE),
        (ItemStatus.FAILED, LogState.UNUSABLE),
    ]
    assert_no_violations()


def test_errors_and_unreadable_replies_share_the_attempts(job: BatchJob, worker: Worker) -> None:
    for _ in range(2):
        handle_error(claim_item(job, worker), Busy("busy", kind="server_error", costs_attempt=True))
    claimed = claim_item(job, worker)
    file_reply(claimed, unreadable())
    assert state_of(claimed) == (ItemStatus.FAILED, LogState.UNUSABLE)


def test_a_cut_reply_is_asked_again_once_with_twice_the_room(job: BatchJob, worker: Worker) -> None:
    first = claim_item(job, worker)
    file_reply(first, make_reply(stop_reason=CUT))
    second = claim_item(job, worker)
    assert second.call.request.max_tokens == 2 * first.call.request.max_tokens
    file_reply(second, make_reply(stop_reason=CUT))
    assert state_of(second)[0] == ItemStatus.FAILED


def test_a_cut_reply_is_final_when_the_model_writes_no_more(job: BatchJob, worker: Worker) -> None:
    """The same question would be cut at the same place, and paid again."""
    BatchJob.objects.update(max_tokens=find_card(job.model).max_output)
    claimed = claim_item(job, worker)
    file_reply(claimed, make_reply(stop_reason=CUT))
    assert state_of(claimed) == (ItemStatus.FAILED, LogState.UNUSABLE)


def test_a_refusal_is_final_and_stops_a_job_that_stops_at_errors(job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(error_handling=ErrorHandling.STOP)
    claimed = claim_item(job, worker)
    file_reply(claimed, make_reply(stop_reason="refusal"))
    job.refresh_from_db()
    assert state_of(claimed)[0] == ItemStatus.FAILED
    assert (job.status, job.reason, job.failed_items) == (JobStatus.FAILED, Reason.ITEM_ERROR, 1)


def test_the_last_item_failing_under_stop_completes_the_job(job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(error_handling=ErrorHandling.STOP)
    for position in (1, 2):
        file_reply(claim_item(job, worker, position=position))
    file_reply(claim_item(job, worker, position=3), make_reply(stop_reason="refusal"))
    job.refresh_from_db()
    assert (job.status, job.reason, job.failed_items) == (JobStatus.COMPLETED, "", 1)
    assert_no_violations()


def test_a_late_unusable_reply_costs_only_money(job: BatchJob, worker: Worker, settings: Settings) -> None:
    frozen = claim_item(job, worker)
    lose_worker(worker, settings)
    second = claim_item(job, worker)
    file_reply(frozen, unreadable())
    assert state_of(frozen) == (ItemStatus.PROCESSING, LogState.UNUSABLE)
    assert state_of(second)[1] == LogState.PENDING
    job.refresh_from_db()
    assert (job.in_flight, job.failed_items, job.reserved) == (1, 0, second.call.reservation)
    assert_no_violations()


def test_an_unusable_reply_filed_twice_counts_once(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    file_reply(claimed, unreadable())
    file_reply(claimed, unreadable())
    job.refresh_from_db()
    assert job.spent == GenerationLog.objects.get().cost_usd
    assert_no_violations()


def test_a_body_that_is_no_message_books_its_worst_case_and_is_kept(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    handle_error(
        claimed, Unusable("no message", kind="unreadable", status=200, request_id="req_1", body=b"\x00{")
    )
    log = GenerationLog.objects.get()
    assert state_of(claimed) == (ItemStatus.QUEUED, LogState.UNUSABLE)
    assert (log.cost_usd, bytes(log.response_body or b"")) == (claimed.call.reservation, b"\x00{")
    assert_no_violations()


def test_a_server_may_name_its_model_by_a_long_path(job: BatchJob, worker: Worker) -> None:
    claimed, reply = claim_item(job, worker), make_reply()
    file_reply(claimed, replace(reply, model="/models/" + "x" * 190))
    assert state_of(claimed) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)
    assert len(Conversation.objects.get().model) == 100


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"no json",
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": %s}' % (b"[" * 100_000),
        b'{"a": %s1%s}' % (b"[" * 900, b"]" * 900),
    ],
)
def test_no_body_keeps_the_money_from_being_booked(body: bytes, job: BatchJob, worker: Worker) -> None:
    """Whatever PostgreSQL cannot hold as JSON stays raw."""
    claimed, reply = claim_item(job, worker), make_reply()
    file_reply(claimed, replace(reply, body=body))
    log = GenerationLog.objects.get()
    assert (log.state, bytes(log.response_body or b"")) == (LogState.SUCCEEDED, body)


def test_a_plain_body_is_json() -> None:
    assert parse_representable('{"a": ["ü", 1.5, null]}'.encode()) == {"a": ["ü", 1.5, None]}


# --- at the budget's edge ---------------------------------------------------------------------------


def test_a_claim_that_does_not_fit_is_not_made_while_others_are_in_flight(
    job: BatchJob, worker: Worker
) -> None:
    """What they do not use of their reservations comes back."""
    first = claim_item(job, worker)
    BatchJob.objects.update(budget_usd=first.call.reservation * Decimal("1.5"))
    call = prepare_item(job.items.get(position=2).pk)
    assert call
    assert claim(call, worker_id=worker.pk) is None
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING
    file_reply(first)
    assert claim_item(job, worker, position=2)
    assert_no_violations()


def test_it_pauses_when_nothing_is_in_flight_and_the_next_does_not_fit(job: BatchJob, worker: Worker) -> None:
    file_reply(claim_item(job, worker))
    job.refresh_from_db()
    call = prepare_item(job.items.get(position=2).pk)
    assert call
    BatchJob.objects.update(budget_usd=job.spent + call.reservation - Decimal("1e-9"))
    assert claim(call, worker_id=worker.pk) is None
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.BUDGET)
    assert BatchItem.objects.get(pk=call.item_id).rung_at is None
    assert_no_violations()


def test_a_reservation_that_fits_to_the_last_billionth_is_made(job: BatchJob, worker: Worker) -> None:
    call = prepare_item(job.items.get(position=1).pk)
    assert call
    BatchJob.objects.update(budget_usd=call.reservation)
    assert claim(call, worker_id=worker.pk)
    assert_no_violations()


def test_what_a_doubled_call_needs_is_what_the_next_budget_must_cover(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    """Else the job would be resumed with the budget that the page asks for, and pause again at once, for ever."""
    BatchJob.objects.update(budget_usd=job.worst_item_usd * Decimal("1.5"))
    file_reply(claim_item(job, worker), make_reply(stop_reason=CUT))
    doubled = prepare_item(job.items.get(position=1).pk)
    assert doubled
    assert claim(doubled, worker_id=worker.pk) is None
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.BUDGET)
    with pytest.raises(PlanError):
        change_budget(job, budget_usd=job.spent + doubled.reservation - Decimal("0.01"), by=owner)
    change_budget(job, budget_usd=job.spent + doubled.reservation, by=owner)
    BatchJob.objects.update(status=JobStatus.PROCESSING, stopped_at=None)
    assert claim(doubled, worker_id=worker.pk)
