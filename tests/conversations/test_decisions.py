"""What the history says of decisions about a conversation."""

import pytest

from conversations.bulk import decide_chosen
from conversations.history import read_conversation_history
from conversations.models import Conversation
from conversations.states import BulkAction, Status
from conversations.versions import edit
from tests.factories import make_conversation, make_user
from workspaces.models import AuditEntry, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("decide", [Conversation.reject, Conversation.send_back])
def test_taking_an_approval_back_says_who_had_approved(decide: object) -> None:
    first, second = make_user(username="anna", email=""), make_user(username="bert", email="")
    made = make_conversation(status=Status.GENERATED)
    made.approve(by=first)
    stale = Conversation.objects.get(pk=made.pk)
    decide(stale, by=second)  # type: ignore[operator]
    newest, approval = read_conversation_history(made)
    assert newest.details == "was approved by: anna"
    assert newest.sentence.startswith("bert ")
    assert approval.sentence.startswith("anna approved")
    stale.refresh_from_db()
    assert (stale.approved_by, stale.approved_at) == (None, None)


def test_archiving_an_approved_one_says_it_too() -> None:
    made = make_conversation(status=Status.GENERATED)
    made.approve(by=make_user(username="anna", email="anna@example.org"))
    made.archive(by=None)
    assert AuditEntry.objects.order_by("created_at").last().after["was_approved_by"] == "anna@example.org"  # type: ignore[union-attr]


def test_without_an_approval_nothing_is_said_of_one() -> None:
    made = make_conversation(status=Status.GENERATED)
    made.reject(by=make_user())
    (line,) = read_conversation_history(made)
    assert line.details == ""


def test_decisions_about_many_stand_in_the_history_of_each() -> None:
    owner = make_user(username="anna", email="")
    made = make_conversation(by=owner, status=Status.GENERATED)
    rows = Conversation.objects.visible_to(owner)
    decide_chosen(rows, [made.pk], BulkAction.APPROVE, by=owner)
    decide_chosen(rows, [made.pk], BulkAction.REJECT, by=owner)
    rejected, approved = read_conversation_history(made)
    assert (approved.sentence, approved.details) == ("anna approved this conversation", "")
    assert (rejected.sentence, rejected.details) == (
        "anna rejected this conversation",
        "was approved by: anna",
    )


def test_every_move_has_a_sentence() -> None:
    owner: User = make_user(username="anna", email="")
    made = make_conversation(by=owner, status=Status.GENERATED)
    made.send_back(by=owner, on_behalf_of="Reviewer 3")
    made.undo(made.decisions.get(), by=owner)
    made.archive(by=owner)
    made.restore(by=owner)
    made.write_notes("Ask Bert", by=owner)
    newest = edit(made, {1: "New"}, by=owner)
    told = [(line.sentence.removeprefix("anna "), line.details) for line in read_conversation_history(made)]
    assert told == [
        ("archived this conversation", ""),
        ("changed the reviewer notes of this conversation", "characters: 0 to 8"),
        ("restored this conversation from the archive", ""),
        ("archived this conversation", ""),
        ("took back a decision about this conversation", ""),
        ("sent this conversation back for revision", "for Reviewer 3"),
    ]
    (made_newer,) = read_conversation_history(newest)
    assert made_newer.sentence == "anna made an edited version of this conversation"
