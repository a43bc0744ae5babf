"""Decisions about more conversations than fit into a request."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from background.models import BackgroundJob
from conversations.bulk import BulkResult, TooMany
from conversations.jobs import bulk
from conversations.jobs.bulk import SeveralWorkspaces, decide_about_chosen, decide_about_matching
from conversations.models import Conversation, Decision
from conversations.states import BulkAction, ReasonCode, Status
from lib.count_changed import CountChanged
from tests.factories import make_conversation, make_member, make_workspace
from tests.support.background import run
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db
Make = Callable[..., list[Conversation]]


@pytest.fixture
def make(owner: User, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Conversations of the owner. From 4 on they go to a job, which takes 2 in a step."""
    monkeypatch.setattr(bulk, "MOST_IN_REQUEST", 3)
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    return lambda count, **fields: [make_conversation(by=owner, turns=0, **fields) for _ in range(count)]


def decide(
    owner: User, count: int, action: BulkAction = BulkAction.REJECT, **given: Any
) -> BulkResult | BackgroundJob:
    return decide_about_matching(Conversation.objects.visible_to(owner), count, action, by=owner, **given)


def test_few_are_decided_at_once(make: Make, owner: User) -> None:
    make(3)
    assert decide(owner, 3) == BulkResult(3, [])
    rows = Conversation.objects.visible_to(owner)
    ids = [row.pk for row in rows]
    assert decide_about_chosen(rows, ids, BulkAction.APPROVE, by=owner) == BulkResult(3, [])
    assert not BackgroundJob.objects.exists()


def test_many_go_to_a_job(make: Make, owner: User) -> None:
    make(5)
    job = decide(owner, 5, note="Twice", reasons=[ReasonCode.REPETITIVE])
    assert isinstance(job, BackgroundJob)
    assert (job.name, job.total) == ("Reject 5 conversations", 5)
    assert Decision.objects.count() == 0
    found = run(job)
    assert (found.status, found.done, found.result) == ("completed", 5, {"changed": 5, "skipped": 0})
    said = {(each.note, tuple(each.reasons), each.created_by) for each in Decision.objects.all()}
    assert said == {("Twice", ("repetitive",), owner)}
    assert Decision.objects.count() == 5
    assert set(Conversation.objects.values_list("status", flat=True)) == {Status.REJECTED}
    told = AuditEntry.objects.filter(action="reject").values_list("after", flat=True)
    assert sum(each["conversations"] for each in told) == 5


def test_what_somebody_decides_before_its_step_is_left_out(make: Make, owner: User) -> None:
    rows = make(5)
    job = decide(owner, 5)
    assert isinstance(job, BackgroundJob)
    rows[4].approve(by=owner)
    found = run(job)
    assert (found.result["changed"], found.result["skipped"]) == (4, 1)
    (named,) = found.result["reasons"]
    assert named["id"] == str(rows[4].pk)
    assert named["error"].startswith("Somebody has changed this conversation")
    rows[4].refresh_from_db()
    assert rows[4].status == Status.APPROVED


def test_the_revisions_that_the_person_saw_count(make: Make, owner: User) -> None:
    rows = make(4)
    rows[0].approve(by=owner)
    ids = [row.pk for row in rows]
    job = decide_about_chosen(
        Conversation.objects.visible_to(owner),
        ids,
        BulkAction.REJECT,
        by=owner,
        revisions=dict.fromkeys(ids, 0),
    )
    assert isinstance(job, BackgroundJob)
    assert run(job).result["changed"] == 3


def test_deleted_for_good(make: Make, owner: User) -> None:
    make(4)
    job = decide(owner, 4, BulkAction.DELETE)
    assert isinstance(job, BackgroundJob)
    assert run(job).result["changed"] == 4
    assert not Conversation.objects.exists()


def test_a_count_that_is_not_true_any_more(make: Make, owner: User) -> None:
    make(5)
    with pytest.raises(CountChanged, match="5 conversations now"):
        decide(owner, 6)
    assert not BackgroundJob.objects.exists()


def test_those_of_two_workspaces(make: Make, owner: User) -> None:
    make(3)
    make_conversation(workspace=make_workspace(owner=owner))
    with pytest.raises(SeveralWorkspaces):
        decide(owner, 4)


def test_too_many(make: Make, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_IN_JOB", 4)
    make(5)
    with pytest.raises(TooMany):
        decide(owner, 5)


def test_who_may_only_look(make: Make, owner: User) -> None:
    make(4)
    viewer = make_member(workspace=owner.personal_workspace(), role=Membership.Role.VIEWER).user
    with pytest.raises(PermissionDenied):
        decide_about_matching(Conversation.objects.visible_to(viewer), 4, BulkAction.APPROVE, by=viewer)
