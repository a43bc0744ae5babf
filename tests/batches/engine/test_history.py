"""What the engine does by itself with a batch stands in its history: who ("system"), when, from which status, to which, and why."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from batches.engine import systemic_wait
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.reconcile import repair_job
from batches.engine.retry import handle_error, stop_job
from batches.models import BatchItem, BatchJob, ProviderPool, Worker
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, Reason
from claude.errors import Blocked, Busy, Declined
from tests.support.steps import claim_item, file_reply
from workspaces.audit import SYSTEM, read_history
from workspaces.models import AuditEntry, Workspace
from workspaces.states import Action, TargetKind

Move = Callable[[BatchJob, Worker], None]


def complete(job: BatchJob, worker: Worker) -> None:
    for position in range(1, job.total_items + 1):
        file_reply(claim_item(job, worker, position=position))


def fail_an_item(job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(error_handling=ErrorHandling.STOP)
    handle_error(claim_item(job, worker), Declined("Refused.", kind="declined"))


def refuse_many_times(job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(refusals=100, refusal_name="400 invalid_request")
    handle_error(claim_item(job, worker), Declined("Unknown field.", kind="invalid_request", status=400))


def use_the_budget_up(job: BatchJob, worker: Worker) -> None:
    BatchJob.objects.update(budget_usd=Decimal("0.000001"))
    assert claim(prepare_item(job.items.get(position=1).pk), worker_id=worker.pk) is None  # type: ignore[arg-type]


def use_the_month_up(job: BatchJob, worker: Worker) -> None:
    Workspace.objects.filter(pk=job.workspace_id).update(monthly_budget_usd=Decimal("0.000001"))
    assert claim(prepare_item(job.items.get(position=1).pk), worker_id=worker.pk) is None  # type: ignore[arg-type]


def refuse_the_key(job: BatchJob, worker: Worker) -> None:
    handle_error(claim_item(job, worker), Blocked("The key is not valid.", kind="provider_auth"))


def use_the_credit_up(job: BatchJob, worker: Worker) -> None:
    handle_error(claim_item(job, worker), Blocked("No credit is left.", kind="provider_billing"))


def lose_the_model(job: BatchJob, worker: Worker) -> None:
    stop_job(job.items.get(position=1).pk, reason=Reason.MODEL, message="It has no price.")


def wait_for_an_hour(job: BatchJob, worker: Worker) -> None:
    handle_error(claim_item(job, worker), Busy("Overloaded.", kind="overloaded", costs_attempt=False))
    ProviderPool.objects.update(waiting_since="2020-01-01T00:00:00Z")
    BatchJob.objects.update(started_at="2020-01-01T00:00:00Z")
    assert systemic_wait.stop_waiting_jobs() == 1


def repair(job: BatchJob, worker: Worker) -> None:
    BatchItem.objects.update(status=ItemStatus.FAILED)
    BatchJob.objects.update(status=JobStatus.PROCESSING)
    with transaction.atomic():  # as the reconciler
        assert repair_job(job.pk)


MOVES: list[tuple[Move, JobStatus, Action, str]] = [
    (complete, JobStatus.COMPLETED, Action.COMPLETE, ""),
    (repair, JobStatus.COMPLETED, Action.COMPLETE, ""),
    (fail_an_item, JobStatus.FAILED, Action.STOP, Reason.ITEM_ERROR.label),
    (refuse_many_times, JobStatus.PAUSED, Action.PAUSE, Reason.REFUSALS.label),
    (use_the_budget_up, JobStatus.PAUSED, Action.PAUSE, Reason.BUDGET.label),
    (use_the_month_up, JobStatus.PAUSED, Action.PAUSE, Reason.MONTH_BUDGET.label),
    (refuse_the_key, JobStatus.FAILED, Action.STOP, Reason.PROVIDER_AUTH.label),
    (use_the_credit_up, JobStatus.FAILED, Action.STOP, Reason.PROVIDER_BILLING.label),
    (lose_the_model, JobStatus.FAILED, Action.STOP, Reason.MODEL.label),
    (wait_for_an_hour, JobStatus.FAILED, Action.STOP, Reason.SYSTEMIC_WAIT.label),
]
each_move = pytest.mark.parametrize(
    ("move", "status", "action", "why"), MOVES, ids=lambda each: getattr(each, "__name__", "")
)


@each_move
def test_a_move_of_the_engine_is_in_the_history(
    move: Move, status: JobStatus, action: Action, why: str, job: BatchJob, worker: Worker
) -> None:
    newest = AuditEntry.objects.values_list("pk", flat=True).first() or 0
    move(job, worker)
    job.refresh_from_db()
    assert job.status == status
    (entry,) = AuditEntry.objects.filter(pk__gt=newest)
    assert (entry.who, entry.who_name, entry.workspace_id) == (None, SYSTEM, job.workspace_id)
    assert (entry.action, entry.target_kind, entry.target_id) == (action, TargetKind.BATCH, job.pk)
    assert entry.before["status"] in (JobStatus.QUEUED, JobStatus.PROCESSING)
    assert entry.after == {"status": status, **({"reason": why} if why else {})}
    line = read_history(TargetKind.BATCH, job.pk)[0]
    assert line.sentence.startswith("system ")
    assert why in line.details


@each_move
def test_without_its_entry_the_job_is_not_moved(
    move: Move,
    status: JobStatus,
    action: Action,
    why: str,
    job: BatchJob,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The entry is in the transaction of the change."""

    def refuse(**_: Any) -> None:
        raise RuntimeError("the audit log is full")

    monkeypatch.setattr(AuditEntry.objects, "create", refuse)
    with pytest.raises(RuntimeError, match="audit log is full"):
        move(job, worker)
    job.refresh_from_db()
    assert job.status in (JobStatus.QUEUED, JobStatus.PROCESSING)


def test_an_item_alone_has_no_entry(job: BatchJob, worker: Worker) -> None:
    newest = AuditEntry.objects.values_list("pk", flat=True).first() or 0
    file_reply(claim_item(job, worker))
    assert not AuditEntry.objects.filter(pk__gt=newest).exists()


def test_a_job_that_is_stopped_already_is_not_told_again(job: BatchJob, worker: Worker) -> None:
    first, second = claim_item(job, worker), claim_item(job, worker, position=2)
    refusal = Blocked("The key is not valid.", kind="provider_auth")
    handle_error(first, refusal)
    newest = AuditEntry.objects.values_list("pk", flat=True).first() or 0
    handle_error(second, refusal)
    assert not AuditEntry.objects.filter(pk__gt=newest).exists()


def test_what_completes_while_it_is_paused_says_so(job: BatchJob, worker: Worker) -> None:
    claims = [claim_item(job, worker, position=number + 1) for number in range(job.total_items)]
    BatchJob.objects.update(status=JobStatus.PAUSED, reason=Reason.PERSON)
    for each in claims:
        file_reply(each)
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.before, entry.after) == ({"status": "paused"}, {"status": "completed"})
