"""One person's queue: what is in it, in which order, and what is taken back."""

import pytest

from conversations import versions
from conversations.models import Conversation
from conversations.queue import QueueOrder
from conversations.states import Status
from review.actions import CommentError, assign, comment, find_holder, release_lock, skip, take_lock
from review.models import Comment, Lock
from review.queue import Queue, count_today, find_last_decision, find_queue
from tests.factories import make_conversation, make_user
from workspaces.models import ClockTimestamp, Membership, User

pytestmark = pytest.mark.django_db


def make_three(owner: User) -> list[Conversation]:
    """Undecided, the one with the lowest score last."""
    return [
        make_conversation(by=owner, status=Status.GENERATED, quality_score=score, turns=["Hi?", "Hello."])
        for score in ("9.0", "8.0", "7.0")
    ]


def queue_of(user: User, order: QueueOrder = QueueOrder.OLDEST, *, mine: bool = False) -> Queue:
    return find_queue(user, Conversation.objects.all(), order=order, mine=mine)


def join(owner: User, role: Membership.Role) -> User:
    other = make_user()
    Membership.objects.create(workspace=owner.personal_workspace(), user=other, role=role)
    return other


def test_orders_and_neighbours(owner: User) -> None:
    first, second, third = make_three(owner)
    assert queue_of(owner).find_first() == first
    assert queue_of(owner, QueueOrder.LOWEST).find_first() == third
    assert queue_of(owner).find_next(first) == second
    assert queue_of(owner).find_previous(second) == first
    assert queue_of(owner).find_next(third) == first, "behind the last comes the first"
    assert queue_of(owner).count() == (3, False)
    second.approve(by=owner)
    assert queue_of(owner).find_next(second) == third, "a decided one still has its place"
    assert queue_of(owner).find_next(first) == third


def test_flagged_ones_come_first(owner: User) -> None:
    _, second, _ = make_three(owner)
    Conversation.objects.filter(pk=second.pk).update(flag_count=2)
    assert queue_of(owner, QueueOrder.FLAGGED).find_first() == second


def test_only_reviewers_have_a_queue(owner: User) -> None:
    make_three(owner)
    assert queue_of(join(owner, Membership.Role.REVIEWER)).count() == (3, False)
    assert queue_of(join(owner, Membership.Role.VIEWER)).count() == (0, False)
    assert queue_of(make_user()).find_first() is None


def test_what_somebody_has_open_is_passed_by(owner: User) -> None:
    first, second, _ = make_three(owner)
    other = join(owner, Membership.Role.REVIEWER)
    assert take_lock(first, user=owner)
    assert not take_lock(first, user=other)
    assert queue_of(other).find_first() == second
    assert queue_of(owner).find_first() == first
    holder = find_holder(first, user=other)
    assert holder is not None
    assert holder.user == owner
    release_lock(first, user=owner)
    assert take_lock(first, user=other)
    assert Lock.objects.count() == 1


def test_a_lock_ends_by_itself(owner: User) -> None:
    first, _, _ = make_three(owner)
    other = join(owner, Membership.Role.REVIEWER)
    take_lock(first, user=owner)
    Lock.objects.update(expires_at=ClockTimestamp())
    assert find_holder(first, user=other) is None
    assert queue_of(other).find_first() == first
    assert take_lock(first, user=other)


def test_a_skipped_one_comes_after_all_others_for_that_person_alone(owner: User) -> None:
    first, second, third = make_three(owner)
    other = join(owner, Membership.Role.REVIEWER)
    skip(first, user=owner)
    skip(first, user=owner)
    assert queue_of(owner).find_first() == second
    assert queue_of(other).find_first() == first
    assert queue_of(owner).count() == (3, False)
    second.approve(by=owner)
    assert queue_of(owner).find_next(third) == first, "behind the last one comes what was skipped"
    third.approve(by=owner)
    assert queue_of(owner).find_first() == first
    assert queue_of(owner).find_next(first) is None


def test_assigned_ones(owner: User) -> None:
    _, second, _ = make_three(owner)
    assign(second, to=owner, by=owner)
    assert queue_of(owner, mine=True).find_first() == second
    assert queue_of(owner, mine=True).count() == (1, False)
    edited = versions.edit(second, {2: "Good day."}, by=owner)
    assert queue_of(owner, mine=True).find_first() == edited, "the chain is assigned, not the version"
    assign(edited, to=None, by=owner)
    assert queue_of(owner, mine=True).find_first() is None


def test_the_last_decision_is_what_undo_takes_back(owner: User) -> None:
    first, second, _ = make_three(owner)
    assert find_last_decision(owner) is None
    first.approve(by=owner)
    second.reject(by=owner)
    last = find_last_decision(owner)
    assert last is not None
    assert last.conversation == second
    last.conversation.undo(last, by=owner)
    before = find_last_decision(owner)
    assert before is not None
    assert before.conversation == first
    assert (count_today(owner).decided, count_today(owner).approved) == (1, 1)


def test_a_comment_names_version_turn_and_text(owner: User) -> None:
    first, _, _ = make_three(owner)
    made = comment(first, turn=2, text="  Is this so? ", by=owner)
    assert (made.quote, made.text, made.root_id, made.conversation_id) == (
        "Hello.",
        "Is this so?",
        first.pk,
        first.pk,
    )
    edited = versions.edit(first, {1: "Hey?"}, by=owner)
    assert list(Comment.objects.of_chain(edited)) == [made]


@pytest.mark.parametrize(
    ("turn", "text", "message"),
    [(2, "  ", "Write a comment"), (9, "x", "Turn 9 does not exist"), (2, "x" * 5001, "at most 5,000")],
)
def test_what_is_no_comment(owner: User, turn: int, text: str, message: str) -> None:
    with pytest.raises(CommentError, match=message):
        comment(make_three(owner)[0], turn=turn, text=text, by=owner)
