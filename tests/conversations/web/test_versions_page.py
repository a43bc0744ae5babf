"""The versions of a conversation: its chain, two of them side by side, one brought back."""

import pytest
from django.test import Client

from conversations import versions
from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_member, make_user
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]


@pytest.fixture
def chain(owner: User) -> list[Conversation]:
    """Three versions by edits."""
    first = make_conversation(
        by=owner, status=Status.GENERATED, turns=["Hello?", "Good day.", "And <b>now</b>?", "Yes."]
    )
    second = versions.edit(first, {2: "Good evening."}, by=owner, note="It is late")
    return [first, second, versions.edit(second, {4: "No."}, by=owner)]


def read(client: Client, found: Conversation) -> str:
    found.refresh_from_db()
    return client.get(f"/conversations/{found.pk}/").text


def diff(found: Conversation, old: int, new: int) -> str:
    return f"/conversations/{found.pk}/diff/{old}..{new}/"


def test_the_page_lists_the_chain_newest_first(client: Client, chain: list[Conversation]) -> None:
    page = read(client, chain[2])
    assert page.index("Version 3") < page.index("Version 2") < page.index("Version 1")
    assert "It is late" in page
    assert "was generated" in page
    assert "This is version" not in page


def test_an_older_version_says_so_and_leads_to_the_current_one(
    client: Client, chain: list[Conversation]
) -> None:
    page = read(client, chain[1])
    assert "This is version 2 of 3" in page
    assert f"/conversations/{chain[2].pk}/" in page
    assert f"/conversations/{chain[1].pk}/bring-back/" in page
    assert f"/conversations/{chain[1].pk}/regenerate/" not in page


def test_the_history_is_that_of_all_versions(client: Client, chain: list[Conversation], owner: User) -> None:
    chain[2].approve(by=owner)
    page = read(client, chain[0])
    assert "approved this conversation" in page
    assert page.count("made an edited version of this conversation") == 2


def test_any_two_can_be_compared(client: Client, chain: list[Conversation]) -> None:
    page = client.get(diff(chain[1], 1, 3)).text
    assert "<del>day</del>" in page
    assert "<ins>evening</ins>" in page
    assert "And &lt;b&gt;now&lt;/b&gt;?" in page
    assert [each.kind for each in client.get(diff(chain[0], 2, 3)).context["changes"]] == ["same", "changed"]
    assert "The same text" in client.get(diff(chain[0], 2, 2)).text
    back = client.get(diff(chain[1], 3, 1)).text
    assert "<del>evening</del>" in back


def test_the_form_leads_to_the_address_of_the_two(client: Client, chain: list[Conversation]) -> None:
    answer = client.get(diff(chain[0], 1, 2) + "?old=2&new=3")
    assert (answer.status_code, answer["Location"]) == (302, diff(chain[0], 2, 3))
    assert client.get(diff(chain[0], 1, 2) + "?old=x&new=3").status_code == 200


@pytest.mark.parametrize("numbers", [(0, 1), (1, 4), (99999999, 1)])
def test_a_version_that_is_not_there_is_404(
    client: Client, chain: list[Conversation], numbers: tuple[int, int]
) -> None:
    assert client.get(diff(chain[0], *numbers)).status_code == 404


def test_an_earlier_version_is_brought_back(client: Client, chain: list[Conversation]) -> None:
    answer = client.post(f"/conversations/{chain[0].pk}/bring-back/", follow=True)
    made = Conversation.objects.heads().get()
    assert answer.redirect_chain[-1][0] == f"/conversations/{made.pk}/"
    assert (made.version, made.turns.get(turn_number=2).content) == (4, "Good day.")
    assert "Version 4 has the text of version 1" in answer.text


def test_the_current_one_cannot_be_brought_back(client: Client, chain: list[Conversation]) -> None:
    answer = client.post(f"/conversations/{chain[2].pk}/bring-back/", follow=True)
    assert "it cannot be brought back" in answer.text
    assert Conversation.objects.count() == 3


def test_a_viewer_may_compare_but_not_bring_back(client: Client, owner: User) -> None:
    first = make_conversation(by=make_user())
    make_member(workspace=first.workspace, user=owner, role=Membership.Role.VIEWER)
    versions.edit(first, {1: "Hi."}, by=None)
    assert client.get(diff(first, 1, 2)).status_code == 200
    assert client.post(f"/conversations/{first.pk}/bring-back/").status_code == 403


def test_ten_versions_in_order(client: Client, owner: User) -> None:
    head = make_conversation(by=owner, turns=["Hello?", "0"])
    for number in range(2, 11):
        head = versions.edit(head, {2: f"Answer {number}"}, by=owner)
    page = client.get(f"/conversations/{head.pk}/")
    assert [row["version"].version for row in page.context["chain"]] == list(range(10, 0, -1))
    assert [row["made_from"] for row in page.context["chain"]] == [*range(9, 0, -1), None]
    assert "<ins>10</ins>" in client.get(diff(head, 9, 10)).text
