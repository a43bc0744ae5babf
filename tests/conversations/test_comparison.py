"""Near-duplicates in the database: the later of two is flagged, once, and only while nobody has decided it moves."""

from typing import Any

import pytest

from conversations import versions
from conversations.comparison import compare, find_candidates
from conversations.models import Conversation
from conversations.parsing import TurnDraft
from conversations.quality.hashing import hash_turns
from conversations.quality.near_duplicates import make_bands, read_shingles
from conversations.states import Status
from tests.conversations.quality.demo import write_demo_turns
from tests.factories import make_conversation, make_user
from workspaces.models import AuditEntry, User

pytestmark = pytest.mark.django_db
TEXTS = [turn.content for turn in write_demo_turns()[0]]
OTHER = [turn.content for turn in write_demo_turns()[1]]


def store(by: User, texts: list[str] = TEXTS, **given: Any) -> Conversation:
    drafts = [TurnDraft(("user", "assistant")[at % 2], text) for at, text in enumerate(texts)]
    fields = {
        "status": Status.GENERATED,
        "bands": make_bands(read_shingles(drafts)),
        "content_hash": hash_turns(drafts),
        **given,
    }
    return make_conversation(by=by, turns=texts, **fields)


def read(conversation: Conversation) -> Conversation:
    return Conversation.objects.get(pk=conversation.pk)


@pytest.fixture
def anna() -> User:
    return make_user(username="anna")


@pytest.mark.parametrize("first", [0, 1])
def test_the_later_of_two_is_flagged_whichever_is_compared_first(anna: User, first: int) -> None:
    pair = [store(anna), store(anna, [*TEXTS[:-1], "Good luck, and write to me when it is done."])]
    for each in (pair[first], pair[1 - first], pair[0]):
        compare(each.pk)
    earlier, later = read(pair[0]), read(pair[1])
    assert (earlier.flags, earlier.flag_count, earlier.status) == ([], 0, Status.GENERATED)
    (flag,) = later.flags
    assert (flag["kind"], flag["turn"], flag["of"]) == ("near_duplicate", None, str(earlier.pk))
    assert earlier.conversation_id in flag["quote"]
    assert (later.flag_count, later.status) == (1, Status.PENDING_REVIEW)
    assert 0 < later.quality_metrics["uniqueness"] < 4
    assert later.compared_at is not None
    assert AuditEntry.objects.filter(action="check", target_id=later.pk, who=None).count() == 1


def test_what_differs_is_unique(anna: User) -> None:
    store(anna)
    other = store(anna, OTHER)
    assert compare(other.pk) == []
    assert read(other).quality_metrics["uniqueness"] > 7
    assert read(other).flags == []


def test_the_chain_itself_the_archive_and_other_workspaces_are_left_out(anna: User) -> None:
    edited = versions.edit(store(anna), {1: TEXTS[0] + " Please."}, by=anna)
    store(make_user(username="bert"))
    store(anna, status=Status.ARCHIVED)
    assert compare(edited.pk) == []
    assert find_candidates(edited.workspace_id, bands=edited.bands or [], root=edited.root_id) == []


def test_what_a_person_has_decided_is_not_moved(anna: User) -> None:
    store(anna)
    later = store(anna)
    later.approve(by=anna)
    compare(later.pk)
    after = read(later)
    assert (after.status, after.flag_count, after.flagged_since_decision) == (Status.APPROVED, 1, True)


def test_the_flag_names_the_most_alike_one(anna: User) -> None:
    store(anna, [*TEXTS[:-2], OTHER[0], OTHER[1]])
    same = store(anna)
    later = store(anna)
    compare(later.pk)
    assert [each["of"] for each in read(later).flags] == [str(same.pk)]


def test_a_copy_is_found_without_reading_texts(anna: User, django_assert_max_num_queries: Any) -> None:
    first = store(anna)
    copies = [store(anna) for _ in range(3)]
    for copy in copies:
        with django_assert_max_num_queries(
            9
        ):  # three lookups; the flag with its savepoint and history; the note
            assert compare(copy.pk) == [first.pk]
        with django_assert_max_num_queries(4):  # again: what is flagged is not locked
            assert compare(copy.pk) == [first.pk]
    assert [each["of"] for copy in copies for each in read(copy).flags] == [str(first.pk)] * 3
    assert read(copies[0]).quality_metrics["uniqueness"] == 0


def test_whoever_is_like_a_copy_is_flagged_by_the_first_of_the_copies(anna: User) -> None:
    """Stored at the same moment, in an order in which the later one looked before the others were there."""
    first, copy = store(anna), store(anna)
    later = store(anna, [*TEXTS[:-1], "Good luck, and write to me when it is done."])
    compare(copy.pk)
    assert read(later).flags == []
    compare(first.pk)
    assert [each["of"] for each in read(later).flags] == [str(first.pk)]


def test_what_is_unique_takes_four_statements(anna: User, django_assert_num_queries: Any) -> None:
    store(anna, OTHER)
    own = store(anna)
    with django_assert_num_queries(4):
        compare(own.pk)


def test_without_bands_or_without_a_row_nothing_happens(anna: User) -> None:
    empty = store(anna, bands=None)
    assert compare(empty.pk) == []
    empty.delete()
    assert compare(empty.pk) == []
