"""The orders of the review queue, and which conversation is next and previous in them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product

import pytest

from conversations.models import Conversation, ConversationQuerySet
from conversations.queue import COLUMNS, QueueOrder, list_after, list_before, order_queue
from conversations.states import Status
from tests.factories import make_conversation, make_user

pytestmark = pytest.mark.django_db
each_order = pytest.mark.parametrize("order", list(QueueOrder))
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def rows() -> ConversationQuerySet:
    """Every combination of flags, score (or none) and two moments, each of these twice."""
    owner = make_user()
    scores = (None, Decimal("5.0"), Decimal("9.5"))
    for flags, score, hour, _ in product((0, 2), scores, (0, 1), (0, 1)):
        made = make_conversation(by=owner, status=Status.PENDING_REVIEW)
        Conversation.objects.filter(pk=made.pk).update(
            flag_count=flags, quality_score=score, created_at=START + timedelta(hours=hour)
        )
    return Conversation.objects.visible_to(owner).undecided()


@each_order
def test_next_and_previous_walk_the_order(rows: ConversationQuerySet, order: QueueOrder) -> None:
    ordered = list(order_queue(rows, order))
    assert len(ordered) == 24
    for first, second in pairwise(ordered):
        assert list_after(rows, order, first) == [second]
        assert list_before(rows, order, second) == [first]
    assert list_after(rows, order, ordered[-1]) == []
    assert list_before(rows, order, ordered[0]) == []


@each_order
def test_several_come_nearest_first(rows: ConversationQuerySet, order: QueueOrder) -> None:
    ordered = list(order_queue(rows, order))
    assert list_after(rows, order, ordered[0], most=30) == ordered[1:]
    assert list_before(rows, order, ordered[10], most=4) == ordered[9:5:-1]
    assert list_after(rows, order, ordered[0], most=0) == []


@each_order
def test_one_that_was_decided_still_has_a_place(rows: ConversationQuerySet, order: QueueOrder) -> None:
    before, decided, after = list(order_queue(rows, order))[3:6]
    decided.reject(by=None)
    assert list_after(rows, order, decided) == [after]
    assert list_before(rows, order, decided) == [before]


def test_the_orders(rows: ConversationQuerySet) -> None:
    first = {order: order_queue(rows, order)[0] for order in QueueOrder}
    assert (first[QueueOrder.FLAGGED].flag_count, first[QueueOrder.FLAGGED].quality_score) == (2, 5)
    assert first[QueueOrder.LOWEST].quality_score == 5
    assert first[QueueOrder.OLDEST].created_at == START
    assert order_queue(rows, QueueOrder.LOWEST).last().quality_score is None  # type: ignore[union-attr]
    assert set(COLUMNS) == set(QueueOrder)
