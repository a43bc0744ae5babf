"""A resumed batch goes on, or says at once which budget is too low: it never pauses again in silence."""

from decimal import Decimal

import pytest

from batches.actions.controls import budget_for_rest
from batches.actions.jobs import WouldPauseAgain, resume
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.models import BatchItem, BatchJob, SpendingMonth, Worker
from batches.models.states import JobStatus, Reason
from tests.support.invariants import assert_no_violations
from tests.support.jobs import start_starter_job
from tests.support.steps import claim_item, file_reply
from workspaces.models import AuditEntry, User, Workspace

pytestmark = pytest.mark.django_db


def pause_by_budget(owner: User, worker: Worker) -> BatchJob:
    """A batch of three whose budget covered one call and does not cover another."""
    job = start_starter_job(owner, limit=3)
    BatchJob.objects.update(budget_usd=job.worst_item_usd + Decimal("0.001"))
    file_reply(claim_item(job, worker))
    call = prepare_item(job.items.get(position=2).pk)
    assert call is not None
    assert claim(call, worker_id=worker.pk) is None
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.BUDGET)
    return job


def test_a_batch_that_would_pause_again_says_so_and_how_much_is_needed(owner: User, worker: Worker) -> None:
    job = pause_by_budget(owner, worker)
    with pytest.raises(WouldPauseAgain, match=r"Raise it to \$0\.\d\d or more") as refused:
        resume(job, by=owner)
    assert refused.value.budget == "budget"
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.BUDGET), "nothing has changed"
    with pytest.raises(WouldPauseAgain):
        resume(job, by=owner, budget_usd=refused.value.least - Decimal("0.02"))
    resume(job, by=owner, budget_usd=refused.value.least)
    assert (job.status, job.budget_usd) == (JobStatus.PROCESSING, refused.value.least)
    assert claim_item(job, worker, position=2), "what it names is enough"
    assert_no_violations()


def test_the_offered_budget_covers_the_rest(owner: User, worker: Worker) -> None:
    job = pause_by_budget(owner, worker)
    resume(job, by=owner, budget_usd=budget_for_rest(job))
    claims = [claim_item(job, worker, position=position) for position in (2, 3)]
    for claimed in claims:
        file_reply(claimed)
    job.refresh_from_db()
    assert job.status == JobStatus.COMPLETED


def test_a_budget_is_raised_and_never_lowered_by_a_resume(owner: User, worker: Worker) -> None:
    job = start_starter_job(owner, limit=3)
    BatchJob.objects.update(status=JobStatus.PAUSED, reason=Reason.PERSON)
    resume(job, by=owner, budget_usd=Decimal(1))
    assert (job.status, job.budget_usd) == (JobStatus.PROCESSING, Decimal(50))


def test_a_raise_and_its_resume_are_one_entry_of_the_history(owner: User, worker: Worker) -> None:
    job = pause_by_budget(owner, worker)
    before = AuditEntry.objects.count()
    resume(job, by=owner, budget_usd=Decimal(7))
    (entry,) = AuditEntry.objects.order_by("-created_at")[: AuditEntry.objects.count() - before]
    assert entry.after == {"status": "processing", "budget_usd": "7"}


def test_a_cheaper_item_that_fits_is_no_reason_to_refuse(owner: User) -> None:
    """What counts is the call that comes next, and not the dearest of the batch."""
    job = start_starter_job(owner, limit=3)
    BatchJob.objects.update(
        status=JobStatus.PAUSED,
        reason=Reason.PERSON,
        budget_usd=job.worst_item_usd + Decimal("0.01"),
        worst_item_usd=job.worst_item_usd * 2,
    )
    assert resume(job, by=owner).status == JobStatus.PROCESSING


def test_a_batch_with_calls_in_flight_may_be_resumed(owner: User, worker: Worker) -> None:
    """Their replies give back what they have reserved."""
    job = start_starter_job(owner, limit=3)
    claim_item(job, worker)
    BatchJob.objects.update(
        status=JobStatus.PAUSED, budget_usd=job.worst_item_usd * Decimal("1.1"), reason=Reason.PERSON
    )
    assert resume(job, by=owner).status == JobStatus.PROCESSING


def test_an_item_whose_request_cannot_be_made_is_left_to_the_engine(owner: User) -> None:
    job = start_starter_job(owner, limit=2)
    BatchItem.objects.update(parameters={})
    BatchJob.objects.update(status=JobStatus.PAUSED, reason=Reason.PERSON)
    assert resume(job, by=owner).status == JobStatus.PROCESSING


def test_a_month_that_does_not_cover_the_next_call_is_named(owner: User, worker: Worker) -> None:
    job = start_starter_job(owner, limit=3)
    file_reply(claim_item(job, worker))
    spent = SpendingMonth.objects.get().spent
    Workspace.objects.filter(pk=job.workspace_id).update(monthly_budget_usd=spent + Decimal("0.01"))
    BatchJob.objects.update(status=JobStatus.PAUSED, reason=Reason.MONTH_BUDGET)
    with pytest.raises(WouldPauseAgain, match="month’s budget to") as refused:
        resume(job, by=owner)
    Workspace.objects.filter(pk=job.workspace_id).update(monthly_budget_usd=refused.value.least)
    resume(job, by=owner)
    assert claim_item(job, worker, position=2)


def test_a_month_whose_rest_is_reserved_by_other_calls_is_waited_for(owner: User, worker: Worker) -> None:
    job, other = start_starter_job(owner, limit=3), start_starter_job(owner, limit=1)
    claimed = claim_item(other, worker)
    Workspace.objects.filter(pk=job.workspace_id).update(monthly_budget_usd=claimed.call.reservation)
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.PAUSED, reason=Reason.MONTH_BUDGET)
    assert resume(job, by=owner).status == JobStatus.PROCESSING
