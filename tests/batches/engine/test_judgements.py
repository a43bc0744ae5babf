"""A judgement takes the way of every item: limits, budget, log. It moves nothing, and without evidence there is none."""

from decimal import Decimal

import pytest
from pytest_django import Settings

from batches.actions.jobs import cancel
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.generate import prepare_call
from batches.engine.reconcile import reconcile
from batches.engine.stored_replies import use_stored_reply
from batches.models import BatchItem, BatchJob, GenerationLog, SpendingMonth, Worker
from batches.models.states import ItemStatus, JobStatus, LogState, Reason
from batches.planning.judging import plan_judging
from batches.planning.plan import PlanError
from conversations.judging.rubric import find_rubric
from conversations.models import Conversation, Judgement
from conversations.quality import hash_turns
from conversations.states import JudgedDimension, Status
from conversations.versions import read_turns
from tests.factories import make_conversation
from tests.support.invariants import assert_no_violations
from tests.support.judgements import make_answer, make_talk, start_one_judgement
from tests.support.replies import make_reply
from tests.support.steps import claim_item, file_reply, state_of
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


@pytest.fixture
def talk(owner: User) -> Conversation:
    return make_talk(owner)


def test_the_judgement_is_stored_and_its_cost_is_in_log_job_and_month(
    talk: Conversation, owner: User, worker: Worker
) -> None:
    job = start_one_judgement(talk, owner)
    claimed = claim_item(job, worker)
    job.refresh_from_db()
    assert job.reserved == claimed.call.reservation > 0
    file_reply(claimed, make_reply(make_answer(7, accuracy={"score": 3, "quote": "About $4,000 in one"})))
    made = talk.judgements.get()
    assert (made.rubric.version, made.simulated, made.model) == (1, True, "claude-sonnet-5-5")
    assert made.content_hash == hash_turns(read_turns(talk))
    found = {each.dimension: (each.score, each.turn_number, each.quote) for each in made.scores.all()}
    assert set(found) == set(JudgedDimension.values)
    assert found["accuracy"] == (3, 3, "About $4,000 in one")
    job.refresh_from_db()
    log = GenerationLog.objects.get()
    cost = Decimal("0.012")
    assert (job.status, job.completed_items, job.successful_items) == (JobStatus.COMPLETED, 1, 1)
    assert (job.spent, job.reserved, log.cost_usd, made.cost_usd) == (cost, Decimal(0), cost, cost)
    assert (log.state, log.conversation, log.template_version) == (LogState.SUCCEEDED, talk, None)
    assert SpendingMonth.objects.get().spent == cost
    assert_no_violations()


def test_it_decides_nothing(talk: Conversation, owner: User, worker: Worker) -> None:
    before = Conversation.objects.values().get()
    file_reply(claim_item(start_one_judgement(talk, owner), worker), make_reply(make_answer(0)))
    assert Conversation.objects.values().get() == before
    assert not talk.decisions.exists()


def test_a_quote_that_is_not_in_the_text_makes_no_judgement_and_is_paid(
    talk: Conversation, owner: User, worker: Worker
) -> None:
    job = start_one_judgement(talk, owner)
    invented = make_reply(make_answer(9, coherence={"quote": "I am very happy with it."}))
    for _ in range(3):
        file_reply(claim_item(job, worker), invented)
    item = BatchItem.objects.get()
    assert (item.status, item.error_kind) == (ItemStatus.FAILED, "failed_check")
    assert "quote of coherence does not occur" in item.error_message
    assert not Judgement.objects.exists()
    job.refresh_from_db()
    assert (job.spent, job.reserved, job.failed_items) == (Decimal("0.036"), Decimal(0), 1)
    assert set(GenerationLog.objects.values_list("state", flat=True)) == {LogState.UNUSABLE}
    assert_no_violations()


def test_the_budget_stops_the_judge(talk: Conversation, owner: User) -> None:
    with pytest.raises(PlanError, match="does not cover one call"):
        start_one_judgement(talk, owner, budget_usd=Decimal("0.0001"))
    assert not BatchJob.objects.exists()


