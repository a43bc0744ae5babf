"""What the history says of decisions about a conversation."""

import pytest

from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_user
from workspaces.audit import read_history
from workspaces.models import AuditEntry
from workspaces.states import TargetKind

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("decide", [Conversation.reject, Conversation.send_back])
def test_taking_an_approval_back_says_who_had_approved(decide: object) -> None:
    first, second = make_user(username="anna", email=""), make_user(username="bert", email="")
    made = make_conversation(status=Status.GENERATED)
    made.approve(by=first)
    stale = Conversation.objects.get(pk=made.pk)
    decide(stale, by=second)  # type: ignore[operator]
    newest, approval = read_history(TargetKind.CONVERSATION, made.pk)
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
    (line,) = read_history(TargetKind.CONVERSATION, made.pk)
    assert line.details == ""
