"""The columns of the list are chosen in each browser, and the title stays."""

import re

import pytest
from django.test import Client

from conversations.web.columns import COOKIE, OPTIONAL
from tests.factories import make_conversation
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
WORDS = ["Title", *OPTIONAL.values(), "What to do"]


def read_heads(client: Client, query: str = "") -> list[str]:
    """The words of the head of the table, without the column of the ticks."""
    head = re.search(r"<thead>(.*?)</thead>", client.get(f"/conversations/{query}").text, re.DOTALL)
    assert head
    cells = re.findall(r"<th\b.*?>(.*?)</th>", head[1], re.DOTALL)
    words = [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in cells]
    return [word for word in words if word != "Tick"]


@pytest.fixture(autouse=True)
def one(owner: User) -> None:
    make_conversation(workspace=owner.personal_workspace(), title="The mill")


def test_all_are_shown_until_somebody_chooses(client: Client) -> None:
    assert read_heads(client) == WORDS


def test_a_choice_is_kept_and_the_list_is_as_it_was(client: Client) -> None:
    body = {"column": ["age", "cost", "gold"], "filter": "tier=template&tier=scenario&page=1", "peek": "7"}
    answer = client.post("/conversations/columns/", body)
    assert answer.status_code == 302
    assert answer["Location"] == "/conversations/?tier=template&tier=scenario&page=1&peek=7"
    assert client.cookies[COOKIE].value == "title.cost.age"
    assert read_heads(client, "?tier=template") == ["Title", "Cost", "Age", "What to do"]
    row = client.get("/conversations/").text.split("<tbody>")[1].split("</tbody>")[0]
    assert "The mill" in row
    assert row.count("<td") == 5, "tick, title, cost, age, what to do"


def test_none_leaves_the_title_and_all_of_them_come_back(client: Client) -> None:
    client.post("/conversations/columns/", {})
    assert read_heads(client) == ["Title", "What to do"]
    answer = client.post("/conversations/columns/", {"standard": "1", "column": "age"})
    assert answer["Location"] == "/conversations/"
    assert read_heads(client) == WORDS


@pytest.mark.parametrize("kept", ["", "nonsense", "tier.age", "\x00"])
def test_a_cookie_that_nobody_wrote_shows_all(client: Client, kept: str) -> None:
    client.cookies[COOKIE] = kept
    assert read_heads(client) == WORDS


def test_it_changes_by_post_alone_and_leads_to_the_list_alone(client: Client) -> None:
    assert client.get("/conversations/columns/").status_code == 405
    assert client.post("/conversations/columns/", {"filter": "x" * 4001}).status_code == 400
    answer = client.post("/conversations/columns/", {"filter": "//elsewhere.example"})
    assert answer["Location"].startswith("/conversations/?")


def test_the_list_is_ordered_by_its_score(client: Client) -> None:
    text = client.get("/conversations/?sort=-score").text
    assert re.search(r'aria-sort="descending"\s*>\s*<a href="[^"]*sort=score"[^>]*>Score', text)
