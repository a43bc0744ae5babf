"""Settings, Quality: the thresholds, and how many conversations a change moves before it is saved."""

from decimal import Decimal

import pytest
from django.test import Client

from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_member, make_user, make_workspace
from tests.support.background import run_open_jobs
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
PAGE = "/settings/quality/"
WANTED = {"revision_below": "7", "review_below": "9.0"}


def thresholds(user: User) -> list[Decimal]:
    home = user.personal_workspace()
    return [home.revision_below, home.review_below]


def test_it_says_first_how_many_would_move(signed_in: Client, owner: User) -> None:
    for score in ("8.5", "8.5", "9.5"):
        make_conversation(by=owner, status=Status.GENERATED, quality_score=Decimal(score))
    assert 'value="6.0"' in signed_in.get(PAGE).content.decode()
    asked = signed_in.post(PAGE, WANTED).content.decode()
    assert "2 conversations of the review queue would move" in asked
    assert "Save and move 2 conversations" in asked
    assert thresholds(owner) == [6, 8]
    make_conversation(by=owner, status=Status.GENERATED, quality_score=Decimal("8.5"))
    again = signed_in.post(PAGE, {**WANTED, "count": "2"}).content.decode()
    assert "Save and move 3 conversations" in again, "the number is checked again"
    done = signed_in.post(PAGE, {**WANTED, "count": "3"}, follow=True).content.decode()
    assert "3 conversations are being moved." in done
    run_open_jobs()
    assert thresholds(owner) == [7, 9]
    assert Conversation.objects.filter(status=Status.PENDING_REVIEW).count() == 3


def test_when_none_moves_it_is_saved_at_once(signed_in: Client, owner: User) -> None:
    assert "No conversation moves." in signed_in.post(PAGE, WANTED, follow=True).content.decode()
    assert thresholds(owner) == [7, 9]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"revision_below": "9", "review_below": "8"}, "it cannot be above the score for review"),
        ({"revision_below": "", "review_below": "8"}, "give a score from 0 to 10"),
        ({"revision_below": "six", "review_below": "8"}, "give a score, such as 6 or 6.5"),
        ({"revision_below": "6", "review_below": "11"}, "less than or equal to 10"),
        ({"revision_below": "6.25", "review_below": "8"}, "no more than 1 decimal place"),
        ({**WANTED, "count": "many"}, "problem"),
    ],
)
def test_what_is_wrong_is_named(signed_in: Client, owner: User, given: dict[str, str], words: str) -> None:
    response = signed_in.post(PAGE, given)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert thresholds(owner) == [6, 8]


def test_only_an_owner_changes_them(signed_in: Client, owner: User) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role.EDITOR)
    assert "Only an owner" in signed_in.get(PAGE, {"workspace": str(shared.pk)}).content.decode()
    assert signed_in.post(PAGE, {**WANTED, "workspace": shared.pk}).status_code == 403
    assert (
        signed_in.post(PAGE, {**WANTED, "workspace": make_workspace(owner=make_user()).pk}).status_code == 404
    )
