"""The reconciler: each repair by making the damage; what it must not touch stays, and is told."""

import logging
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from batches.engine import reconcile as reconciling
from batches.engine.invariants import violations
from batches.engine.reconcile import Reconciler, reconcile
from batches.management.commands.dispatch import try_lock
from batches.models import BatchItem, BatchJob, GenerationLog, Repair, SpendingMonth, Worker
from batches.models.states import ItemStatus, JobStatus
from tests.factories import make_job, make_user
from tests.support.polling import in_another_connection
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def half_done(job: BatchJob, worker: Worker) -> BatchJob:
    """One item completed, one in flight, one in the queue."""
    file_reply(claim_item(job, worker))
    claim_item(job, worker, position=2)
    job.refresh_from_db()
    assert reconcile() == []
    assert not Repair.objects.exists()
    return job


def state(job: BatchJob) -> dict[str, Any]:
    left_out = {"updated_at", "completed_at", "noticed"}
    return {k: v for k, v in BatchJob.objects.filter(pk=job.pk).values()[0].items() if k not in left_out}


@pytest.mark.parametrize(
    "damage",
    [
        {"in_flight": 3},
        {"reserved": Decimal(2)},
        {"spent": Decimal(0)},
        {"spent": Decimal(2)},
        {"completed_items": 0, "successful_items": 0},
        {"failed_items": 1},
        {"total_items": 7},
    ],
)
def test_a_job_is_made_anew_from_its_rows(damage: dict[str, Any], half_done: BatchJob) -> None:
    before = state(half_done)
    BatchJob.objects.update(**damage)
    assert reconcile(everything=False) == []
    after = state(half_done)
    if (
        "successful_items" in damage
    ):  # how many of them needed no revision is not in the rows: it is not guessed
        before["successful_items"] = 0
    assert after == before
    assert not violations()
    repair = Repair.objects.first()
    assert repair is not None
    assert repair.job == half_done
    assert str(half_done.pk) in repair.subject


def test_a_repair_names_rule_column_and_both_values(half_done: BatchJob) -> None:
    BatchJob.objects.update(in_flight=3)
    reconcile()
    assert str(Repair.objects.get()) == f"I5 batch_jobs {half_done.pk} in_flight: 3 -> 1"


def test_money_is_not_lowered_because_logs_are_missing(half_done: BatchJob) -> None:
    spent = BatchJob.objects.get().spent
    BatchItem.objects.update(current_log=None, status=ItemStatus.QUEUED)
    GenerationLog.objects.all().delete()
    left = reconcile()
    assert BatchJob.objects.get().spent == SpendingMonth.objects.get().spent == spent > 0
    assert {"I4"} <= {each.rule for each in left}


def test_a_month_is_made_anew_from_its_logs(half_done: BatchJob) -> None:
    before = SpendingMonth.objects.values_list("spent", "reserved").get()
    SpendingMonth.objects.update(spent=Decimal(5), reserved=Decimal(0))
    assert reconcile(everything=False) == []
    assert SpendingMonth.objects.values_list("spent", "reserved").get() == before
    SpendingMonth.objects.all().delete()
    assert reconcile(everything=False) == []
    assert SpendingMonth.objects.values_list("spent", "reserved").get() == before
    assert Repair.objects.filter(job=None, workspace=half_done.workspace).count() == 4


def test_an_item_whose_conversation_is_there_is_completed(half_done: BatchJob) -> None:
    before = state(half_done)
    done = BatchItem.objects.get(position=1)
    BatchItem.objects.filter(pk=done.pk).update(status=ItemStatus.QUEUED, current_log=None)
    BatchJob.objects.update(completed_items=0, successful_items=0)
    assert reconcile() == []
    again = BatchItem.objects.get(pk=done.pk)
    assert (again.status, again.current_log_id) == (ItemStatus.COMPLETED, done.current_log_id)
    assert state(half_done) == before | {"successful_items": 0}


