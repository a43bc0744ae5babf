"""When no reply came: what each error does to the item, the pool and the job, and what it may not touch."""

from decimal import Decimal

import pytest
from pytest_django import Settings

from batches.actions.jobs import cancel, pause, resume
from batches.engine.retry import fail, fail_unasked, handle_error, release
from batches.limits.limiter import block_pool
from batches.models import BatchItem, BatchJob, GenerationLog, RateLimit, Worker
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, LogState, Reason
from claude.errors import Blocked, Busy, ClaudeError, Declined, Kind
from tests.factories import make_job
from tests.support.invariants import assert_no_violations
from tests.support.steps import claim_item, file_reply, lose_worker, state_of
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


def busy(kind: Kind = "server_error", *, costs: bool = True, **fields: object) -> Busy:
    return Busy("busy", kind=kind, costs_attempt=costs, **fields)  # type: ignore[arg-type]


def blocked_s(pool: str) -> float:
    """For how long the pool is blocked from now on."""
    limit = RateLimit.objects.extra(
        select={"left": "extract(epoch FROM blocked_until - clock_timestamp())"}
    ).get(pool=pool, dimension="requests")
    return float(limit.left)


# --- the item ---------------------------------------------------------------------------------------


def test_three_failures_end_the_item(job: BatchJob, worker: Worker) -> None:
    for attempt in (1, 2, 3):
        claimed = claim_item(job, worker)
        assert BatchItem.objects.get(pk=claimed.call.item_id).attempt == attempt
        handle_error(claimed, busy())
    assert state_of(claimed) == (ItemStatus.FAILED, LogState.FAILED)
    job.refresh_from_db()
    assert (job.failed_items, job.in_flight, job.reserved, job.spent) == (1, 0, Decimal(0), Decimal(0))
    assert_no_violations()


@pytest.mark.parametrize("kind", ["rate_limited", "overloaded"])
def test_what_is_the_providers_load_costs_no_attempt(kind: Kind, job: BatchJob, worker: Worker) -> None:
    for _ in range(5):
        claimed = claim_item(job, worker)
        handle_error(claimed, busy(kind, costs=False))
        RateLimit.objects.update(blocked_until="2000-01-01T00:00:00Z")
    item = BatchItem.objects.get(pk=claimed.call.item_id)
    assert (item.status, item.attempt, item.logs.count()) == (ItemStatus.QUEUED, 0, 5)


@pytest.mark.parametrize(("retry_after", "seconds"), [(30.0, 30), (None, 15)])
def test_a_429_blocks_the_pool_for_everybody(
    retry_after: float | None, seconds: int, job: BatchJob, worker: Worker
) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, busy("rate_limited", costs=False, retry_after=retry_after))
    assert blocked_s(claimed.call.pool) == pytest.approx(seconds, abs=2)
    assert BatchItem.objects.get(pk=claimed.call.item_id).run_after is None


