"""The terms notice: a workspace says what its conversations are for, and every statement stays."""

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from tests.factories import make_member, make_user, make_workspace
from workspaces.models import Membership, User, UseStatement
from workspaces.states import Authorisation

pytestmark = pytest.mark.django_db
PAGE = "/settings/terms/"
SAID = {
    "purpose": "A support bot for our bank",
    "authorisation": "permission",
    "reference": "letter of 3 May",
}


def test_a_statement_is_recorded_and_the_newest_counts(signed_in: Client, owner: User) -> None:
    assert "Nothing is stated yet" in signed_in.get(PAGE).content.decode()
    signed_in.post(PAGE, SAID)
    signed_in.post(PAGE, {**SAID, "authorisation": "narrow", "purpose": "Only tests <b>"})
    newest = owner.personal_workspace().intended_use()
    assert newest is not None
    assert (newest.authorisation, newest.created_by) == (Authorisation.NARROW, owner)
    page = signed_in.get(PAGE).content.decode()
    assert "A support bot for our bank" in page
    assert "Only tests &lt;b&gt;" in page


def test_what_is_missing_is_named(signed_in: Client) -> None:
    response = signed_in.post(PAGE, {"purpose": " ", "authorisation": "mine"})
    assert response.status_code == 422
    assert "2 problems to fix" in response.content.decode()
    assert not UseStatement.objects.exists()


def test_only_an_owner_states_it(signed_in: Client, owner: User) -> None:
    shared = make_workspace(owner=make_user())
    make_member(workspace=shared, user=owner, role=Membership.Role.EDITOR)
    assert "Only an owner" in signed_in.get(PAGE, {"workspace": str(shared.pk)}).content.decode()
    assert signed_in.post(PAGE, {**SAID, "workspace": shared.pk}).status_code == 403


def test_a_statement_cannot_be_changed_or_taken_back(signed_in: Client, owner: User) -> None:
    signed_in.post(PAGE, SAID)
    with pytest.raises(DatabaseError, match="only added"), transaction.atomic():
        UseStatement.objects.update(purpose="something else")
    with pytest.raises(DatabaseError, match="only added"), transaction.atomic():
        UseStatement.objects.all().delete()
    UseStatement.objects.update(created_by=None)  # who is deleted is forgotten, what was said is not
    assert UseStatement.objects.get().purpose == SAID["purpose"]
