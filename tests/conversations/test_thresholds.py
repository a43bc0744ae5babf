"""The thresholds of a workspace: what they do to new conversations, and to those that wait."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from conversations.models import Conversation
from conversations.parsing import TurnDraft
from conversations.scoring import score_turns
from conversations.states import Status
from conversations.thresholds import Thresholds, change_thresholds, count_moves
from conversations.versions import edit
from lib.count_changed import CountChanged
from tests.factories import make_conversation, make_user
from workspaces.models import AuditEntry, User, Workspace

pytestmark = pytest.mark.django_db

STRICT = Thresholds(Decimal("7.0"), Decimal("9.0"))


@pytest.fixture
def user() -> User:
    return make_user()


def score_one(workspace: Workspace) -> str:
    """Four turns of three characters score 6.2."""
    said = zip(("user", "assistant") * 2, ("Hi.", "Yes", "No?", "So."), strict=True)
    turns = [TurnDraft(role, text) for role, text in said]
    found = score_turns(turns, version=None, thresholds=Thresholds.of(workspace.pk))
    assert found["quality_score"] == Decimal("6.2")
    return str(found["status"])


def test_a_new_conversation_is_routed_by_them(user: User) -> None:
    home = user.personal_workspace()
    assert Thresholds.of(home.pk) == Thresholds(Decimal("6.0"), Decimal("8.0"))
    assert score_one(home) == "pending_review"
    change_thresholds(workspace=home, wanted=Thresholds(Decimal("6.2"), Decimal("6.2")), by=user)
    assert score_one(home) == "generated"
    change_thresholds(workspace=home, wanted=Thresholds(Decimal("6.3"), Decimal("8.0")), by=user)
    assert score_one(home) == "needs_revision"
    assert score_one(make_user().personal_workspace()) == "pending_review"


ROUTES = [
    ("6.9", Status.PENDING_REVIEW, Status.NEEDS_REVISION),
    ("7.0", Status.PENDING_REVIEW, Status.PENDING_REVIEW),
    ("8.9", Status.GENERATED, Status.PENDING_REVIEW),
    ("9.0", Status.GENERATED, Status.GENERATED),
    (None, Status.PENDING_REVIEW, Status.PENDING_REVIEW),
]


def test_what_waits_is_routed_anew(user: User) -> None:
    rows = [
        (make_conversation(by=user, status=before, quality_score=score and Decimal(score)), after)
        for score, before, after in ROUTES
    ]
    home = user.personal_workspace()
    assert count_moves(home, STRICT) == 2
    assert change_thresholds(workspace=home, wanted=STRICT, by=user) == 2
    for row, after in rows:
        revision = row.revision
        row.refresh_from_db()
        assert (row.status, row.revision, row.decided_at) == (after, revision, None)
    entry = AuditEntry.objects.get(action="change")
    assert (entry.who, entry.target_id) == (user, home.pk)
    assert entry.before == {"revision_below": "6", "review_below": "8"}
    assert entry.after == {
        "revision_below": "7",
        "review_below": "9",
        "generated_to_pending_review": 1,
        "pending_review_to_needs_revision": 1,
    }
    assert count_moves(home, STRICT) == 0


@pytest.mark.parametrize("flags", [["refusal"], [{"kind": "refusal", "turn": 2, "quote": "I cannot"}]])
def test_a_hard_flag_means_review_whatever_the_score_is(user: User, flags: list[Any]) -> None:
    made = [
        make_conversation(
            by=user,
            status=Status.PENDING_REVIEW,
            quality_score=Decimal("6.5"),
            flags=stored,
            flag_count=len(stored),
        )
        for stored in (flags, ["turn_range"])
    ]
    home = user.personal_workspace()
    assert count_moves(home, STRICT) == 1
    assert change_thresholds(workspace=home, wanted=STRICT, by=user) == 1
    assert [fresh(row).status for row in made] == [Status.PENDING_REVIEW, Status.NEEDS_REVISION]


def test_what_a_person_decided_never_moves(user: User) -> None:
    kept = []
    for verb in (Conversation.approve, Conversation.reject, Conversation.send_back, Conversation.archive):
        made = make_conversation(by=user, status=Status.GENERATED, quality_score=Decimal("8.5"))
        verb(made, by=user)
        kept.append(made)
    for status in (Status.DRAFT, Status.GENERATING, Status.FAILED):
        kept.append(make_conversation(by=user, status=status, quality_score=Decimal("8.5")))
    kept.append(make_conversation(status=Status.GENERATED, quality_score=Decimal("8.5")))
    replaced = make_conversation(by=user, status=Status.GENERATED, quality_score=Decimal("8.5"))
    edit(replaced, {1: "New"}, by=user).approve(by=user)
    replaced.refresh_from_db()
    before = [(row.status, row.updated_at) for row in map(fresh, [*kept, replaced])]
    assert count_moves(user.personal_workspace(), STRICT) == 0
    assert change_thresholds(workspace=user.personal_workspace(), wanted=STRICT, by=user) == 0
    assert [(row.status, row.updated_at) for row in map(fresh, [*kept, replaced])] == before


def fresh(row: Conversation) -> Conversation:
    return Conversation.objects.get(pk=row.pk)


def test_a_confirmed_number_that_is_not_true_any_more(user: User) -> None:
    make_conversation(by=user, status=Status.GENERATED, quality_score=Decimal("8.5"))
    home = user.personal_workspace()
    with pytest.raises(CountChanged, match="1 conversation now"):
        change_thresholds(workspace=home, wanted=STRICT, by=user, count=0)
    assert Thresholds.of(home.pk) != STRICT
    assert Conversation.objects.get().status == Status.GENERATED
    assert change_thresholds(workspace=home, wanted=STRICT, by=user, count=1) == 1


def test_the_same_again_is_not_recorded(user: User) -> None:
    home = user.personal_workspace()
    assert change_thresholds(workspace=home, wanted=Thresholds.of(home.pk), by=user) == 0
    assert not AuditEntry.objects.filter(action="change").exists()


@pytest.mark.parametrize("wanted", [("8.1", "8.0"), ("-0.1", "8.0"), ("6.0", "10.1")])
def test_the_database_keeps_them_in_order(user: User, wanted: tuple[str, str]) -> None:
    low, high = map(Decimal, wanted)
    rows = Workspace.objects.filter(pk=user.personal_workspace().pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(revision_below=low, review_below=high)
