"""Scoring again: what changes, what stays, what is recorded, and which conversations are meant."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from background.models import BackgroundJob
from conversations.bulk import TooMany
from conversations.jobs import rescore
from conversations.jobs.rescore import start_rescore
from conversations.models import Conversation
from conversations.quality import SCORER_VERSION
from conversations.states import Status
from conversations.thresholds import Thresholds, change_thresholds
from conversations.versions import edit
from tests.factories import make_conversation, make_member, make_user
from tests.support.background import run, run_open_jobs
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db

CLEAN = [
    "Could you tell me how a pension at fifty-five works for somebody like me, who has changed jobs three times?",
    "Of course. First we look at the three funds you have paid into, and at the rules of each of them on early age.",
    "My first employer has closed, and I have no papers of those seven years. Is that money lost to me now?",
    "It is not lost. A register names the fund that took over, and with your number they find the account quickly.",
    "That is a relief. What should I bring along when we meet on Tuesday, and how long will it take us?",
    "Bring the last statement of each fund and your passport. An hour is enough to see where you stand today.",
    "And if I find that I would rather work two more years, does anything that we set up now stand in my way?",
    "Nothing does. You may move the date once each spring, and the amounts are worked out again for you then.",
]
REFUSAL = [*CLEAN[:-1], "I'm sorry, but I can't help with that request."]


def make(owner: User, texts: list[str], **fields: Any) -> Conversation:
    given = {"status": Status.GENERATED, "quality_score": Decimal("10.0"), **fields}
    return make_conversation(by=owner, turns=texts, **given)


def rescored(owner: User, *rows: Conversation) -> BackgroundJob:
    """Run it over the whole workspace; the rows are as they are afterwards."""
    job = run(start_rescore(workspace=owner.personal_workspace(), by=owner))
    assert job.status == "completed", job.error
    for row in rows:
        row.refresh_from_db()
    return job


def test_a_conversation_of_before_the_flags_gets_all_of_it(owner: User) -> None:
    old = make(owner, CLEAN, bands=None, quality_metrics={})
    job = rescored(owner, old)
    assert (old.status, old.quality_score, old.flags) == (Status.GENERATED, Decimal("10.0"), [])
    assert len(old.bands or []) == 32
    assert old.quality_metrics["scorer"] == SCORER_VERSION
    assert old.compared_at is not None
    assert (job.done, job.total, job.result["scored"], job.result["moved"]) == (1, 1, 1, 0)
    assert not AuditEntry.objects.filter(target_id=old.pk, action="rescore").exists(), "score and status stay"


def test_near_duplicates_of_before_the_bands_are_found(owner: User) -> None:
    first, second = (make(owner, CLEAN, bands=None) for _ in range(2))
    rescored(owner, first, second)
    assert first.flags == []
    assert [flag["kind"] for flag in second.flags] == ["near_duplicate"]
    assert second.status == Status.PENDING_REVIEW


def test_what_nobody_has_decided_about_moves_and_its_history_says_so(owner: User) -> None:
    row = make(owner, REFUSAL, quality_score=Decimal("4.2"))
    job = rescored(owner, row)
    assert (row.status, row.quality_score, row.revision) == (Status.PENDING_REVIEW, Decimal("9.1"), 0)
    assert [flag["kind"] for flag in row.flags] == ["refusal"]
    entry = AuditEntry.objects.get(target_id=row.pk, action="rescore")
    assert (entry.who, entry.workspace) == (owner, owner.personal_workspace())
    assert entry.before == {"score": "4.2", "status": "generated"}
    assert entry.after == {"score": "9.1", "status": "pending_review"}
    assert (job.result["moved"], job.result["changed_scores"]) == (1, 1)


@pytest.mark.parametrize("verb", ["approve", "reject", "send_back"])
def test_a_decided_one_stays_and_is_marked(owner: User, verb: str) -> None:
    row = make(owner, REFUSAL)
    getattr(row, verb)(by=owner)
    before = (row.status, row.revision, row.decided_at, row.approved_at)
    rescored(owner, row)
    assert (row.status, row.revision, row.decided_at, row.approved_at) == before
    assert row.flagged_since_decision
    assert list(Conversation.objects.flagged_since_decision()) == [row]


def test_a_flag_that_was_known_at_the_decision_marks_nothing(owner: User) -> None:
    row = make(owner, REFUSAL, flags=[{"kind": "refusal", "turn": 8, "quote": "old"}], flag_count=1)
    row.approve(by=owner)
    rescored(owner, row)
    assert not row.flagged_since_decision


def test_an_approved_one_whose_score_sinks_below_a_threshold_is_marked(owner: User) -> None:
    approved = make(owner, ["Hi.", "Yes", "No?", "So."])
    rejected = make(owner, ["Hey", "Fine", "Oh.", "Bye"])
    approved.approve(by=owner)
    rejected.reject(by=owner)
    rescored(owner, approved, rejected)
    assert (approved.status, approved.quality_score) == (Status.APPROVED, Decimal("6.2"))
    assert approved.flagged_since_decision
    assert not rejected.flagged_since_decision


def test_after_a_changed_threshold_no_decided_row_moves(owner: User) -> None:
    """The acceptance line of issue 12."""
    rows = [make(owner, texts) for texts in (CLEAN, REFUSAL, CLEAN[:4]) for _ in range(4)]
    for number, row in enumerate(rows):
        (Conversation.approve, Conversation.reject, Conversation.send_back, Conversation.archive)[number % 4](
            row, by=owner
        )
    before = list(Conversation.objects.order_by("pk").values_list("pk", "status", "revision", "decided_at"))
    strict = Thresholds(Decimal("9.9"), Decimal("10.0"))
    change_thresholds(workspace=owner.personal_workspace(), wanted=strict, by=owner)
    run_open_jobs()
    rescored(owner)
    assert (
        list(Conversation.objects.order_by("pk").values_list("pk", "status", "revision", "decided_at"))
        == before
    )


def test_what_does_not_follow_from_the_turns_is_kept(owner: User) -> None:
    """The flag of reading the reply stays, and that of a near-duplicate while the other one is there."""
    other = make(owner, CLEAN[::-1])
    duplicate = {"kind": "near_duplicate", "turn": None, "quote": f"{other.conversation_id}, likeness 0.90"}
    labels = {"kind": "role_labels", "turn": None, "quote": ""}
    flags = [{**duplicate, "of": str(other.pk)}, labels]
    row = make(owner, CLEAN, flags=flags, flag_count=2, status=Status.PENDING_REVIEW)
    rescored(owner, row)
    assert [flag["kind"] for flag in row.flags] == ["near_duplicate", "role_labels"]
    other.archive(by=owner)
    rescored(owner, row)
    assert [flag["kind"] for flag in row.flags] == ["role_labels"]
    assert row.status == Status.GENERATED
    assert AuditEntry.objects.get(target_id=row.pk, action="rescore").after == {"status": "generated"}


def test_again_it_changes_nothing(owner: User) -> None:
    row = make(owner, REFUSAL)
    rescored(owner, row)
    before, entries = row.updated_at, AuditEntry.objects.filter(target_id=row.pk).count()
    rescored(owner, row)
    assert row.updated_at == before
    assert AuditEntry.objects.filter(target_id=row.pk).count() == entries
    assert row.quality_metrics["uniqueness"] == 10.0


def test_only_the_newest_versions_of_this_workspace_are_scored(owner: User) -> None:
    row = make(owner, CLEAN)
    made = edit(row, {8: REFUSAL[-1]}, by=owner)
    row.refresh_from_db()
    foreign = make_conversation(turns=REFUSAL, status=Status.GENERATED)
    empty = make_conversation(by=owner, turns=0, status=Status.DRAFT)
    before = [each.updated_at for each in (row, foreign, empty)]
    assert rescored(owner, row, foreign, empty).total == 1
    assert [each.updated_at for each in (row, foreign, empty)] == before
    assert made.pk != row.pk


def test_some_can_be_chosen(owner: User) -> None:
    chosen, other = make(owner, REFUSAL), make(owner, REFUSAL)
    foreign = make_conversation(turns=REFUSAL, status=Status.GENERATED)
    rows = Conversation.objects.filter(pk__in=[chosen.pk, foreign.pk])
    job = run(start_rescore(workspace=owner.personal_workspace(), by=owner, rows=rows))
    assert (job.done, job.total, job.name) == (1, 1, "Score 1 conversation again")
    for row in (chosen, other, foreign):
        row.refresh_from_db()
    assert [bool(row.flags) for row in (chosen, other, foreign)] == [True, False, False]


def test_it_goes_on_where_the_last_step_ended(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescore, "AT_ONCE", 2)
    rows = [make(owner, REFUSAL) for _ in range(5)]
    job = start_rescore(workspace=owner.personal_workspace(), by=owner)
    steps: list[int] = []

    def die(keys: list[Any], thresholds: Thresholds) -> Any:
        steps.append(len(keys))
        if len(steps) == 2:
            raise SystemExit
        return [rescore.Scored(key, columns) for key, columns in real(keys, thresholds)]

    real = rescore._score
    monkeypatch.setattr(rescore, "_score", die)
    with pytest.raises(SystemExit):
        run(job)
    BackgroundJob.objects.update(lease_until=timezone.now())
    found = run(job)
    assert (found.status, found.done, steps) == ("completed", 5, [2, 2, 2, 1])
    history = AuditEntry.objects.filter(action="rescore").values_list("target_id", flat=True)
    assert sorted(history) == sorted(row.pk for row in rows), "each once"


def test_a_deleted_one_is_left_out(owner: User) -> None:
    row = make(owner, REFUSAL)
    rows = Conversation.objects.filter(pk=row.pk)
    job = start_rescore(workspace=owner.personal_workspace(), by=owner, rows=rows)
    row.delete()
    found = run(job)
    assert (found.status, found.done, found.total) == ("completed", 0, 1)


def test_an_editor_may(owner: User) -> None:
    home = owner.personal_workspace()
    assert start_rescore(workspace=home, by=make_member(workspace=home).user)
    for role in (Membership.Role.REVIEWER, Membership.Role.VIEWER):
        with pytest.raises(PermissionDenied):
            start_rescore(workspace=home, by=make_member(workspace=home, role=role).user)
    with pytest.raises(PermissionDenied):
        start_rescore(workspace=home, by=make_user())


def test_too_many_chosen_ones(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescore, "MOST_CHOSEN", 1)
    for _ in range(2):
        make(owner, CLEAN[:2], conversation_id=f"fp_{uuid4().hex}")
    with pytest.raises(TooMany, match="At most 1 "):
        start_rescore(workspace=owner.personal_workspace(), by=owner, rows=Conversation.objects.all())
