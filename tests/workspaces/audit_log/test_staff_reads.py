"""Superusers who read in the admin what belongs to a workspace of others leave entries there."""

import pytest
from django.test import Client

from tests.factories import make_conversation, make_user
from workspaces.models import AuditEntry, User
from workspaces.states import Action, Channel

pytestmark = pytest.mark.django_db
LIST = "/admin/conversations/conversation/"


@pytest.fixture
def boss(client: Client) -> User:
    person = make_user(username="boss", superuser=True)
    client.force_login(person)
    return person


def reads() -> list[dict[str, str]]:
    return [entry.after for entry in AuditEntry.objects.filter(action=Action.READ).order_by("pk")]


def test_a_row_and_a_list_of_others_are_recorded_once(client: Client, boss: User) -> None:
    theirs = make_conversation(by=make_user())
    for _ in range(2):
        assert client.get(f"{LIST}{theirs.pk}/change/").status_code == 200
        assert client.get(LIST).status_code == 200
    assert reads() == [
        {"page": "conversation", "row": str(theirs.pk)},
        {"page": "conversations"},
    ]
    entry = AuditEntry.objects.filter(action=Action.READ)[0]
    assert (entry.workspace, entry.who, entry.channel) == (theirs.workspace, boss, Channel.ADMIN)
    assert entry.target_id == theirs.workspace_id


def test_own_rows_are_not(client: Client, boss: User) -> None:
    mine = make_conversation(by=boss)
    client.get(f"{LIST}{mine.pk}/change/")
    client.get(LIST)
    assert reads() == []
