"""A workspace's month: every call is set aside and booked in it, and its budget holds claims back."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection

from batches.actions.jobs import resume
from batches.engine.calls import Call, prepare_item
from batches.engine.claim import claim
from batches.engine.dispatch import mark_dispatched
from batches.engine.month_budget import Month, reserve
from batches.models import BatchJob, GenerationLog, SpendingMonth, Worker
from batches.models.states import JobStatus, Reason
from lorapipe.queues import Queue
from tests.support.invariants import assert_invariants, assert_no_violations
from tests.support.jobs import start_starter_job
from tests.support.steps import claim_item, file_reply
from workspaces.models import User, Workspace


def limit_month(job: BatchJob, usd: Decimal | str | None) -> None:
    Workspace.objects.filter(pk=job.workspace_id).update(monthly_budget_usd=usd)


def prepared(job: BatchJob, *, position: int) -> Call:
    call = prepare_item(job.items.get(position=position).pk)
    assert call is not None
    return call


@pytest.mark.django_db
def test_a_call_is_set_aside_and_then_booked(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    month = SpendingMonth.objects.get(workspace=job.workspace_id)
    assert (month.spent, month.reserved) == (Decimal(0), claimed.call.reservation)
    assert month.month == datetime.now(UTC).date().replace(day=1)
    file_reply(claimed)
    job.refresh_from_db()
    month.refresh_from_db()
    assert (month.spent, month.reserved) == (job.spent, Decimal(0))
    assert_no_violations()


@pytest.mark.django_db
def test_a_reply_after_midnight_is_booked_where_its_reservation_stands(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    long_ago = datetime(2026, 1, 31, 23, 59, tzinfo=UTC)
    GenerationLog.objects.update(created_at=long_ago)
    SpendingMonth.objects.update(month=long_ago.date().replace(day=1))
    file_reply(claimed)
    assert SpendingMonth.objects.get().month.month == 1
    assert_no_violations()


@pytest.mark.django_db
def test_what_does_not_fit_into_the_month_is_not_claimed(job: BatchJob, worker: Worker) -> None:
    first = claim_item(job, worker)
    limit_month(job, first.call.reservation * 2 - Decimal("0.000000001"))
    assert claim(prepared(job, position=2), worker_id=worker.pk) is None
    job.refresh_from_db()
    assert job.status == JobStatus.PROCESSING  # what is in flight may cost less than its worst case
    assert job.in_flight == 1
    file_reply(first)
    assert claim(prepared(job, position=2), worker_id=worker.pk) is not None
    assert_no_violations()


@pytest.mark.django_db
def test_a_used_up_month_pauses_the_job_and_a_raised_one_lets_it_go_on(job: BatchJob, worker: Worker) -> None:
    limit_month(job, "0.001")
    assert claim(prepared(job, position=1), worker_id=worker.pk) is None
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.MONTH_BUDGET)
    assert not GenerationLog.objects.exists()
    limit_month(job, None)
    resume(job, by=None)
    assert claim(prepared(job, position=1), worker_id=worker.pk) is not None
    assert_no_violations()


@pytest.mark.django_db
def test_another_job_of_the_workspace_in_flight_keeps_it_from_being_paused(
    owner: User, job: BatchJob, worker: Worker
) -> None:
    first = claim_item(job, worker)
    other = start_starter_job(owner, limit=1)
    limit_month(job, first.call.reservation)
    assert claim(prepared(other, position=1), worker_id=worker.pk) is None
    other.refresh_from_db()
    assert other.status == JobStatus.QUEUED


@pytest.mark.django_db
def test_only_what_the_month_affords_is_dispatched(job: BatchJob, worker: Worker) -> None:
    limit_month(job, job.worst_item_usd * 2)
    assert len(mark_dispatched(Queue.GENERATION)) == 2


@pytest.mark.django_db
def test_another_workspace_and_demo_money_do_not_count(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    month = SpendingMonth.objects.get()
    assert month.demo
    GenerationLog.objects.filter(pk=claimed.call.log_id).update(pool="abc:claude-sonnet-5-5")
    limit_month(job, claimed.call.reservation)
    assert reserve(claimed.call.log_id, worst=claimed.call.reservation)
    assert SpendingMonth.objects.get(demo=False).reserved == claimed.call.reservation
    assert Month(job.workspace_id, month.month, False) != Month(job.workspace_id, month.month, True)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_pass_the_month(owner: User, worker: Worker) -> None:
    jobs = [start_starter_job(owner, limit=8) for _ in range(2)]
    limit_month(jobs[0], jobs[0].worst_item_usd * 5)
    calls = [prepared(job, position=position) for job in jobs for position in range(1, 9)]

    def claim_one(call: Call) -> None:
        try:
            claim(call, worker_id=worker.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim_one, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    month = SpendingMonth.objects.get()
    assert 0 < month.reserved <= jobs[0].worst_item_usd * 5
    assert_invariants()
