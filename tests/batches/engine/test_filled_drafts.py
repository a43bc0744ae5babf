"""Drafts of conversations that a batch fills: the row and its ids stay, and its status goes with its item."""

import pytest

from batches.actions.controls import retry_failed
from batches.actions.drafts import save_draft
from batches.actions.jobs import cancel, start_batch
from batches.actions.starting import start_draft
from batches.engine.calls import prepare_item
from batches.engine.claim import claim
from batches.engine.generate import prepare_call
from batches.engine.retry import fail, handle_error, release
from batches.models import BatchJob, GenerationLog, Worker
from batches.models.states import ErrorHandling, ItemStatus, Priority
from batches.planning.sources.chosen import chosen_plan
from claude.errors import Busy
from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_template
from tests.support.steps import claim_item, file_reply, state_of
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(owner: User) -> Conversation:
    home = owner.personal_workspace()
    return make_conversation(
        workspace=home,
        by=None,
        status=Status.DRAFT,
        turns=0,
        topic="rent",
        parameters={"topic": "rent"},
        template_version=make_template(workspace=home).versions.get(),
    )


def start(draft: Conversation, by: User) -> BatchJob:
    plan = chosen_plan(draft.workspace, [draft.pk])
    return start_batch(workspace=draft.workspace, plan=plan, by=by, name="Filled")


@pytest.fixture
def filling(owner: User, draft: Conversation) -> BatchJob:
    return start(draft, owner)


def read(draft: Conversation) -> Conversation:
    return Conversation.objects.get(pk=draft.pk)


def test_the_item_has_the_draft_s_human_id_and_a_start_changes_nothing(
    filling: BatchJob, draft: Conversation
) -> None:
    item = filling.items.get()
    assert (item.fills, item.conversation_id) == (draft.pk, draft.conversation_id)
    assert read(draft).status == Status.DRAFT


def test_a_plan_that_was_saved_first_fills_it_too(draft: Conversation, owner: User) -> None:
    plan = chosen_plan(draft.workspace, [draft.pk])
    recipe = {"kind": "chosen", "conversations": [str(draft.pk)]}
    saved = save_draft(workspace=draft.workspace, plan=plan, by=owner, name="Saved", recipe=recipe)
    started = start_draft(
        saved,
        revision=saved.plan_revision,
        by=owner,
        name="",
        concurrency=1,
        error_handling=ErrorHandling.CONTINUE,
        priority=Priority.NORMAL,
        budget_usd=None,
    )
    item = started.items.get()
    assert (item.fills, item.conversation_id) == (draft.pk, draft.conversation_id)


def test_a_claim_moves_the_draft_and_filing_fills_it(
    filling: BatchJob, draft: Conversation, worker: Worker
) -> None:
    claimed = claim_item(filling, worker)
    assert read(draft).status == Status.GENERATING
    file_reply(claimed)
    made = read(draft)
    assert made.status in {Status.GENERATED, Status.PENDING_REVIEW, Status.NEEDS_REVISION}
    assert (made.conversation_id, made.batch_item_id) == (draft.conversation_id, claimed.call.item_id)
    assert made.turns.count() == made.turn_count > 0
    assert (made.origin_job_id, made.is_head, made.version) == (filling.pk, True, 1)
    assert GenerationLog.objects.get().conversation_id == draft.pk
    assert Conversation.objects.count() == 1
    assert state_of(claimed)[0] == ItemStatus.COMPLETED


def test_a_final_failure_is_failed_and_a_retry_goes_on(
    filling: BatchJob, draft: Conversation, worker: Worker, owner: User
) -> None:
    fail(claim_item(filling, worker), kind="declined", message="No.")
    assert read(draft).status == Status.FAILED
    filling.refresh_from_db()
    retry_failed(filling, by=owner)
    file_reply(claim_item(filling, worker))
    assert read(draft).turn_count > 0
    assert Conversation.objects.count() == 1


def test_between_two_attempts_it_stays_with_its_item(
    filling: BatchJob, draft: Conversation, worker: Worker
) -> None:
    handle_error(claim_item(filling, worker), Busy("Away.", kind="server_error", costs_attempt=True))
    assert read(draft).status == Status.GENERATING
    filling.items.update(run_after=None)
    file_reply(claim_item(filling, worker))
    assert read(draft).turn_count > 0


def test_a_cancelled_batch_gives_it_back(
    filling: BatchJob, draft: Conversation, worker: Worker, owner: User
) -> None:
    release(claim_item(filling, worker))
    cancel(filling, by=owner)
    after = read(draft)
    assert (after.status, after.batch_item_id) == (Status.DRAFT, None)
    again = start(after, owner)
    file_reply(claim_item(again, worker))
    assert read(draft).turn_count > 0


def test_what_is_in_flight_when_its_batch_is_cancelled(
    filling: BatchJob, draft: Conversation, worker: Worker, owner: User
) -> None:
    claimed = claim_item(filling, worker)
    cancel(filling, by=owner)
    assert read(draft).status == Status.GENERATING
    release(claimed)
    assert read(draft).status == Status.DRAFT


def test_two_batches_that_name_one_draft(
    filling: BatchJob, draft: Conversation, worker: Worker, owner: User
) -> None:
    other = start(draft, owner)
    late = prepare_item(other.items.get().pk)  # before the first batch takes it
    assert late is not None
    file_reply(claim_item(filling, worker))
    assert claim(late, worker_id=worker.pk) is None
    assert prepare_call(other.items.get().pk) is None
    item = other.items.get()
    assert (item.status, item.error_kind) == (ItemStatus.FAILED, "deleted")
    assert "is no draft any more" in item.error_message
    assert GenerationLog.objects.count() == 1


@pytest.mark.parametrize("how", ["deleted", "archived"])
def test_a_draft_that_is_gone_is_not_asked_for(
    filling: BatchJob, draft: Conversation, owner: User, how: str
) -> None:
    if how == "deleted":
        draft.delete()
    else:
        read(draft).archive(by=owner)
    assert prepare_call(filling.items.get().pk) is None
    assert filling.items.get().status == ItemStatus.FAILED
    assert not GenerationLog.objects.exists()


def test_a_draft_that_is_deleted_during_the_call(
    filling: BatchJob, draft: Conversation, worker: Worker
) -> None:
    claimed = claim_item(filling, worker)
    draft.delete()
    file_reply(claimed)
    assert state_of(claimed) == ("failed", "succeeded")
    assert not Conversation.objects.exists()
