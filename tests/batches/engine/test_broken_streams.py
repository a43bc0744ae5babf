"""What a stream that broke off is booked as: the prompt as it was told, the output at its worst where nobody knows."""

from decimal import Decimal

import pytest
from pytest_django import Settings

from batches.engine.retry import handle_error
from batches.models import BatchJob, GenerationLog, Worker
from batches.models.states import ItemStatus, LogState
from claude import current_models
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.messages import Usage
from tests.support.invariants import assert_no_violations
from tests.support.steps import claim_item, file_reply, state_of

pytestmark = pytest.mark.django_db

TOLD = Usage(input_tokens=700, output_tokens=20, cache_write_5m=300, cache_read=50)


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


def broken(error: ClaudeError, *, output_known: bool = False) -> ClaudeError:
    error.usage, error.output_known = TOLD, output_known
    error.body = b"event: message_start\n"
    return error


ERRORS = [
    Busy("cut", kind="connection", costs_attempt=True, maybe_billed=True),
    Declined("no", kind="invalid_request"),
    Blocked("key", kind="provider_auth"),
    Unusable("odd", kind="unreadable"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_prompt_is_booked_as_told_and_the_output_at_its_worst(
    error: ClaudeError, job: BatchJob, worker: Worker
) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, broken(error))
    log = GenerationLog.objects.get()
    call = claimed.call
    most = Usage(input_tokens=700, output_tokens=8192, cache_write_5m=300, cache_read=50)
    assert log.cost_usd == current_models.compute_cost(most, model=call.request.model, on=call.on)
    assert Decimal(0) < log.cost_usd < log.reservation_usd
    assert log.state == (LogState.UNUSABLE if isinstance(error, Unusable) else LogState.UNKNOWN)
    counts = (log.input_tokens, log.output_tokens, log.cache_write_tokens, log.cache_read_tokens)
    assert counts == (700, 20, 300, 50)
    assert bytes(log.response_body or b"") == b"event: message_start\n"
    job.refresh_from_db()
    assert (job.spent, job.reserved, job.in_flight) == (log.cost_usd, Decimal(0), 0)
    assert_no_violations()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_is_known_whole_is_booked_exactly(error: ClaudeError, job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, broken(error, output_known=True))
    log = GenerationLog.objects.get()
    assert log.cost_usd == current_models.compute_cost(
        TOLD, model=claimed.call.request.model, on=claimed.call.on
    )
    assert log.state == (LogState.UNUSABLE if isinstance(error, Unusable) else LogState.FAILED)
    assert_no_violations()


def test_a_late_whole_reply_takes_the_pessimism_back(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, broken(Busy("cut", kind="connection", costs_attempt=True, maybe_billed=True)))
    file_reply(claimed)
    log = GenerationLog.objects.get()
    assert state_of(claimed) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)
    job.refresh_from_db()
    assert job.spent == log.cost_usd < Decimal("0.02")
    assert_no_violations()
