"""The judge that follows a batch: ordered with a budget beforehand, started once when the batch is completed."""

from decimal import Decimal

import pytest
from django.test import Client

from batches.actions.jobs import cancel
from batches.actions.judging import order_judge, start_due_judging
from batches.models import BatchJob, Worker
from batches.models.states import JobStatus
from batches.planning.plan import PlanError
from conversations.models import Conversation
from lib.stale_state import StaleState
from tests.factories import make_conversation, make_job
from tests.support.judgements import make_talk, start_one_judgement
from tests.support.steps import claim_item, file_reply
from workspaces.models import AuditEntry, User

pytestmark = pytest.mark.django_db


def complete(job: BatchJob, worker: Worker) -> None:
    job.items.exclude(position=1).delete()
    BatchJob.objects.filter(pk=job.pk).update(total_items=1)
    file_reply(claim_item(job, worker))


def read_order(job: BatchJob) -> Decimal | None:
    return BatchJob.objects.get(pk=job.pk).judge_budget_usd


def test_it_follows_once_with_its_budget(job: BatchJob, worker: Worker, owner: User) -> None:
    order_judge(job, budget_usd=Decimal("3.50"), by=owner)
    assert start_due_judging() == 0, "the batch is not completed"
    complete(job, worker)
    assert start_due_judging() == 1
    assert start_due_judging() == 0, "once"
    follower = BatchJob.objects.get(follows=job)
    assert (follower.budget_usd, follower.created_by, follower.total_items) == (Decimal("3.50"), owner, 1)
    assert follower.items.get().judges == Conversation.objects.get()
    assert follower.rubric is not None


def test_without_an_order_none_follows(job: BatchJob, worker: Worker, owner: User) -> None:
    order_judge(job, budget_usd=Decimal("3.50"), by=owner)
    order_judge(job, budget_usd=None, by=owner)
    complete(job, worker)
    assert start_due_judging() == 0
    assert BatchJob.objects.count() == 1


@pytest.mark.parametrize("made", [True, False])
def test_what_cannot_follow_is_called_off_and_said(owner: User, made: bool) -> None:
    job = make_job(by=owner, status=JobStatus.COMPLETED, items=1, judge_budget_usd=Decimal("0.000001"))
    if made:
        make_conversation(item=job.items.get())
    assert start_due_judging() == 0
    job.refresh_from_db()
    assert job.judge_budget_usd is None
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    assert "not started" in str(entry.after)


def test_a_defect_keeps_no_other_batch_from_its_judge(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [
        make_job(by=owner, status=JobStatus.COMPLETED, items=1, judge_budget_usd=Decimal(1)) for _ in range(2)
    ]
    for job in jobs:
        make_conversation(item=job.items.get())
    monkeypatch.setattr("batches.actions.judging.find_rubric", lambda workspace: 1 / 0)
    assert start_due_judging() == 0
    assert not BatchJob.objects.filter(judge_budget_usd__isnull=False).exists()
    assert "ZeroDivisionError" in str(AuditEntry.objects.latest("pk").after)


def test_it_is_ordered_for_a_batch_that_still_makes_conversations(owner: User, job: BatchJob) -> None:
    cancel(job, by=owner)
    with pytest.raises(StaleState):
        order_judge(job, budget_usd=Decimal(1), by=owner)
    with pytest.raises(PlanError, match="It makes none"):
        order_judge(start_one_judgement(make_talk(owner), owner), budget_usd=Decimal(1), by=owner)


def test_the_page_asks_with_the_price(owner: User, job: BatchJob) -> None:
    client = Client()
    client.force_login(owner)
    address = f"/batches/{job.pk}/judge/"
    page = client.get(address)
    assert page.context["estimate"].items == job.total_items
    assert "Judge it then" in page.text
    assert address in client.get(f"/batches/{job.pk}/").text
    assert client.post(address, {"action": "on"}).status_code == 302
    assert read_order(job) == page.context["offered_budget"]
    assert "No judge" in client.get(address).text
    assert client.post(address, {"action": "on", "budget": "x"}).status_code == 422
    client.post(address, {"action": "off"})
    assert read_order(job) is None
    BatchJob.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED)
    assert client.get(address)["Location"] == f"/conversations/judge/?batch={job.pk}"
