"""Refusals of the provider and what they do to a pool: the breaker, the ramp, and the end of patience."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from batches.actions.jobs import resume
from batches.engine.calls import prepare_item
from batches.engine.claim import claim, may_still_leave
from batches.engine.dispatch import mark_dispatched
from batches.engine.retry import handle_error, release
from batches.engine.systemic_wait import stop_waiting_jobs
from batches.limits import circuit_breaker
from batches.limits.circuit_breaker import Breaker
from batches.limits.limiter import count_permits, set_limits, take_permit
from batches.limits.pools import pool_of
from batches.models import BatchItem, BatchJob, GenerationLog, ProviderPool, RateLimit, Worker
from batches.models.states import ItemStatus, JobStatus, Reason
from claude.errors import Busy
from lorapipe.queues import Queue
from tests.factories import MODEL, make_job
from tests.support.invariants import assert_no_violations
from tests.support.jobs import start_starter_job
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 27, tzinfo=UTC)
CLOSED = Breaker([], 0, NOW, None)


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


@pytest.fixture
def job(owner: User) -> BatchJob:
    return start_starter_job(owner, limit=8)


def overloaded() -> Busy:
    return Busy("overloaded", kind="overloaded", costs_attempt=False, status=529)


def too_fast(retry_after: float | None = None) -> Busy:
    error = Busy("slower", kind="rate_limited", costs_attempt=False, retry_after=retry_after)
    error.code = "ramp_limit_exceeded"
    return error


def pool() -> ProviderPool:
    return ProviderPool.objects.get(pool=pool_of(MODEL))


def change(**fields: Any) -> None:
    ProviderPool.objects.filter(pool=pool_of(MODEL)).update(**fields)


def let_the_time_pass() -> None:
    change(opened_until=NOW - timedelta(days=1))


def open_breaker(job: BatchJob, worker: Worker) -> None:
    claims = [claim_item(job, worker, position=position) for position in range(1, 6)]
    for claimed in claims:
        handle_error(claimed, overloaded())


def try_claim(job: BatchJob, worker: Worker, *, position: int) -> bool:
    call = prepare_item(job.items.get(position=position).pk)
    assert call
    return claim(call, worker_id=worker.pk) is not None


# --- the breaker ------------------------------------------------------------------------------------


def test_five_overloads_in_half_a_minute_open_it() -> None:
    breaker = CLOSED
    for seconds in (0, 1, 2, 3):
        breaker = breaker.after_overload(uuid4(), now=NOW + timedelta(seconds=seconds))
        assert breaker.opened_for_s == 0
    late = breaker.after_overload(uuid4(), now=NOW + timedelta(seconds=31))
    assert late.opened_for_s == 0, "the first is too long ago"
    opened = breaker.after_overload(uuid4(), now=NOW + timedelta(seconds=29))
    assert (opened.opened_for_s, opened.opened_until) == (30, NOW + timedelta(seconds=59))


def test_the_time_doubles_up_to_five_minutes() -> None:
    breaker, log_id, times = Breaker([], 30, NOW, None), uuid4(), []
    for _ in range(5):
        breaker = Breaker([], breaker.opened_for_s, NOW, log_id).after_overload(log_id, now=NOW)
        times.append(breaker.opened_for_s)
    assert times == [60, 120, 240, 300, 300]
    assert breaker.after_overload(uuid4(), now=NOW) == breaker, "a call from before says nothing new"


def test_an_open_breaker_lets_nobody_through_and_costs_no_attempt(job: BatchJob, worker: Worker) -> None:
    open_breaker(job, worker)
    assert pool().opened_for_s == 30
    assert not try_claim(job, worker, position=1)
    assert count_permits([pool().pool]) == {pool().pool: 0}
    assert mark_dispatched(Queue.GENERATION) == []
    assert set(job.items.values_list("status", "attempt")) == {(ItemStatus.QUEUED, 0)}
    assert_no_violations()


def test_what_waits_for_its_permit_does_not_leave_when_it_opens(job: BatchJob, worker: Worker) -> None:
    waiting = claim_item(job, worker, position=6)
    assert may_still_leave(waiting)
    open_breaker(job, worker)
    assert not may_still_leave(waiting)


def test_then_one_call_tries_and_its_reply_closes_it(job: BatchJob, worker: Worker) -> None:
    open_breaker(job, worker)
    let_the_time_pass()
    assert count_permits([pool().pool]) == {pool().pool: 1}
    probe = claim_item(job, worker, position=1)
    assert may_still_leave(probe)
    assert not try_claim(job, worker, position=2), "one alone"
    assert count_permits([pool().pool]) == {pool().pool: 0}
    file_reply(probe)
    assert (pool().opened_for_s, pool().probe_id, pool().waiting_since) == (0, None, None)
    assert try_claim(job, worker, position=2)
    assert_no_violations()


def test_its_failure_opens_it_for_twice_as_long(job: BatchJob, worker: Worker) -> None:
    open_breaker(job, worker)
    let_the_time_pass()
    handle_error(claim_item(job, worker, position=1), overloaded())
    assert (pool().opened_for_s, pool().probe_id) == (60, None)
    assert not try_claim(job, worker, position=2)


def test_a_try_that_came_to_nothing_leaves_the_place_to_the_next(job: BatchJob, worker: Worker) -> None:
    open_breaker(job, worker)
    let_the_time_pass()
    release(claim_item(job, worker, position=1))
    assert pool().opened_for_s == 30
    assert try_claim(job, worker, position=2)


def test_a_reply_from_before_does_not_close_it(job: BatchJob, worker: Worker) -> None:
    before = claim_item(job, worker, position=6)
    open_breaker(job, worker)
    file_reply(before)
    assert (pool().opened_for_s, pool().waiting_since) == (30, None)


# --- the ramp ---------------------------------------------------------------------------------------


def share() -> float:
    """Which part of its requests a pool may use now: from the spacing of two permits."""
    RateLimit.objects.update(tat="2000-01-01T00:00:00Z", blocked_until="2000-01-01T00:00:00Z")
    found = RateLimit.objects.get(pool=pool_of(MODEL), dimension="requests")
    take_permit(found.pool)
    after = RateLimit.objects.extra(select={"debt": "extract(epoch FROM tat - clock_timestamp())"}).get(
        pk=found.pk
    )
    return found.interval_s / float(after.debt)


@pytest.mark.parametrize(("retry_after", "blocked"), [(None, 15), (1.0, 15), (40.0, 40)])
def test_a_rate_that_grew_too_fast_is_halved_after_a_pause(
    retry_after: float | None, blocked: float, job: BatchJob, worker: Worker
) -> None:
    claims = [claim_item(job, worker, position=position) for position in (1, 2, 3)]
    set_limits([pool_of(MODEL)], per_minute=6)
    for claimed in claims:
        handle_error(claimed, too_fast(retry_after))
    assert pool().slowed_to == 0.5, "once: the others were out before"
    until = RateLimit.objects.get(pool=pool().pool, dimension="requests").blocked_until
    assert (until - pool().slowed_at).total_seconds() == pytest.approx(blocked, abs=2)
    assert share() == pytest.approx(0.5, rel=0.05)
    change(slowed_at=pool().slowed_at - timedelta(minutes=4))
    assert share() == pytest.approx(0.5 * 1.1**4, rel=0.05), "10% more each minute"
    change(slowed_at=pool().slowed_at - timedelta(minutes=4))
    assert share() == pytest.approx(1, rel=0.05), "and never above the setting"


def test_a_second_time_it_is_halved_again_but_not_for_ever(job: BatchJob, worker: Worker) -> None:
    for _ in range(6):
        handle_error(claim_item(job, worker), too_fast())
        RateLimit.objects.update(blocked_until="2000-01-01T00:00:00Z")
    assert pool().slowed_to == circuit_breaker.SLOWEST


def test_a_plain_429_slows_nothing_down(job: BatchJob, worker: Worker) -> None:
    handle_error(
        claim_item(job, worker),
        Busy("busy", kind="rate_limited", costs_attempt=False, retry_after=20),
    )
    assert pool().slowed_to == 1


# --- the end of patience ----------------------------------------------------------------------------


def wait_an_hour(job: BatchJob) -> None:
    hour_ago = pool().updated_at - timedelta(minutes=61)
    change(waiting_since=hour_ago)
    BatchJob.objects.filter(pk=job.pk).update(started_at=hour_ago)


def test_an_hour_of_refusals_without_a_reply_stops_the_job_and_resume_goes_on(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    handle_error(claim_item(job, worker), overloaded())
    assert pool().waiting_since is not None
    assert stop_waiting_jobs() == 0
    wait_an_hour(job)
    other = make_job(model="claude-haiku-5-5", status=JobStatus.PROCESSING)
    assert stop_waiting_jobs() == 1
    job.refresh_from_db()
    other.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.SYSTEMIC_WAIT)
    assert other.status == JobStatus.PROCESSING, "another pool"
    assert set(job.items.values_list("status", "attempt")) == {(ItemStatus.QUEUED, 0)}
    resume(job, by=owner)
    assert stop_waiting_jobs() == 0, "it has the whole time again"
    file_reply(claim_item(job, worker))
    assert_no_violations()


def test_a_reply_ends_the_waiting(job: BatchJob, worker: Worker) -> None:
    handle_error(claim_item(job, worker), overloaded())
    file_reply(claim_item(job, worker))
    assert pool().waiting_since is None


def test_a_job_that_has_only_begun_is_not_stopped_for_what_was_before(job: BatchJob, worker: Worker) -> None:
    handle_error(claim_item(job, worker), overloaded())
    wait_an_hour(job)
    BatchJob.objects.filter(pk=job.pk).update(started_at=None)
    assert stop_waiting_jobs() == 0


# --- what a call takes of the limits ----------------------------------------------------------------


def test_the_log_row_keeps_what_was_taken_and_the_reply_corrects_it(job: BatchJob, worker: Worker) -> None:
    set_limits([pool_of(MODEL)], per_minute=1_000_000, output_per_minute=80_000)
    claimed = claim_item(job, worker)
    log = GenerationLog.objects.get(pk=claimed.call.log_id)
    assert (log.took_input_tokens, log.took_output_tokens) == (
        claimed.call.expected.input,
        claimed.call.expected.output,
    )
    taken = output_debt_s()
    assert taken == pytest.approx(log.took_output_tokens / 1250, abs=0.3)
    file_reply(claimed)  # 1,000 tokens
    assert output_debt_s() == pytest.approx(1000 / 1250, abs=0.3)


@pytest.mark.parametrize("how", ["released", "refused"])
def test_what_was_not_answered_gives_its_tokens_back(how: str, job: BatchJob, worker: Worker) -> None:
    set_limits([pool_of(MODEL)], per_minute=1_000_000, output_per_minute=80_000)
    claimed = claim_item(job, worker)
    if how == "released":
        release(claimed)
    else:
        handle_error(claimed, overloaded())
    assert output_debt_s() <= 0


def test_a_call_that_must_wait_long_has_its_deadline_from_its_start(job: BatchJob, worker: Worker) -> None:
    set_limits([pool_of(MODEL)], per_minute=1_000_000, output_per_minute=3000)
    RateLimit.objects.update(tat=pool().created_at)
    claimed = claim_item(job, worker)
    log = GenerationLog.objects.get(pk=claimed.call.log_id)
    assert (log.deadline - log.created_at).total_seconds() > claimed.call.deadline_s + 30
    assert BatchItem.objects.get(pk=claimed.call.item_id).status == ItemStatus.PROCESSING


def output_debt_s() -> float:
    rows = RateLimit.objects.extra(select={"debt": "extract(epoch FROM tat - clock_timestamp())"})
    return float(rows.get(pool=pool_of(MODEL), dimension="output_tokens").debt)
