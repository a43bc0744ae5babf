"""Who gets an item, and who does not: each condition of the claim, and of the look before the call."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from batches.actions.jobs import cancel, pause
from batches.engine.calls import Call, prepare_item
from batches.engine.claim import Claim, claim, may_still_leave, pause_for_budget
from batches.engine.retry import release
from batches.limits.limiter import NoLimiter, block_pool, set_limits
from batches.limits.pools import pools
from batches.models import BatchItem, BatchJob, GenerationLog, RateLimit, Worker
from batches.models.states import ItemStatus, JobStatus, Reason
from tests.support.invariants import assert_invariants, assert_no_violations
from tests.support.steps import claim_item, file_reply, lose_worker
from workspaces.models import User


def prepared(job: BatchJob, *, position: int = 1) -> Call:
    call = prepare_item(job.items.get(position=position).pk)
    assert call
    return call


def assert_untouched(job: BatchJob) -> None:
    """Nothing of a refused claim stays."""
    job.refresh_from_db()
    assert (job.in_flight, job.reserved) == (0, Decimal(0))
    assert not GenerationLog.objects.exists()
    assert set(job.items.values_list("attempt", "rung_at", "token")) == {(0, None, None)}


def test_two_messages_for_one_item_are_one_claim(job: BatchJob, worker: Worker) -> None:
    first, second = prepared(job), prepared(job)
    assert claim(first, worker_id=worker.pk)
    assert claim(second, worker_id=worker.pk) is None
    assert GenerationLog.objects.count() == 1
    assert_no_violations()


def test_an_item_that_ended_meanwhile_is_not_claimed(job: BatchJob, worker: Worker) -> None:
    late = prepared(job)
    file_reply(claim_item(job, worker))
    assert claim(late, worker_id=worker.pk) is None
    assert_no_violations()


def test_an_item_that_has_to_wait_is_not_claimed(job: BatchJob, worker: Worker) -> None:
    call = prepared(job)
    BatchItem.objects.filter(pk=call.item_id).update(run_after=timezone.now() + timedelta(seconds=60))
    assert claim(call, worker_id=worker.pk) is None
    BatchItem.objects.filter(pk=call.item_id).update(run_after=timezone.now() - timedelta(seconds=1))
    assert claim(call, worker_id=worker.pk)


@pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.QUEUED, JobStatus.PROCESSING}))
def test_a_job_that_does_not_run_gives_nothing(status: JobStatus, job: BatchJob, worker: Worker) -> None:
    call = prepared(job)
    BatchJob.objects.update(status=status)
    BatchItem.objects.update(rung_at=timezone.now())
    BatchItem.objects.exclude(pk=call.item_id).update(rung_at=None)
    assert claim(call, worker_id=worker.pk) is None
    assert_untouched(job)
    assert job.status == status


def test_no_more_at_once_than_the_job_says(job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(concurrent_processing=1)
    claim_item(job, worker)
    assert claim(prepared(job, position=2), worker_id=worker.pk) is None
    job.refresh_from_db()
    assert (job.in_flight, job.status) == (1, JobStatus.PROCESSING)
    assert_no_violations()


def test_without_a_permit_nothing_is_claimed(job: BatchJob, worker: Worker) -> None:
    set_limits(pools(), per_minute=1)
    first = claim_item(job, worker)
    assert claim(prepared(job, position=2), worker_id=worker.pk) is None
    release(first)
    assert GenerationLog.objects.count() == 1
    assert_no_violations()


def test_a_blocked_pool_gives_nothing(job: BatchJob, worker: Worker) -> None:
    call = prepared(job)
    block_pool(call.pool, seconds=60)
    assert claim(call, worker_id=worker.pk) is None
    assert_untouched(job)


def test_without_a_limit_there_is_no_call(job: BatchJob, worker: Worker) -> None:
    RateLimit.objects.all().delete()
    with pytest.raises(NoLimiter):
        claim(prepared(job), worker_id=worker.pk)
    assert_untouched(job)


def test_a_job_is_not_paused_for_its_budget_while_something_is_in_flight(
    job: BatchJob, worker: Worker
) -> None:
    claim_item(job, worker)
    BatchJob.objects.update(budget_usd=Decimal("0.1"))
    pause_for_budget(prepared(job, position=2))
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING


@pytest.mark.parametrize("status", [JobStatus.CANCELLED, JobStatus.FAILED, JobStatus.COMPLETED])
def test_only_a_running_job_is_paused_for_its_budget(status: JobStatus, job: BatchJob) -> None:
    call = prepared(job)
    BatchJob.objects.update(status=status, budget_usd=0)
    pause_for_budget(call)
    job.refresh_from_db()
    assert (job.status, job.reason) == (status, "")


# --- the look before the call -----------------------------------------------------------------------


@pytest.fixture
def claimed(job: BatchJob, worker: Worker) -> Claim:
    return claim_item(job, worker)


@pytest.mark.parametrize("stop", [pause, cancel])
def test_a_job_that_was_stopped_is_not_asked_for(
    stop: Callable[..., object], owner: User, job: BatchJob, claimed: Claim
) -> None:
    assert may_still_leave(claimed)
    stop(job, by=owner)
    assert not may_still_leave(claimed)


def test_a_pool_that_was_blocked_meanwhile_is_not_asked(claimed: Claim) -> None:
    block_pool(claimed.call.pool, seconds=30)
    assert not may_still_leave(claimed)


def test_an_item_that_is_somebody_elses_by_now_is_not_asked_for(
    job: BatchJob, worker: Worker, claimed: Claim, settings: Settings
) -> None:
    lose_worker(worker, settings)
    assert not may_still_leave(claimed)
    second = claim_item(job, worker)
    assert not may_still_leave(claimed)
    assert may_still_leave(second)


def test_an_item_that_is_gone_is_not_asked_for(claimed: Claim) -> None:
    BatchItem.objects.filter(pk=claimed.call.item_id).delete()
    assert not may_still_leave(claimed)


# --- all at once ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_at_once_keep_concurrency_budget_and_items(job: BatchJob, worker: Worker) -> None:
    """Eight workers with two messages for each item: two in flight, no more, and the counters agree."""
    BatchJob.objects.update(concurrent_processing=2)
    calls = [prepared(job, position=position) for position in (1, 2, 3)] * 2
    together, won = threading.Barrier(len(calls)), []

    def claim_together(call: Call) -> None:
        together.wait(10)
        if claim(call, worker_id=worker.pk):
            won.append(call.item_id)
        connection.close()

    threads = [threading.Thread(target=claim_together, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(won)) == len(won) == 2
    assert BatchItem.objects.filter(status=ItemStatus.PROCESSING).count() == 2
    job.refresh_from_db()
    assert job.reason != Reason.BUDGET
    assert_invariants()
