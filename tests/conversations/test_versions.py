"""A chain of versions: one newest, numbers without gaps, turns that never change."""

from typing import Any

import pytest

from conversations import versions
from conversations.models import Conversation, Decision, Turn
from conversations.parsing import TurnDraft
from conversations.states import Source, Status
from lib.stale_state import StaleRevision, StaleState, Superseded
from tests.factories import make_conversation, make_user

pytestmark = pytest.mark.django_db


def start(**given: Any) -> Conversation:
    return make_conversation(
        status=given.pop("status", Status.GENERATED), turns=["Hello?", "Hello."], **given
    )


def texts(version: Conversation) -> list[str]:
    return [turn.content for turn in version.turns.all()]


def test_an_edit_is_the_newest_version_and_the_old_text_stays() -> None:
    anna = make_user(username="anna")
    first = start()
    second = versions.edit(first, {2: "Good day."}, by=anna, note="Politer")
    first.refresh_from_db()
    assert (second.version, second.root_id, second.parent_id, second.is_head) == (2, first.pk, first.pk, True)
    assert (second.source, second.created_by, second.change_note) == (Source.EDITED, anna, "Politer")
    assert (first.is_head, first.status, first.status_before_archive) == (False, "archived", "generated")
    assert (texts(first), texts(second)) == (["Hello?", "Hello."], ["Hello?", "Good day."])
    assert second.conversation_id == first.conversation_id
    assert list(Conversation.objects.heads()) == [second]


def test_a_version_keeps_the_system_text_and_the_id_of_its_file() -> None:
    first = start(system_prompt="Be kind.", external_id="row-7")
    second = versions.edit(first, {2: "Good day."}, by=None)
    assert (second.system_prompt, second.external_id) == ("Be kind.", "row-7")
    assert (first.training_system_prompt, start().training_system_prompt) == ("Be kind.", "")


def test_a_new_version_of_an_approved_one_is_in_the_queue_again() -> None:
    first = start()
    first.approve(by=None)
    second = versions.edit(first, {2: "Good day."}, by=None)
    assert second.decided_at is None
    assert Conversation.objects.undecided().contains(second)
    replaced = Decision.objects.of_chain(first.pk).first()
    assert replaced is not None
    assert (replaced.from_status, replaced.to_status, replaced.note) == (
        "approved",
        "archived",
        "Replaced by version 2.",
    )


def test_save_and_approve() -> None:
    anna = make_user(username="anna")
    second = versions.edit(start(), {1: "Hi?"}, by=anna, approve=True)
    second.refresh_from_db()
    assert (second.status, second.approved_by) == ("approved", anna)


def test_an_edit_without_a_difference_makes_no_version() -> None:
    first = start()
    assert versions.edit(first, {2: "Hello."}, by=None) == first
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({3: "more"}, "Turn 3 does not exist: the conversation has 2 turns"),
        ({0: "more"}, "Turn 0 does not exist"),
        ({2: " \n"}, "Turn 2 is empty"),
        ({2: "x" * 1_000_001}, "at most 1,000,000"),
    ],
)
def test_what_cannot_be_an_edit(given: dict[int, str], message: str) -> None:
    with pytest.raises(versions.EditError, match=message):
        versions.edit(start(), given, by=None)


def test_an_edit_of_what_was_decided_meanwhile_is_refused() -> None:
    first = start()
    seen = Conversation.objects.get(pk=first.pk)
    first.approve(by=None)
    with pytest.raises(StaleRevision):
        versions.edit(seen, {2: "Good day."}, by=None)
    versions.edit(first, {2: "Good day."}, by=None)
    with pytest.raises(Superseded):
        versions.edit(first, {2: "Good evening."}, by=None)
    assert Conversation.objects.count() == 2


def test_a_regeneration_of_a_version_that_was_edited_meanwhile_stays_beside_it() -> None:
    first = start()
    edited = versions.edit(first, {2: "Good day."}, by=None)
    made = versions.add_version(
        first, turns=[TurnDraft("user", "A"), TurnDraft("assistant", "B")], by=None, source=Source.GENERATED
    )
    made.refresh_from_db()
    assert (made.version, made.is_head, made.status) == (3, False, "archived")
    assert (
        made.change_note == "Version 2 was made meanwhile and stays the newest; this one is kept beside it."
    )
    assert list(Conversation.objects.heads()) == [edited]


def test_a_superseded_version_is_not_restored_but_brought_back() -> None:
    first = start()
    second = versions.edit(first, {2: "Good day."}, by=None)
    first.refresh_from_db()
    with pytest.raises(Superseded, match="bring this one back"):
        first.restore(by=None)
    third = versions.bring_back(first, by=None)
    assert (third.version, texts(third), third.change_note) == (
        3,
        ["Hello?", "Hello."],
        "Version 1, brought back.",
    )
    assert third.parent == first
    second.refresh_from_db()
    assert (second.is_head, second.status) == (False, "archived")
    assert list(Conversation.objects.heads()) == [third]


def test_the_newest_version_cannot_be_brought_back() -> None:
    with pytest.raises(StaleState, match="newest"):
        versions.bring_back(start(), by=None)


def test_ten_versions_in_order() -> None:
    made = start()
    for number in range(2, 11):
        made = versions.edit(made, {2: f"Answer {number}"}, by=None)
    chain = versions.list_chain(made)
    assert [each.version for each in chain] == list(range(1, 11))
    assert [each.is_head for each in chain] == [False] * 9 + [True]
    assert [texts(each)[1] for each in chain][-2:] == ["Answer 9", "Answer 10"]
    assert Turn.objects.count() == 20
    assert [each.revision for each in chain] == sorted(each.revision for each in chain)


def test_an_archived_newest_version_can_be_edited_back_to_life() -> None:
    first = start()
    first.archive(by=None)
    second = versions.edit(first, {2: "Good day."}, by=None)
    first.refresh_from_db()
    assert (second.is_head, first.is_head, first.status_before_archive) == (True, False, "generated")
