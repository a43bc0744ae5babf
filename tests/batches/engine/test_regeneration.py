"""A regeneration in the engine: its prompt, and what becomes of its reply whatever has happened to the chain meanwhile."""

from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from batches.actions.jobs import start_batch
from batches.engine.calls import prepare_item
from batches.engine.generate import prepare_call
from batches.engine.retry import fail
from batches.engine.stored_replies import use_stored_reply
from batches.models import BatchItem, BatchJob, GenerationLog, Worker
from batches.models.states import ItemStatus, LogState
from batches.planning.sources.regenerated import plan_again
from claude.messages import Reply
from conversations import versions
from conversations.models import Conversation, Decision
from conversations.states import Source, Status
from tests.support.invariants import assert_no_violations
from tests.support.replies import make_reply
from tests.support.steps import claim_item, file_reply
from workspaces.audit import read_history
from workspaces.models import User
from workspaces.states import TargetKind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_backoff(db: None, settings: Settings) -> None:
    settings.ENGINE_BACKOFF_S = [0.0]


@pytest.fixture
def first(job: BatchJob, worker: Worker) -> Conversation:
    """A conversation of eight turns, made by the first item of a batch."""
    file_reply(claim_item(job, worker), make_talk("old"))
    return Conversation.objects.get()


def make_talk(word: str, turns: int = 8) -> Reply:
    said = [
        {"role": ("user", "assistant")[n % 2], "content": f"{word} text of turn {n + 1}. " * 4}
        for n in range(turns)
    ]
    return make_reply({"title": f"The {word} talk", "turns": said})


def start(parent: Conversation, by: User, **asked: Any) -> BatchJob:
    (item,) = plan_again([parent], **asked)
    return start_batch(
        workspace=parent.workspace, plan=[item], by=by, name="again", concurrency=1, budget_usd=Decimal(5)
    )


def texts(conversation: Conversation) -> list[str]:
    return [each.split(" ")[0] for each in conversation.turns.values_list("content", flat=True)]


def chain(first: Conversation) -> list[tuple[int, bool, str]]:
    return [(each.version, each.is_head, each.status) for each in versions.list_chain(first)]


def test_the_reply_is_the_newest_version_of_the_same_conversation(
    first: Conversation, owner: User, worker: Worker
) -> None:
    again = start(first, owner, instruction="Let her stay calm.")
    item = again.items.get()
    assert (item.kind, item.regenerates_id, item.conversation_id) == (
        "regenerate",
        first.pk,
        first.conversation_id,
    )
    file_reply(claim_item(again, worker), make_talk("new"))
    made = item.conversation
    assert (made.version, made.is_head, made.parent_id, made.root_id) == (2, True, first.pk, first.pk)
    assert (made.source, made.created_by, made.change_note) == (Source.GENERATED, owner, "Let her stay calm.")
    assert (made.conversation_id, made.origin_job_id) == (first.conversation_id, first.origin_job_id)
    assert (made.title, made.actual_cost_usd, made.simulated) == ("The new talk", Decimal("0.012"), True)
    assert texts(made) == ["new"] * 8
    first.refresh_from_db()
    assert (first.status, first.is_head, texts(first)) == (Status.ARCHIVED, False, ["old"] * 8)
    assert "generated anew" in read_history(TargetKind.CONVERSATION, made.pk)[0].sentence
    assert_no_violations()


def test_it_takes_no_new_id(first: Conversation, owner: User) -> None:
    again = start(first, owner)
    other = start_batch(
        workspace=first.workspace, plan=[*plan_again([first])], by=owner, name="b", budget_usd=Decimal(5)
    )
    assert again.items.get().conversation_id == other.items.get().conversation_id == first.conversation_id


def test_the_prompt_says_what_to_change_and_what_stays(first: Conversation, owner: User) -> None:
    job = start(first, owner, instruction="Let {{her}} stay calm.", from_turn=3)
    call = prepare_item(job.items.get().pk)
    assert call
    before, _, after = call.request.prompt.partition("A new version of this conversation.")
    assert before.strip()
    assert "as version 1" in after
    assert "<instruction>\nLet {{her}} stay calm.\n</instruction>" in after
    assert after.count("old text of turn 1.") == 4
    assert "old text of turn 2." in after
    assert "old text of turn 3." not in after
    assert "from turn 3 on" in after


def test_a_failure_leaves_the_original_as_it_was(first: Conversation, owner: User, worker: Worker) -> None:
    first.approve(by=owner)
    job = start(first, owner)
    before = Conversation.objects.values().get()
    fail(claim_item(job, worker), kind="declined", message="No.")
    assert Conversation.objects.values().get() == before
    assert_no_violations()


