"""One action on many conversations leaves each as the same action on it alone would."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from conversations import bulk
from conversations.bulk import TooMany, decide_chosen, decide_matching
from conversations.models import Conversation, Decision, Turn
from conversations.states import BulkAction, ReasonCode, ReviewAction, Status
from conversations.versions import edit
from lib.count_changed import CountChanged
from lib.stale_state import StaleState
from tests.factories import make_conversation, make_member, make_user
from workspaces.models import AuditEntry, Membership, User

pytestmark = pytest.mark.django_db

# What differs between two rows that were moved alike: their ids, and moments.
DIFFERENT = {"id", "root_id", "conversation_id", "created_at", "updated_at", "search"}
VERBS: dict[BulkAction, Callable[..., None]] = {
    BulkAction.APPROVE: Conversation.approve,
    BulkAction.REJECT: Conversation.reject,
    BulkAction.NEEDS_REVISION: Conversation.send_back,
    BulkAction.ARCHIVE: Conversation.archive,
    BulkAction.RESTORE: Conversation.restore,
}


@pytest.fixture
def user() -> User:
    return make_user(username="anna", email="anna@example.org")


def mine(user: User) -> Any:
    return Conversation.objects.visible_to(user)


def describe(row: Any) -> dict[str, Any]:
    """The columns of a row; of a moment only whether there is one."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {
        name: value is not None if name.endswith("_at") else value
        for name, value in values.items()
        if name not in DIFFERENT
    }


def describe_decision(row: Conversation) -> dict[str, Any]:
    found = row.decisions.latest("revision")
    said = describe(found)
    said["before"] = {
        name: bool(value) if name.endswith("_at") else value for name, value in found.before.items()
    }
    return said


def make_row(user: User, status: Status, before: str) -> Conversation:
    was_approved = status == Status.APPROVED
    return make_conversation(
        by=user,
        status=status,
        status_before_archive=before,
        approved_at=timezone.now() if was_approved else None,
        approved_by=user if was_approved else None,
        decided_at=timezone.now() if was_approved or before else None,
        reviewer_notes="As it was",
        revision=3,
    )


STATES = [(status, "") for status in Status] + [
    (Status.ARCHIVED, before) for before in (Status.APPROVED, Status.REJECTED, Status.PENDING_REVIEW)
]


@pytest.mark.parametrize(("status", "before"), STATES)
@pytest.mark.parametrize("action", VERBS)
def test_like_the_verb_on_one(user: User, action: BulkAction, status: Status, before: str) -> None:
    alone, among = make_row(user, status, before), make_row(user, status, before)
    said: dict[str, Any] = {"note": "Because"}
    if action in (BulkAction.REJECT, BulkAction.NEEDS_REVISION):
        said["reasons"] = [ReasonCode.LEAK, ReasonCode.OTHER]
    try:
        VERBS[action](alone, by=user, **said)
        refused = ""
    except StaleState as stale:
        refused = str(stale)
    found = decide_chosen(mine(user), [among.pk], action, by=user, **said)
    for row in (alone, among):
        row.refresh_from_db()
    assert describe(among) == describe(alone)
    if refused:
        assert [(each.id, each.error) for each in found.skipped] == [(among.pk, refused)]
    if alone.revision > 3:
        assert found.changed == 1
        one, many = describe_decision(alone), describe_decision(among)
        assert one == many
    else:
        assert (found.changed, len(found.skipped)) == (0, 1)


def test_what_is_skipped_says_why(user: User) -> None:
    fine, archived, generating, changed, decided = (
        make_conversation(by=user, status=status)
        for status in (
            Status.PENDING_REVIEW,
            Status.ARCHIVED,
            Status.GENERATING,
            Status.GENERATED,
            Status.GENERATED,
        )
    )
    changed.reject(by=user)
    decided.approve(by=user)
    replaced = make_conversation(by=user, status=Status.GENERATED)
    edit(replaced, {1: "New"}, by=user)
    foreign, nowhere = make_conversation(), uuid4()
    rows = [fine, archived, generating, changed, decided, replaced, foreign]
    ids = [*(row.pk for row in rows), nowhere, fine.pk]
    found = decide_chosen(mine(user), ids, BulkAction.APPROVE, by=user, revisions={changed.pk: 0, fine.pk: 0})
    assert found.changed == 1
    words = {each.id: each.error for each in found.skipped}
    expected = {
        archived.pk: "This conversation is archived: it cannot be approved.",
        generating.pk: "This conversation is generating: it cannot be approved.",
        changed.pk: "Somebody has changed this conversation since you opened it.",
        decided.pk: "This conversation is approved already.",
        replaced.pk: "A newer version has replaced this conversation.",
        foreign.pk: "It does not exist, or it belongs to somebody else.",
        nowhere: "It does not exist, or it belongs to somebody else.",
    }
    assert words.keys() == expected.keys()
    for key, beginning in expected.items():
        assert words[key].startswith(beginning)
    foreign.refresh_from_db()
    assert foreign.status == Status.PENDING_REVIEW


