"""What dead workers left behind: who is found, who is spared, and what becomes of the item."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from batches.actions.jobs import cancel, pause
from batches.engine import reap as reaping
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.moves import lock_item
from batches.engine.reap import reap
from batches.models import BatchItem, BatchJob, GenerationLog, SpendingMonth, Worker
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, LogState, Reason
from tests.support.invariants import assert_no_violations
from tests.support.steps import claim_item, file_reply, lose_worker, state_of
from workspaces.models import User

pytestmark = pytest.mark.django_db

LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _no_grace(db: None, settings: Settings) -> None:
    settings.ENGINE_START_GRACE_S = -1e9


def test_a_call_of_a_living_worker_is_left_alone(job: BatchJob, worker: Worker) -> None:
    claim_item(job, worker)
    assert reap() == 0


@pytest.mark.parametrize("change", [{"heartbeat_at": LONG_AGO}, {"stopped_at": timezone.now()}])
def test_a_call_of_a_dead_worker_goes_back_to_the_queue(
    change: dict[str, Any], job: BatchJob, worker: Worker
) -> None:
    claimed = claim_item(job, worker)
    Worker.objects.update(**change)
    assert reap() == 1
    assert state_of(claimed) == (ItemStatus.QUEUED, LogState.UNKNOWN)
    item = BatchItem.objects.get(pk=claimed.call.item_id)
    assert (item.attempt, item.crashes) == (0, 1)
    job.refresh_from_db()
    assert (job.spent, job.reserved, job.in_flight) == (claimed.call.reservation, Decimal(0), 0)
    assert reap() == 0, "a reservation is released once"
    assert_no_violations()


def test_a_call_whose_time_is_up_is_given_up_though_its_worker_lives(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    GenerationLog.objects.update(deadline=LONG_AGO)
    assert reap() == 1
    assert state_of(claimed) == (ItemStatus.QUEUED, LogState.UNKNOWN)


def test_not_soon_after_the_start_of_the_database(job: BatchJob, worker: Worker, settings: Settings) -> None:
    """Replies may be waiting in the workers' memory."""
    settings.ENGINE_START_GRACE_S = 1e9
    claim_item(job, worker)
    Worker.objects.update(heartbeat_at=LONG_AGO)
    assert reap() == 0


