"""Pause, resume, cancel, stop on error, wrong key, budget: what a person can rely on."""

from decimal import Decimal

import pytest

from batches.actions.jobs import cancel, pause, resume
from batches.models import BatchItem, BatchJob, GenerationLog, SpendingMonth
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, Reason
from conversations.models import Conversation
from lib.stale_state import StaleState
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User, Workspace


def wait_for_some(job: BatchJob, *, completed: int) -> None:
    wait_for(
        lambda: BatchJob.objects.get(pk=job.pk).completed_items >= completed,
        what=f"{completed} are completed",
    )


def test_pause_and_resume(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    fast_simulator.options(latency=0.3)
    engine.start()
    job = start_starter_job(owner, limit=40, concurrency=8)
    wait_for_some(job, completed=5)
    pause(job, by=owner)
    assert job.status == JobStatus.PAUSED
    assert pause(job, by=owner).status == JobStatus.PAUSED, "a move already done is no error"
    wait_for_end(job)
    calls = GenerationLog.objects.count()
    assert not GenerationLog.objects.filter(created_at__gt=job.stopped_at).exists(), "no call after the pause"
    assert calls < 40
    assert_invariants()
    resume(job, by=owner)
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert job.completed_items == 40
    assert job.paused_seconds > 0
    assert_invariants()


def test_paused_with_the_last_items_in_flight_still_completes(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=1.0)
    engine.start()
    job = start_starter_job(owner, limit=4)
    wait_for(lambda: BatchJob.objects.get(pk=job.pk).in_flight == 4)
    pause(job, by=owner)
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert (job.completed_items, job.reason) == (4, "")
    assert_invariants()


def test_cancel_keeps_what_is_in_flight_and_sweeps_the_rest(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=0.5)
    engine.start()
    job = start_starter_job(owner, limit=40, concurrency=4)
    wait_for_some(job, completed=4)
    cancel(job, by=owner)
    job = wait_for_end(job)
    assert job.status == JobStatus.CANCELLED
    states = set(job.items.values_list("status", flat=True))
    assert states == {ItemStatus.COMPLETED, ItemStatus.CANCELLED}
    assert Conversation.objects.count() == job.completed_items
    with pytest.raises(StaleState):
        resume(job, by=owner)
    assert_invariants()


def test_stop_ends_at_the_first_failed_item_and_can_be_resumed(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "bad_request", "after": 5, "times": 1}])
    engine.start()
    job = start_starter_job(owner, limit=30, concurrency=2, error_handling=ErrorHandling.STOP)
    job = wait_for_end(job)
    assert (job.status, job.reason, job.failed_items) == (JobStatus.FAILED, Reason.ITEM_ERROR, 1)
    assert job.completed_items < 12
    assert_invariants()
    resume(job, by=owner)
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert (job.completed_items, job.failed_items) == (29, 1)


def test_a_wrong_key_fails_the_job_once_with_a_reason(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "unauthorized", "times": 0}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=20, concurrency=4))
    assert (job.status, job.reason, job.failed_items) == (JobStatus.FAILED, Reason.PROVIDER_AUTH, 0)
    assert "ANTHROPIC_API_KEY" in job.reason_note
    assert not BatchItem.objects.filter(attempt__gt=0).exists(), "it cost no attempt"
    assert GenerationLog.objects.count() <= 8
    assert_invariants()
    fast_simulator.reset()
    resume(job, by=owner)
    assert wait_for_end(job, states=(JobStatus.COMPLETED,)).completed_items == 20


def test_the_budget_is_never_passed(owner: User, engine: Engine) -> None:
    engine.start()
    job = wait_for_end(start_starter_job(owner, budget_usd=Decimal("0.40")))
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.BUDGET)
    assert job.spent <= job.budget_usd
    assert 0 < job.completed_items < 90
    assert_invariants()


def test_the_budget_of_a_month_stops_all_batches_of_the_workspace(owner: User, engine: Engine) -> None:
    workspace = owner.personal_workspace()
    Workspace.objects.filter(pk=workspace.pk).update(monthly_budget_usd=Decimal("0.40"))
    engine.start()
    jobs = [wait_for_end(job) for job in [start_starter_job(owner, limit=40) for _ in range(2)]]
    assert {(job.status, job.reason) for job in jobs} == {(JobStatus.PAUSED, Reason.MONTH_BUDGET)}
    month = SpendingMonth.objects.get(workspace=workspace)
    assert month.spent == sum(job.spent for job in jobs) <= Decimal("0.40")
    assert_invariants()
    Workspace.objects.filter(pk=workspace.pk).update(monthly_budget_usd=None)
    for job in jobs:
        resume(job, by=owner)
        assert wait_for_end(job, states=(JobStatus.COMPLETED,)).completed_items == 40
    assert_invariants()


def test_a_budget_a_little_above_the_true_cost_finishes(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    engine.start()
    true_cost = wait_for_end(start_starter_job(owner, limit=30)).spent
    worst = BatchJob.objects.get().worst_item_usd
    fast_simulator.reset()
    job = wait_for_end(
        start_starter_job(owner, limit=30, budget_usd=true_cost + max(true_cost * Decimal("0.05"), worst))
    )
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 30)
    assert job.spent <= job.budget_usd
    assert_invariants()