def test_a_month_without_room_pauses_it(talk: Conversation, owner: User, worker: Worker) -> None:
    job = start_one_judgement(talk, owner)
    workspace = job.workspace
    workspace.monthly_budget_usd = Decimal("0.0001")
    workspace.save(update_fields=["monthly_budget_usd"])
    call = prepare_item(job.items.get().pk)
    assert call
    assert claim(call, worker_id=worker.pk) is None
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.PAUSED, Reason.MONTH_BUDGET)


def test_a_deleted_conversation_is_not_judged(talk: Conversation, owner: User) -> None:
    job = start_one_judgement(talk, owner)
    talk.delete()
    assert prepare_call(job.items.get().pk) is None
    item = job.items.get()
    assert (item.status, item.error_kind) == (ItemStatus.FAILED, "deleted")
    assert not GenerationLog.objects.exists()


def test_a_conversation_that_is_deleted_during_the_call_keeps_its_reply(
    talk: Conversation, owner: User, worker: Worker
) -> None:
    claimed = claim_item(start_one_judgement(talk, owner), worker)
    talk.delete()
    file_reply(claimed, make_reply(make_answer()))
    assert state_of(claimed) == (ItemStatus.FAILED, LogState.SUCCEEDED)
    assert not use_stored_reply(BatchItem.objects.get())
    assert_no_violations()


def test_deleting_a_judged_conversation_breaks_no_rule(
    talk: Conversation, owner: User, worker: Worker
) -> None:
    file_reply(claim_item(start_one_judgement(talk, owner), worker), make_reply(make_answer()))
    talk.delete()
    assert not Judgement.objects.exists()
    assert_no_violations()


def test_a_second_reply_is_surplus(talk: Conversation, owner: User, worker: Worker) -> None:
    job = start_one_judgement(talk, owner)
    first = claim_item(job, worker)
    BatchItem.objects.update(status=ItemStatus.QUEUED, token=None, current_log=None)
    BatchJob.objects.update(in_flight=0)
    second = claim_item(job, worker)
    file_reply(first, make_reply(make_answer(7)))
    file_reply(second, make_reply(make_answer(8)))
    assert [state_of(each)[1] for each in (first, second)] == [LogState.SUCCEEDED, LogState.SURPLUS]
    assert Judgement.objects.count() == 1


def test_the_reply_of_a_cancelled_item_can_be_used_later(
    talk: Conversation, owner: User, worker: Worker
) -> None:
    job = start_one_judgement(talk, owner)
    claimed = claim_item(job, worker)
    cancel(job, by=owner)
    BatchItem.objects.update(status=ItemStatus.CANCELLED)
    BatchJob.objects.update(in_flight=0)
    file_reply(claimed, make_reply(make_answer(7)))
    assert not Judgement.objects.exists()
    assert use_stored_reply(BatchItem.objects.select_related("job__rubric").get())
    assert talk.judgements.get().cost_usd == Decimal("0.012")


def test_the_reconciler_completes_an_item_whose_judgement_is_there(
    talk: Conversation, owner: User, worker: Worker
) -> None:
    job = start_one_judgement(talk, owner)
    file_reply(claim_item(job, worker), make_reply(make_answer()))
    BatchItem.objects.update(status=ItemStatus.FAILED)
    BatchJob.objects.update(completed_items=0, successful_items=0, failed_items=1)
    assert reconcile() == []
    job.refresh_from_db()
    assert (job.items.get().status, job.completed_items, job.failed_items) == (ItemStatus.COMPLETED, 1, 0)


def test_it_needs_a_text(owner: User) -> None:
    workspace = owner.personal_workspace()
    draft = make_conversation(by=owner, status=Status.DRAFT, turns=0)
    for chosen, words in (([draft], "has no text yet"), ([], "No conversation with a text")):
        with pytest.raises(PlanError, match=words):
            plan_judging(workspace, find_rubric(workspace), chosen)
