"""The thresholds of a workspace: what they do to new conversations, and to those that wait."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from conversations.jobs import reroute
from conversations.models import Conversation
from conversations.parsing import TurnDraft
from conversations.scoring import score_turns
from conversations.states import Status
from conversations.thresholds import Thresholds, change_thresholds, count_marks, count_moves
from conversations.versions import edit
from lib.count_changed import CountChanged
from tests.factories import make_conversation, make_user
from tests.support.background import run
from workspaces.models import AuditEntry, User, Workspace

pytestmark = pytest.mark.django_db

STRICT = Thresholds(Decimal("7.0"), Decimal("9.0"))


@pytest.fixture
def user() -> User:
    return make_user()


def change(user: User, wanted: Thresholds, *, count: int | None = None) -> int:
    """Change them as the owner, run the job, and return how many have moved."""
    job = change_thresholds(workspace=user.personal_workspace(), wanted=wanted, by=user, count=count)
    return 0 if job is None else int(run(job).result["moved"])


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
    change(user, Thresholds(Decimal("6.2"), Decimal("6.2")))
    assert score_one(home) == "generated"
    change(user, Thresholds(Decimal("6.3"), Decimal("8.0")))
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
    assert change(user, STRICT) == 2
    for row, after in rows:
        revision = row.revision
        row.refresh_from_db()
        assert (row.status, row.revision, row.decided_at) == (after, revision, None)
    entry = AuditEntry.objects.get(action="change")
    assert (entry.who, entry.target_id) == (user, home.pk)
    assert entry.before == {"revision_below": "6", "review_below": "8"}
    assert entry.after == {"revision_below": "7", "review_below": "9", "to_move": 2}
    history = {each.target_id: each for each in AuditEntry.objects.filter(action="route")}
    assert history.keys() == {rows[0][0].pk, rows[2][0].pk}
    assert history[rows[2][0].pk].before == {"status": "generated"}
    assert history[rows[2][0].pk].after == {"status": "pending_review", "score": "8.9"}
    assert {each.who for each in history.values()} == {user}
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
    assert change(user, STRICT) == 1
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
    edited = edit(replaced, {1: "New"}, by=user)
    edited.approve(by=user)
    replaced.refresh_from_db()
    before = [(row.status, row.revision) for row in map(fresh, [*kept, replaced])]
    assert count_moves(user.personal_workspace(), STRICT) == 0
    assert change(user, STRICT) == 0
    assert [(row.status, row.revision) for row in map(fresh, [*kept, replaced])] == before
    marked = Conversation.objects.filter(flagged_since_decision=True)
    assert set(marked) == {kept[0], edited}, "the approved ones have fallen below a new score"


def test_an_approval_that_falls_below_a_raised_score_is_marked(user: User) -> None:
    """It stays approved. One that was below before, or that has a hard flag, tells nothing new."""
    made = {}
    for score in ("9.0", "8.9", "7.9", "6.9", "5.9"):
        made[score] = make_conversation(by=user, quality_score=Decimal(score))
        made[score].approve(by=user)
    hard = make_conversation(by=user, quality_score=Decimal("8.5"), flags=["refusal"], flag_count=1)
    hard.approve(by=user)
    home = user.personal_workspace()
    assert (count_moves(home, STRICT), count_marks(home, STRICT)) == (0, 2)
    job = change_thresholds(workspace=home, wanted=STRICT, by=user)
    assert job is not None
    assert job.name == "Mark 2 approved conversations below changed thresholds"
    assert (run(job).done, job.total) == (2, 2)
    assert set(Conversation.objects.flagged_since_decision()) == {made["8.9"], made["6.9"]}
    assert set(Conversation.objects.values_list("status", flat=True)) == {Status.APPROVED}
    assert not AuditEntry.objects.filter(action="route").exists()


def test_many_are_moved_in_steps(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reroute, "AT_ONCE", 2)
    for _ in range(5):
        make_conversation(by=user, status=Status.GENERATED, quality_score=Decimal("8.5"))
    job = change_thresholds(workspace=user.personal_workspace(), wanted=STRICT, by=user)
    assert job is not None
    found = run(job)
    assert (found.status, found.done, found.total) == ("completed", 5, 5)
    assert set(Conversation.objects.values_list("status", flat=True)) == {Status.PENDING_REVIEW}


def test_a_decision_made_before_the_job_runs_stands(user: User) -> None:
    made = make_conversation(by=user, status=Status.GENERATED, quality_score=Decimal("8.5"))
    job = change_thresholds(workspace=user.personal_workspace(), wanted=STRICT, by=user)
    made.approve(by=user)
    assert job is not None
    assert run(job).result == {"moved": 0, "flagged_since_decision": 1}
    assert fresh(made).status == Status.APPROVED


def fresh(row: Conversation) -> Conversation:
    return Conversation.objects.get(pk=row.pk)


def test_a_confirmed_number_that_is_not_true_any_more(user: User) -> None:
    make_conversation(by=user, status=Status.GENERATED, quality_score=Decimal("8.5"))
    home = user.personal_workspace()
    with pytest.raises(CountChanged, match="1 conversation now"):
        change(user, STRICT, count=0)
    assert Thresholds.of(home.pk) != STRICT
    assert Conversation.objects.get().status == Status.GENERATED
    assert change(user, STRICT, count=1) == 1


def test_the_same_again_is_not_recorded(user: User) -> None:
    home = user.personal_workspace()
    assert change(user, Thresholds.of(home.pk)) == 0
    assert not AuditEntry.objects.filter(action="change").exists()


@pytest.mark.parametrize("wanted", [("8.1", "8.0"), ("-0.1", "8.0"), ("6.0", "10.1")])
def test_the_database_keeps_them_in_order(user: User, wanted: tuple[str, str]) -> None:
    low, high = map(Decimal, wanted)
    rows = Workspace.objects.filter(pk=user.personal_workspace().pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(revision_below=low, review_below=high)
