"""A workspace begins with the shipped rubric; each edit is a new version, and the old one stays what it was."""

import pytest

from conversations.judging.rubric import RubricError, change_rubric, find_rubric, load_shipped_criteria
from conversations.models import Rubric
from conversations.states import JudgedDimension
from lib.stale_state import StaleRevision
from workspaces.audit import read_history
from workspaces.models import User
from workspaces.states import TargetKind

pytestmark = pytest.mark.django_db


def test_the_first_version_is_the_shipped_one(owner: User) -> None:
    found = find_rubric(owner.personal_workspace())
    assert (found.version, found.criteria) == (1, load_shipped_criteria())
    assert set(found.criteria) == set(JudgedDimension.values)
    assert find_rubric(owner.personal_workspace()) == found


def test_an_edit_is_a_new_version(owner: User) -> None:
    workspace = owner.personal_workspace()
    first = find_rubric(workspace)
    wanted = {**first.criteria, "accuracy": "  Only facts.\r\n"}
    made = change_rubric(workspace=workspace, criteria=wanted, by=owner, version=1)
    assert (made.version, made.criteria["accuracy"], made.created_by) == (2, "Only facts.", owner)
    first.refresh_from_db()
    assert first.criteria == load_shipped_criteria()
    assert change_rubric(workspace=workspace, criteria=wanted, by=owner) == made, "nothing differs"
    assert Rubric.objects.count() == 2
    assert "rubric" in read_history(TargetKind.WORKSPACE, workspace.pk)[0].sentence


def test_who_saw_an_older_version_is_told(owner: User) -> None:
    workspace = owner.personal_workspace()
    wanted = {**find_rubric(workspace).criteria, "accuracy": "Only facts."}
    change_rubric(workspace=workspace, criteria=wanted, by=owner, version=1)
    with pytest.raises(StaleRevision):
        change_rubric(workspace=workspace, criteria={**wanted, "relevance": "x"}, by=owner, version=1)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("accuracy", " ", "Say what is judged"),
        ("accuracy", "x" * 2_001, "2,001 characters"),
        ("accuracy", "a\x00b", "NUL"),
        ("style", "Good style?", "no such dimension"),
    ],
)
def test_what_cannot_be_stored_is_named(owner: User, name: str, text: str, words: str) -> None:
    criteria = {**load_shipped_criteria(), name: text}
    with pytest.raises(RubricError, match=words) as raised:
        change_rubric(workspace=owner.personal_workspace(), criteria=criteria, by=owner)
    assert list(raised.value.problems) == [name]