def test_a_shorter_word_does_not_lift_a_longer_block(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    block_pool(claimed.call.pool, seconds=100)
    handle_error(claimed, busy("rate_limited", costs=False, retry_after=1.0))
    assert blocked_s(claimed.call.pool) > 90


def test_a_retry_after_of_zero_waits_the_first_backoff(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    settings.ENGINE_BACKOFF_S = [8.0]
    claimed = claim_item(job, worker)
    handle_error(claimed, busy("rate_limited", costs=False, retry_after=0.0))
    assert 5 < blocked_s(claimed.call.pool) <= 10


def test_a_503_with_retry_after_waits_so_long_alone(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, busy("overloaded", costs=False, retry_after=40.0))
    item = BatchItem.objects.get(pk=claimed.call.item_id)
    assert item.run_after
    assert blocked_s(claimed.call.pool) < 0


def test_what_may_have_been_billed_is_booked_at_its_worst(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    handle_error(claimed, busy("timeout", maybe_billed=True))
    log = GenerationLog.objects.get()
    assert (log.state, log.cost_usd) == (LogState.UNKNOWN, claimed.call.reservation)
    assert_no_violations()


@pytest.mark.parametrize(
    "error", [busy(), busy("rate_limited", costs=False), Declined("no", kind="invalid_request")]
)
def test_a_lost_call_moves_only_its_log(
    error: ClaudeError, job: BatchJob, worker: Worker, settings: Settings
) -> None:
    """Its item is somebody else's by now, and in its last attempt."""
    frozen = claim_item(job, worker)
    lose_worker(worker, settings)
    BatchItem.objects.update(attempt=2)
    second = claim_item(job, worker)
    handle_error(frozen, error)
    assert state_of(frozen) == (ItemStatus.PROCESSING, LogState.FAILED)
    assert state_of(second)[1] == LogState.PENDING
    job.refresh_from_db()
    assert (job.in_flight, job.failed_items, job.reserved) == (1, 0, second.call.reservation)
    assert_no_violations()


@pytest.mark.parametrize("move", ["set back", "release", "fail"])
def test_a_move_that_is_repeated_counts_once(move: str, job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    for _ in range(2):
        if move == "set back":
            handle_error(claimed, busy("timeout", maybe_billed=True))
        elif move == "release":
            release(claimed)
        else:
            fail(claimed, kind="internal", message="a defect")
    job.refresh_from_db()
    assert (job.in_flight, job.reserved) == (0, Decimal(0))
    assert job.failed_items == (1 if move == "fail" else 0)
    assert_no_violations()


def test_an_item_that_runs_meanwhile_does_not_fail_unasked(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    fail_unasked(claimed.call.item_id, kind="values", message="no value")
    assert state_of(claimed)[0] == ItemStatus.PROCESSING
    file_reply(claimed)
    assert_no_violations()


# --- the job ----------------------------------------------------------------------------------------


def test_a_refused_key_stops_its_job_once_and_no_other(owner: User, job: BatchJob, worker: Worker) -> None:
    other = make_job(items=1)
    first, second = claim_item(job, worker), claim_item(job, worker, position=2)
    handle_error(first, Blocked("Check ANTHROPIC_API_KEY", kind="provider_auth"))
    handle_error(second, Blocked("Check ANTHROPIC_API_KEY", kind="provider_auth"))
    job.refresh_from_db()
    other.refresh_from_db()
    assert (job.status, job.reason, job.failed_items) == (JobStatus.FAILED, Reason.PROVIDER_AUTH, 0)
    assert other.status == JobStatus.QUEUED
    assert set(job.items.values_list("status", "attempt")) == {(ItemStatus.QUEUED, 0)}
    assert_no_violations()
    resume(job, by=owner)
    for position in (1, 2, 3):
        file_reply(claim_item(job, worker, position=position))
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED


def test_no_credit_stops_every_running_job(job: BatchJob, worker: Worker) -> None:
    running = make_job(items=1, status=JobStatus.PROCESSING)
    standing = [
        make_job(status=status) for status in (JobStatus.DRAFT, JobStatus.COMPLETED, JobStatus.CANCELLED)
    ]
    handle_error(claim_item(job, worker), Blocked("No credit", kind="provider_billing"))
    for each in (job, running, *standing):
        each.refresh_from_db()
    assert {job.status, running.status} == {JobStatus.FAILED}
    assert {job.reason, running.reason} == {Reason.PROVIDER_BILLING}
    assert [each.status for each in standing] == [JobStatus.DRAFT, JobStatus.COMPLETED, JobStatus.CANCELLED]


def test_a_refused_key_tells_a_paused_job_why_it_cannot_go_on(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    claimed = claim_item(job, worker)
    pause(job, by=owner)
    handle_error(claimed, Blocked("Check ANTHROPIC_API_KEY", kind="provider_auth"))
    job.refresh_from_db()
    assert (job.status, job.reason, job.in_flight) == (JobStatus.PAUSED, Reason.PROVIDER_AUTH, 0)
    assert state_of(claimed)[0] == ItemStatus.QUEUED


def test_a_refused_key_does_not_revive_a_cancelled_job(owner: User, job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    cancel(job, by=owner)
    handle_error(claimed, Blocked("Check ANTHROPIC_API_KEY", kind="provider_auth"))
    job.refresh_from_db()
    assert (job.status, state_of(claimed)[0]) == (JobStatus.CANCELLED, ItemStatus.CANCELLED)
    assert_no_violations()


@pytest.mark.parametrize("stopped", [JobStatus.PAUSED, JobStatus.CANCELLED])
def test_a_failure_under_stop_leaves_a_job_that_stands_still_as_it_is(
    stopped: JobStatus, owner: User, job: BatchJob, worker: Worker
) -> None:
    BatchJob.objects.update(error_handling=ErrorHandling.STOP)
    claimed = claim_item(job, worker)
    (pause if stopped == JobStatus.PAUSED else cancel)(job, by=owner)
    fail(claimed, kind="invalid_request", message="no")
    job.refresh_from_db()
    assert (job.status, job.failed_items) == (stopped, 1)


def test_a_cancelled_job_is_not_completed_by_its_last_item(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    claims = [claim_item(job, worker, position=position) for position in (1, 2, 3)]
    cancel(job, by=owner)
    for claimed in claims:
        file_reply(claimed)
    job.refresh_from_db()
    assert (job.status, job.completed_items, job.completed_at) == (JobStatus.CANCELLED, 3, None)
    assert_no_violations()
