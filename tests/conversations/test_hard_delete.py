"""A conversation is deleted for good: with its turns and later versions, and without what was paid for it."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from batches.engine.invariants import violations
from batches.engine.worker_registry import register
from batches.models import BatchItem, GenerationLog
from batches.models.states import ItemStatus
from conversations.models import Conversation, Turn
from lorapipe.queues import Queue
from tests.factories import make_conversation
from tests.support.jobs import start_starter_job
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = pytest.mark.django_db


def make_chain(owner: User) -> list[Conversation]:
    """Three versions, each with turns and made from the one before."""
    chain: list[Conversation] = []
    for version in (1, 2, 3):
        more: dict[str, Any] = (
            {"root_id": chain[0].pk, "parent": chain[-1], "version": version} if chain else {}
        )
        Conversation.objects.filter(pk__in=[each.pk for each in chain]).update(
            is_head=False, status="archived"
        )
        chain.append(make_conversation(workspace=owner.personal_workspace(), turns=["a", "b"], **more))
    return chain


def test_turns_go_and_money_stays(owner: User, starter_pack: None) -> None:
    job = start_starter_job(owner, limit=3)
    file_reply(claim_item(job, register(queues=[Queue.GENERATION], slots=8)))
    made = Conversation.objects.get()
    paid = GenerationLog.objects.get(conversation=made)
    made.delete()
    assert not Conversation.objects.exists()
    assert not Turn.objects.exists()
    paid.refresh_from_db()
    assert paid.conversation_id is None
    assert paid.cost_usd > 0
    job.refresh_from_db()
    assert (job.spent, job.completed_items) == (paid.cost_usd, 1)
    item = BatchItem.objects.get(job=job, status=ItemStatus.COMPLETED)
    assert item.conversation_deleted_at is not None
    assert violations() == []


def test_a_later_version_goes_alone(owner: User) -> None:
    first, second, third = make_chain(owner)
    second.delete()
    third.refresh_from_db()
    assert (third.parent_id, third.root_id) == (None, first.pk)
    assert Turn.objects.count() == 4


def test_a_first_version_takes_its_chain_along(owner: User) -> None:
    kept = make_chain(owner)[0]
    first = make_chain(owner)[0]
    Conversation.objects.filter(pk=first.pk).delete()
    assert set(Conversation.objects.values_list("root", flat=True)) == {kept.pk}
    assert (Conversation.objects.count(), Turn.objects.count()) == (3, 6)


def test_the_database_does_it_alone(owner: User, starter_pack: None) -> None:
    """By SQL, without Django: nothing is left over, and no log row is lost."""
    job = start_starter_job(owner, limit=3)
    file_reply(claim_item(job, register(queues=[Queue.GENERATION], slots=8)))
    make_chain(owner)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM conversations WHERE version = 1")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert (Conversation.objects.count(), Turn.objects.count()) == (0, 0)
    log = GenerationLog.objects.get()
    assert (log.conversation_id, log.cost_usd > Decimal(0)) == (None, True)


def test_the_version_before_a_deleted_newest_one_becomes_the_newest(owner: User) -> None:
    first, second, third = make_chain(owner)
    third.delete()
    assert Conversation.objects.get(is_head=True) == second
    assert set(Conversation.objects.values_list("pk", flat=True)) == {first.pk, second.pk}