def test_a_worker_that_has_ended_holds_no_reply_so_that_its_calls_need_no_grace(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    """As after `kill -9` of everything: the database has just started again, and the workers are gone."""
    settings.ENGINE_START_GRACE_S = 1e9
    claimed = claim_item(job, worker)
    Worker.objects.update(stopped_at=timezone.now())
    assert reap() == 1
    assert state_of(claimed) == (ItemStatus.QUEUED, LogState.UNKNOWN)
    assert_no_violations()


def test_a_reply_that_came_between_the_look_and_the_lock_wins(
    job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed = claim_item(job, worker)
    Worker.objects.update(heartbeat_at=LONG_AGO)

    def file_first(item_id: Any) -> Any:
        file_reply(claimed)
        return lock_item(item_id)

    monkeypatch.setattr(reaping, "lock_item", file_first)
    assert reap() == 0
    assert state_of(claimed) == (ItemStatus.COMPLETED, LogState.SUCCEEDED)
    assert_no_violations()


def test_an_older_call_of_an_item_that_runs_again_costs_the_item_nothing(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    """Only its log is given up: the item belongs to another call by now."""
    first = claim_item(job, worker)
    lose_worker(worker, settings)
    GenerationLog.objects.filter(pk=first.call.log_id).update(state=LogState.PENDING, cost_usd=0)
    BatchJob.objects.update(spent=0, reserved=first.call.reservation)
    SpendingMonth.objects.update(spent=0, reserved=first.call.reservation)
    second = claim_item(job, worker)
    GenerationLog.objects.filter(pk=first.call.log_id).update(deadline=LONG_AGO)
    assert reap() == 1
    assert state_of(first) == (ItemStatus.PROCESSING, LogState.UNKNOWN)
    assert state_of(second) == (ItemStatus.PROCESSING, LogState.PENDING)
    assert BatchItem.objects.get(pk=second.call.item_id).crashes == 1
    assert_no_violations()


def test_one_bad_row_does_not_stop_the_others(
    job: BatchJob, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_item(job, worker)
    good = claim_item(job, worker, position=2)
    Worker.objects.update(heartbeat_at=LONG_AGO)
    found = reaping._find_abandoned()
    monkeypatch.setattr(reaping, "_find_abandoned", lambda: [(worker.pk, *found[0][1:]), *found])
    assert reap() >= 1
    assert state_of(good) == (ItemStatus.QUEUED, LogState.UNKNOWN)


def test_a_call_whose_item_is_gone_gives_its_money_back_to_the_job(job: BatchJob, worker: Worker) -> None:
    claimed = claim_item(job, worker)
    Worker.objects.update(heartbeat_at=LONG_AGO)
    GenerationLog.objects.filter(pk=claimed.call.log_id).update(item=None)
    assert reap() == 1
    job.refresh_from_db()
    assert (job.spent, job.reserved) == (claimed.call.reservation, Decimal(0))


def test_the_third_crash_parks_the_item(job: BatchJob, worker: Worker, settings: Settings) -> None:
    for _ in range(3):
        claimed = claim_item(job, worker)
        lose_worker(worker, settings)
    item = BatchItem.objects.get(pk=claimed.call.item_id)
    assert (item.status, item.error_kind, item.crashes) == (ItemStatus.FAILED, "crashed", 3)
    job.refresh_from_db()
    assert (job.status, job.failed_items) == (JobStatus.PROCESSING, 1)
    assert_no_violations()


def test_one_that_waits_for_its_last_chance_is_claimed_alone(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    """Else the bystanders of an item that kills its worker would be parked with it."""
    for _ in range(2):
        calls = [claim_item(job, worker, position=position) for position in (1, 2)]
        lose_worker(worker, settings)
    claim_item(job, worker, position=1)
    second = prepare_item(calls[1].call.item_id)
    assert second
    assert claim(second, worker_id=worker.pk) is None
    assert BatchItem.objects.get(position=2).run_after is not None, "not again and again"
    claim_item(job, worker, position=3)
    lose_worker(worker, settings)
    assert list(job.items.order_by("position").values_list("status", flat=True)) == [
        "failed",
        "queued",
        "queued",
    ]
    assert_no_violations()


def test_who_was_there_at_the_deaths_that_a_parked_item_explains_is_not_suspected(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    for _ in range(2):
        calls = [claim_item(job, worker, position=position) for position in (1, 2)]
        lose_worker(worker, settings)
    claim_item(job, worker)
    lose_worker(worker, settings)
    parked, other, _ = job.items.order_by("position")
    assert (parked.crashes, parked.error_kind, other.crashes) == (3, "crashed", 0)
    assert calls


def test_the_third_crash_stops_a_job_that_stops_at_errors(
    job: BatchJob, worker: Worker, settings: Settings
) -> None:
    BatchJob.objects.update(error_handling=ErrorHandling.STOP)
    for _ in range(3):
        claim_item(job, worker)
        lose_worker(worker, settings)
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.FAILED, Reason.ITEM_ERROR)


def test_in_a_paused_job_it_waits_in_a_cancelled_one_it_is_cancelled(
    owner: User, job: BatchJob, worker: Worker, settings: Settings
) -> None:
    first, second = claim_item(job, worker), claim_item(job, worker, position=2)
    pause(job, by=owner)
    lose_worker(worker, settings)
    assert state_of(first)[0] == state_of(second)[0] == ItemStatus.QUEUED
    BatchJob.objects.update(status=JobStatus.PROCESSING, stopped_at=None)
    first = claim_item(job, worker)
    cancel(job, by=owner)
    lose_worker(worker, settings)
    assert state_of(first)[0] == ItemStatus.CANCELLED
    assert_no_violations()