@pytest.mark.parametrize(
    ("status", "expected"), [("processing", ItemStatus.QUEUED), ("cancelled", ItemStatus.CANCELLED)]
)
def test_an_item_whose_call_has_ended_without_it_goes_back(
    half_done: BatchJob, status: str, expected: str
) -> None:
    BatchItem.objects.filter(position=3).update(
        status=ItemStatus.CANCELLED if status == "cancelled" else "queued"
    )
    BatchJob.objects.update(status=status)
    pending = GenerationLog.objects.get(state="pending")
    GenerationLog.objects.filter(pk=pending.pk).update(state="failed")
    assert reconcile() == []
    assert BatchItem.objects.get(position=2).status == expected
    job = BatchJob.objects.get()
    assert (job.in_flight, job.reserved) == (0, Decimal(0))
    assert not violations()


def test_a_call_in_flight_is_left_alone(half_done: BatchJob) -> None:
    """Its reply may come; if not it is reaped."""
    BatchItem.objects.filter(status="processing").update(worker=None)
    assert {each.rule for each in reconcile()} == {"I6"}
    assert BatchItem.objects.get(position=2).status == ItemStatus.PROCESSING


def test_a_job_that_nobody_ended_is_completed(half_done: BatchJob) -> None:
    BatchItem.objects.filter(position=3).update(status=ItemStatus.FAILED, ended_at=timezone.now())
    BatchItem.objects.filter(position=2).update(status=ItemStatus.FAILED, ended_at=timezone.now())
    assert reconcile() == []
    job = BatchJob.objects.get()
    assert (job.status, job.failed_items, job.in_flight) == (JobStatus.COMPLETED, 2, 0)
    assert job.completed_at


def test_what_a_cancelled_job_has_left_is_swept(half_done: BatchJob, settings: Any) -> None:
    settings.ENGINE_SWEPT_AFTER_S = 0
    BatchJob.objects.update(status=JobStatus.CANCELLED)
    assert reconcile() == []
    assert BatchItem.objects.get(position=3).status == ItemStatus.CANCELLED
    assert Repair.objects.filter(rule="I8").count() == 1


def test_items_that_were_dispatched_in_the_future_wait_no_longer(half_done: BatchJob) -> None:
    BatchItem.objects.filter(position=3).update(rung_at="2100-01-01T00:00:00Z")
    assert reconcile() == []
    assert BatchItem.objects.get(position=3).rung_at is None
    assert Repair.objects.filter(rule="rung").count() == 1


def test_what_only_a_person_can_judge_is_told_once(
    half_done: BatchJob, caplog: pytest.LogCaptureFixture
) -> None:
    BatchJob.objects.update(budget_usd=Decimal("0.001"))
    reconciler = Reconciler()
    with caplog.at_level(logging.ERROR):
        reconciler.look()
        reconciler.look()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert (
        f"I9 spent and reserved are within the budget, but for what calls cost above their reservations: batch_jobs {half_done.pk}"
        in told[0]
    )
    assert BatchJob.objects.get().budget_usd == Decimal("0.001")


@pytest.mark.django_db(transaction=True)
def test_while_another_one_looks_this_one_does_not(half_done: BatchJob) -> None:
    BatchJob.objects.update(in_flight=3)
    with in_another_connection(lambda: try_lock(reconciling.RECONCILE_LOCK)):
        assert reconcile() == []
    assert BatchJob.objects.get().in_flight == 3
    reconcile()
    assert BatchJob.objects.get().in_flight == 1


def test_one_that_cannot_be_repaired_does_not_stop_the_others(
    half_done: BatchJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_job(by=make_user(), items=2)
    BatchJob.objects.update(in_flight=9)
    repair_job = reconciling.repair_job

    def one_fails(job_id: Any) -> bool:
        if job_id == other.pk:
            Repair(rule="too long").save()
        return repair_job(job_id)

    monkeypatch.setattr(reconciling, "repair_job", one_fails)
    assert [each.row for each in reconcile()] == [str(other.pk)]
    assert BatchJob.objects.get(pk=half_done.pk).in_flight == 1


def test_repairs_are_shown_in_the_admin(owner: User, half_done: BatchJob) -> None:
    BatchJob.objects.update(in_flight=3)
    reconcile()
    client = Client()
    client.force_login(make_user(superuser=True))
    assert f"{half_done.pk} in_flight" in client.get("/admin/batches/repair/").text
    assert client.get(f"/admin/batches/repair/{Repair.objects.get().pk}/change/").status_code == 200
