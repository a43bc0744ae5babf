"""Decisions are added and never changed: what undoing restores, and what comes too late."""

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from django.db.utils import DatabaseError

from conversations import versions
from conversations.models import Conversation, Decision
from conversations.states import ReasonCode, Status
from lib.stale_state import StaleRevision, StaleState, Superseded
from tests.factories import make_conversation, make_user

pytestmark = pytest.mark.django_db


def newest(conversation: Conversation) -> Decision:
    found: Decision | None = Decision.objects.of_chain(conversation.root_id).first()
    assert found is not None
    return found


def test_a_decision_leaves_the_queue_and_says_who_and_why() -> None:
    anna = make_user(username="anna", email="anna@example.org")
    made = make_conversation(status=Status.PENDING_REVIEW)
    assert list(Conversation.objects.undecided()) == [made]
    made.reject(by=anna, note="Wrong rate", reasons=[ReasonCode.INACCURATE], on_behalf_of="Reviewer 3")
    assert not Conversation.objects.undecided().exists()
    said = newest(made)
    assert (said.from_status, said.to_status, said.note) == ("pending_review", "rejected", "Wrong rate")
    assert (said.who_name, said.on_behalf_of, said.reasons) == (
        "anna@example.org",
        "Reviewer 3",
        ["inaccurate"],
    )
    assert (made.revision, said.revision) == (1, 1)


def test_what_is_sent_back_is_to_be_fixed_and_not_in_the_queue() -> None:
    """A machine gave it that status already; the person's decision is one all the same."""
    made = make_conversation(status=Status.NEEDS_REVISION)
    assert Conversation.objects.undecided().contains(made)
    assert not Conversation.objects.to_fix().exists()
    made.send_back(by=make_user(), note="Shorter, please")
    assert not Conversation.objects.undecided().exists()
    assert list(Conversation.objects.to_fix()) == [made]


def test_undo_of_undo_does_it_again() -> None:
    anna = make_user(username="anna")
    made = make_conversation(status=Status.GENERATED)
    made.approve(by=anna, note="Good")
    approved_at = made.approved_at
    made.undo(newest(made), by=anna)
    made.refresh_from_db()
    assert (made.status, made.approved_by, made.approved_at, made.decided_at) == (
        "generated",
        None,
        None,
        None,
    )
    assert Conversation.objects.undecided().contains(made)
    made.undo(newest(made), by=anna)
    made.refresh_from_db()
    assert (made.status, made.approved_by, made.approved_at) == ("approved", anna, approved_at)
    assert (made.revision, Decision.objects.count()) == (3, 3)
    assert [each.undoes_id is not None for each in Decision.objects.newest_first()] == [True, True, False]


def test_undoing_a_rejection_gives_the_approval_back() -> None:
    anna, bert = make_user(username="anna"), make_user(username="bert")
    made = make_conversation(status=Status.GENERATED)
    made.approve(by=anna)
    made.reject(by=bert)
    made.undo(newest(made), by=bert)
    made.refresh_from_db()
    assert (made.status, made.approved_by) == ("approved", anna)


def test_only_the_newest_decision_can_be_undone() -> None:
    made = make_conversation(status=Status.GENERATED)
    made.approve(by=None)
    first = newest(made)
    made.reject(by=None)
    with pytest.raises(StaleRevision):
        made.undo(first, by=None)
    assert made.status == Status.REJECTED


def test_an_edit_keeps_an_earlier_decision_from_being_undone() -> None:
    made = make_conversation(status=Status.GENERATED, turns=["a", "b"])
    made.approve(by=None)
    decision = newest(made)
    versions.edit(made, {2: "c"}, by=None)
    made.refresh_from_db()
    with pytest.raises(Superseded):
        made.undo(decision, by=None)


def test_what_one_may_undo() -> None:
    anna, bert = make_user(username="anna"), make_user(username="bert")
    own, other, again = (make_conversation(status=Status.GENERATED) for _ in range(3))
    own.approve(by=anna)
    other.approve(by=bert)
    again.approve(by=anna)
    again.reject(by=bert)
    assert [each.conversation_id for each in Decision.objects.can_be_undone_by(anna)] == [own.pk]
    own.undo(newest(own), by=anna)
    assert not Decision.objects.can_be_undone_by(anna).exists()


def test_a_decision_about_what_has_changed_meanwhile_is_refused() -> None:
    made = make_conversation(status=Status.GENERATED)
    seen = Conversation.objects.get(pk=made.pk)
    made.approve(by=None)
    made.undo(newest(made), by=None)  # the status is the same again, the revision is not
    with pytest.raises(StaleRevision, match="since you opened it"):
        seen.reject(by=None)
    with pytest.raises(StaleRevision):
        made.reject(by=None, revision=0)
    made.approve(by=None)
    with pytest.raises(StaleState, match="approved"):
        Conversation(pk=seen.pk, status=Status.GENERATED, revision=0).reject(by=None)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE conversation_decisions SET note = 'other'",
        "UPDATE conversation_decisions SET to_status = 'approved'",
    ],
)
def test_a_decision_cannot_be_changed(change: str) -> None:
    make_conversation(status=Status.GENERATED).reject(by=None, note="because")
    with (
        pytest.raises((IntegrityError, InternalError, DatabaseError)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)


def test_the_name_of_a_person_who_has_gone_stays() -> None:
    anna = make_user(username="anna", email="")
    made = make_conversation(status=Status.GENERATED)
    made.reject(by=anna)
    Decision.objects.update(created_by=None)
    assert (newest(made).created_by, newest(made).who_name) == (None, "anna")


def test_decisions_go_with_a_conversation_that_is_deleted_for_good() -> None:
    made = make_conversation(status=Status.GENERATED)
    made.reject(by=None)
    made.undo(newest(made), by=None)
    made.delete()
    assert not Decision.objects.exists()
