"""The controls of a batch against running workers: what is changed, tried again and used holds to the last row."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from batches.actions.controls import BudgetTooLow, change, retry_failed, use_reply
from batches.actions.jobs import cancel, pause, resume
from batches.models import BatchItem, BatchJob, GenerationLog
from batches.models.states import ItemStatus, JobStatus, LogState, Priority, Reason
from conversations.models import Conversation
from lib.stale_state import StaleState
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

LAWFUL = (StaleState, BudgetTooLow)


def row(job: BatchJob) -> BatchJob:
    return BatchJob.objects.get(pk=job.pk)


def test_settings_change_under_a_running_worker(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=0.3)
    engine.start()
    job = start_starter_job(owner, limit=60, concurrency=2, budget_usd=Decimal("0.3"))
    wait_for(lambda: row(job).completed_items >= 2, what="it runs with two")
    assert row(job).in_flight <= 2
    change(job, by=owner, concurrency=10, priority=Priority.HIGH)
    wait_for(lambda: row(job).in_flight > 2 or row(job).status == JobStatus.PAUSED, what="it runs with more")
    job = wait_for_end(job)
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.BUDGET)
    with pytest.raises(BudgetTooLow):
        change(job, by=owner, budget_usd=job.spent / 2)
    change(job, by=owner, budget_usd=Decimal(20), concurrency=1)
    resume(job, by=owner)
    wait_for(lambda: row(job).in_flight == 1, what="it goes on with one")
    assert_invariants()
    change(job, by=owner, concurrency=10)
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert job.completed_items == 60
    assert_invariants()


def test_failures_are_tried_again_until_all_are_there(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "bad_request", "times": 4}, {"kind": "refusal", "times": 3}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=20))
    assert (job.status, job.failed_items) == (JobStatus.COMPLETED, 7)
    assert retry_failed(job, by=owner, kind="declined") == 3
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert job.failed_items == 4
    one = job.items.filter(status=ItemStatus.FAILED)[0]
    assert retry_failed(job, by=owner, items=[one.pk]) == 1
    assert retry_failed(job, by=owner) == 3, "also while it runs"
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert (job.completed_items, job.failed_items, Conversation.objects.count()) == (20, 0, 20)
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()
    reads_a_parked_reply_again(job, owner, fast_simulator)


def reads_a_parked_reply_again(job: BatchJob, owner: User, simulator: RunningSimulator) -> None:
    bought = len(simulator.ledger())
    park_by_hand(job.items.get(position=2))
    assert_invariants()
    retry_failed(job, by=owner)
    job = wait_for_end(job, states=(JobStatus.COMPLETED,))
    assert (job.completed_items, job.failed_items) == (20, 0)
    assert len(simulator.ledger()) == bought, "nothing was bought again"
    assert_invariants()


def park_by_hand(item: BatchItem) -> None:
    """As if a defect of ours had kept its conversation from being stored."""
    made = Conversation.objects.get(batch_item=item)
    weak = made.status == "needs_revision"
    paid = GenerationLog.objects.filter(conversation=made)
    paid.update(state=LogState.UNUSABLE, error_kind="internal", conversation=None)
    made.turns.all().delete()
    rows = Conversation.objects.filter(pk=made.pk)
    rows._raw_delete(rows.db)
    BatchItem.objects.filter(pk=item.pk).update(status=ItemStatus.FAILED, error_kind="internal")
    job = row(item.job)
    BatchJob.objects.filter(pk=job.pk).update(
        completed_items=job.completed_items - 1,
        failed_items=job.failed_items + 1,
        successful_items=job.successful_items - int(not weak),
    )


def test_a_reply_after_a_cancel_is_used(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """The worker is frozen beyond its lease; its item is cancelled meanwhile; the reply comes and waits to be used."""
    fast_simulator.options(latency=1.0)
    worker = engine.start()
    job = start_starter_job(owner, limit=1)
    wait_for(lambda: row(job).in_flight == 1, what="it is asked")
    item = job.items.get()
    engine.suspend(worker)
    log = GenerationLog.objects.get()
    wait_for(
        lambda: GenerationLog.objects.get(pk=log.pk).state == LogState.UNKNOWN,
        seconds=60,
        what="it is reaped",
    )
    cancel(job, by=owner)
    engine.resume(worker)
    wait_for(
        lambda: GenerationLog.objects.get(pk=log.pk).state == LogState.SUCCEEDED,
        seconds=60,
        what="it is filed",
    )
    item.refresh_from_db()
    assert item.status == ItemStatus.CANCELLED
    made = use_reply(item, by=owner)
    assert made.turns.count() == made.turn_count
    assert row(job).spent == made.actual_cost_usd, "it cost nothing more"
    assert_invariants()


def test_many_hands_at_once_leave_lawful_rows(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """Pause, resume, change and retry from several people while workers file and fail; then all is finished."""
    fast_simulator.options(latency=0.1)
    fast_simulator.faults([{"kind": "bad_request", "times": 0, "match": "pension"}])
    engine.start()
    job = start_starter_job(owner, limit=60, concurrency=10)
    wait_for(lambda: row(job).completed_items >= 3, what="it runs")
    verbs: list[Any] = [
        lambda: pause(row(job), by=owner),
        lambda: retry_failed(row(job), by=owner),
        lambda: change(row(job), by=owner, concurrency=3),
        lambda: change(row(job), by=owner, budget_usd=Decimal(49), concurrency=10),
        lambda: resume(row(job), by=owner),
    ]
    broken: list[Exception] = []

    def press(number: int) -> None:
        try:
            for turn in range(15):
                try:
                    verbs[(number + turn) % len(verbs)]()
                except LAWFUL:
                    continue
        except Exception as problem:
            broken.append(problem)
        finally:
            connection.close()

    hands = [threading.Thread(target=press, args=(number,)) for number in range(5)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(60)
    assert broken == []
    assert_invariants()
    fast_simulator.reset()
    change(row(job), by=owner, concurrency=10)
    if row(job).status == JobStatus.PAUSED:
        resume(row(job), by=owner)
    wait_for_end(job, states=(JobStatus.COMPLETED,))
    if row(job).failed_items:
        retry_failed(row(job), by=owner)
    done = wait_for_end(row(job), states=(JobStatus.COMPLETED,))
    assert (done.completed_items, done.failed_items, Conversation.objects.count()) == (60, 0, 60)
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()