@pytest.mark.parametrize("role", list(Membership.Role))
@pytest.mark.parametrize("action", list(BulkAction))
def test_roles(user: User, action: BulkAction, role: Membership.Role) -> None:
    start = Status.ARCHIVED if action == BulkAction.RESTORE else Status.GENERATED
    made, person = make_conversation(by=user, status=start), make_user()
    make_member(workspace=user.personal_workspace(), user=person, role=role)
    found = decide_chosen(mine(person), [made.pk], action, by=person)
    reviews = action in (BulkAction.APPROVE, BulkAction.REJECT, BulkAction.NEEDS_REVISION)
    may = role in (Membership.REVIEWERS if reviews else Membership.EDITORS)
    assert found.changed == int(may)
    assert [each.error for each in found.skipped] == (
        [] if may else ["Your role in its workspace may see, but not do this."]
    )


def test_one_audit_entry_for_all(user: User) -> None:
    ids = [make_conversation(by=user).pk for _ in range(3)]
    decide_chosen(mine(user), ids, BulkAction.REJECT, by=user)
    entry = AuditEntry.objects.get(action="reject")
    assert (entry.who, entry.target_name, entry.after) == (user, "3 conversations", {"conversations": 3})
    assert entry.workspace == user.personal_workspace()
    assert Decision.objects.count() == 3
    decide_chosen(mine(user), ids, BulkAction.REJECT, by=user)
    assert AuditEntry.objects.filter(action="reject").count() == 1, "what changes nothing is not recorded"


def test_a_decision_in_bulk_can_be_undone(user: User) -> None:
    made = make_conversation(by=user, status=Status.APPROVED, approved_at=timezone.now(), approved_by=user)
    Conversation.objects.filter(pk=made.pk).update(
        decided_at=timezone.now() - timedelta(days=1), reviewer_notes="Good"
    )
    made.refresh_from_db()
    approved_at, decided_at = made.approved_at, made.decided_at
    decide_chosen(mine(user), [made.pk], BulkAction.REJECT, by=user, note="Wrong")
    made.refresh_from_db()
    made.undo(made.decisions.get(), by=user)
    made.refresh_from_db()
    assert (made.status, made.approved_by, made.reviewer_notes) == (Status.APPROVED, user, "Good")
    assert (made.approved_at, made.decided_at) == (approved_at, decided_at)


def test_deleting_takes_every_version(user: User) -> None:
    kept, gone = make_conversation(by=user), make_conversation(by=user)
    newest = edit(gone, {1: "New"}, by=user)
    found = decide_chosen(mine(user), [newest.pk], BulkAction.DELETE, by=user)
    assert found.changed == 1
    assert list(Conversation.objects.all()) == [kept]
    assert set(Turn.objects.values_list("conversation", flat=True)) == {kept.pk}


# --- by a filter -------------------------------------------------------------------------------------------


def test_a_filter_with_its_count(user: User) -> None:
    for _ in range(3):
        make_conversation(by=user)
    make_conversation()
    waiting = mine(user).undecided()
    with pytest.raises(CountChanged) as changed:
        decide_matching(waiting, 2, BulkAction.APPROVE, by=user)
    assert changed.value.count == 3
    assert not Decision.objects.exists()
    assert decide_matching(waiting, 3, BulkAction.APPROVE, by=user).changed == 3
    assert decide_matching(waiting, 0, BulkAction.APPROVE, by=user).changed == 0


def test_at_most_ten_thousand(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 2)
    ids = [make_conversation(by=user).pk for _ in range(3)]
    with pytest.raises(TooMany, match="At most 2"):
        decide_chosen(mine(user), ids, BulkAction.APPROVE, by=user)
    with pytest.raises(TooMany, match="Narrow the filter"):
        decide_matching(mine(user), 3, BulkAction.APPROVE, by=user)
    assert decide_chosen(mine(user), [*ids[:2], *ids[:2]], BulkAction.APPROVE, by=user).changed == 2


def test_the_number_of_queries_does_not_grow(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def decide(ids: list[UUID]) -> int:
        return decide_chosen(mine(user), ids, BulkAction.REJECT, by=user, note="No").changed

    few = [make_conversation(by=user).pk for _ in range(2)]
    many = [make_conversation(by=user).pk for _ in range(12)]
    counts = []
    for ids in (few, many):
        with CountingQueries() as counted:
            assert decide(ids) == len(ids)
        counts.append(counted.number)
    assert counts[0] == counts[1]


class CountingQueries:
    def __enter__(self) -> "CountingQueries":
        self.number = 0
        self._wrapped = connection.execute_wrapper(self._count)
        self._wrapped.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._wrapped.__exit__(*error)  # type: ignore[arg-type]

    def _count(self, execute: Any, *given: Any) -> Any:
        self.number += 1
        return execute(*given)


def test_the_words_are_those_of_one_conversation() -> None:
    assert set(ReviewAction.values) - {"undo"} == set(BulkAction.values) - {"delete"}