def test_edited_meanwhile_the_edit_stays_the_newest(first: Conversation, owner: User, worker: Worker) -> None:
    job = start(first, owner)
    claimed = claim_item(job, worker)
    edit = versions.edit(first, {1: "By hand?"}, by=owner)
    file_reply(claimed, make_talk("new"))
    made = job.items.get().conversation
    edit.refresh_from_db()
    assert edit.is_head
    assert (made.version, made.is_head, made.status) == (3, False, Status.ARCHIVED)
    assert "Version 2 was made meanwhile and stays the newest" in made.change_note
    job.refresh_from_db()
    assert job.successful_items == 1
    assert_no_violations()


def test_from_a_turn_on_the_turns_before_stay_word_for_word(
    first: Conversation, owner: User, worker: Worker
) -> None:
    job = start(first, owner, from_turn=4)
    file_reply(claim_item(job, worker), make_talk("new", turns=6))
    made = job.items.get().conversation
    assert texts(made) == ["old"] * 3 + ["new"] * 3
    assert list(made.turns.values_list("content", flat=True))[:3] == [
        each.content for each in versions.read_turns(first)[:3]
    ]
    assert made.turn_count == 6


def test_a_reply_without_the_turn_is_bought_again(first: Conversation, owner: User, worker: Worker) -> None:
    job = start(first, owner, from_turn=5)
    file_reply(claim_item(job, worker), make_talk("new", turns=4))
    log = GenerationLog.objects.get(job=job)
    assert (log.state, log.error_kind) == (LogState.UNUSABLE, "failed_check")
    assert "holds no new turn 5" in log.error_message
    assert job.items.get().status == ItemStatus.QUEUED
    assert_no_violations()


def test_deleted_before_the_call_nothing_is_asked(first: Conversation, owner: User) -> None:
    job = start(first, owner)
    first.delete()
    assert prepare_call(job.items.get().pk) is None
    item = job.items.get()
    assert (item.status, item.error_kind, item.regenerates_id) == (ItemStatus.FAILED, "deleted", None)
    assert not GenerationLog.objects.filter(job=job).exists()


def test_deleted_during_the_call_the_reply_is_kept_for_a_person(
    first: Conversation, owner: User, worker: Worker
) -> None:
    job = start(first, owner)
    claimed = claim_item(job, worker)
    first.delete()
    file_reply(claimed, make_talk("new"))
    item = job.items.get()
    assert (item.status, item.error_kind, Conversation.objects.count()) == (ItemStatus.FAILED, "deleted", 0)
    job.refresh_from_db()
    assert (job.spent, job.reserved, job.failed_items) == (Decimal("0.012"), Decimal(0), 1)
    assert_no_violations()
    assert use_stored_reply(item)
    made = Conversation.objects.get()
    assert (made.version, made.is_head, made.conversation_id) == (1, True, item.conversation_id)
    assert_no_violations()


def test_with_only_its_parent_deleted_it_stays_beside_the_newest(
    first: Conversation, owner: User, worker: Worker
) -> None:
    second = versions.edit(first, {1: "By hand?"}, by=owner)
    job = start(second, owner, from_turn=3)
    claimed = claim_item(job, worker)
    second.delete()
    file_reply(claimed, make_talk("new"))
    made = job.items.get().conversation
    assert (made.is_head, made.parent_id, texts(made)) == (False, first.pk, ["new"] * 8)
    assert "has been deleted meanwhile" in made.change_note
    assert_no_violations()


def test_what_was_approved_is_told_to_be_replaced(first: Conversation, owner: User, worker: Worker) -> None:
    first.approve(by=owner)
    job = start(first, owner)
    file_reply(claim_item(job, worker), make_talk("new"))
    newest = Decision.objects.of_chain(first.pk)[0]
    assert (newest.from_status, newest.to_status, newest.created_by) == ("approved", "archived", owner)
    assert newest.note == "Replaced by version 2."


def test_a_chain_of_ten(first: Conversation, owner: User, worker: Worker) -> None:
    head = first
    for number in range(2, 11):
        job = start(head, owner)
        file_reply(claim_item(job, worker), make_talk(f"v{number}"))
        head = job.items.get().conversation
    assert chain(first) == [(n, n == 10, Status.ARCHIVED if n < 10 else head.status) for n in range(1, 11)]
    back = versions.bring_back(versions.list_chain(first)[2], by=owner)
    assert (back.version, back.is_head, texts(back)) == (11, True, ["v3"] * 8)
    assert BatchItem.objects.filter(kind="regenerate").count() == 9
    assert_no_violations()
