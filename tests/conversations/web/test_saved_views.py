"""Saved views: a filter of the list under a name, of one person alone."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client

from conversations.models import SavedView
from conversations.models.saved_views import MOST_VIEWS, TooManyViews
from conversations.web.saved_views import write_view_query
from tests.factories import make_conversation, make_saved_view, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db
VIEWS = "/conversations/views/"


@pytest.fixture
def mine(signed_in: User, owner: User) -> User:
    return owner


def names(user: User) -> list[str]:
    return list(SavedView.objects.of(user).values_list("name", flat=True))


def test_a_filter_gets_a_name_and_is_a_link_above_the_table(client: Client, mine: User) -> None:
    sent = "tier=template&q=the+mill&page=3&peek=7&csrfmiddlewaretoken=x&sort=score&score_min="
    answer = client.post(VIEWS, {"name": " Mills <b> ", "filter": sent})
    kept = SavedView.objects.get()
    assert (kept.user, kept.name) == (mine, "Mills <b>")
    assert kept.query == "q=the+mill&tier=template&sort=score", "no page, no panel, nothing unknown"
    assert answer["Location"] == f"/conversations/?{kept.query}"
    text = client.get(answer["Location"]).text
    assert 'href="/conversations/?q=the+mill&amp;tier=template&amp;sort=score"' in text
    assert "Mills &lt;b&gt;" in text


def test_the_open_view_is_marked_in_whatever_order_its_filters_are(client: Client, mine: User) -> None:
    make_saved_view(user=mine, name="this", query="q=mill&tier=template")
    make_saved_view(user=mine, name="that", query="q=mill")
    answer = client.get("/conversations/?tier=template&q=mill&page=1")
    assert [(link.view.name, link.is_open) for link in answer.context["view_links"]] == [
        ("that", False),
        ("this", True),
    ]
    assert client.get(f"/conversations/?q={'x' * 4001}").status_code == 200


def test_the_same_name_replaces_the_filter(client: Client, mine: User) -> None:
    client.post(VIEWS, {"name": "Mills", "filter": "q=mill"})
    client.post(VIEWS, {"name": "Mills", "filter": "q=mills"})
    assert [view.query for view in SavedView.objects.all()] == ["q=mills"]


def test_each_person_has_names_of_the_own(client: Client, mine: User) -> None:
    other = make_saved_view(user=make_user(), name="Mills", query="q=SECRET")
    client.post(VIEWS, {"name": "Mills", "filter": "q=mill"})
    other.refresh_from_db()
    assert other.query == "q=SECRET"
    for page in ("/conversations/", VIEWS):
        assert "SECRET" not in client.get(page).text
    assert client.post(f"{VIEWS}{other.pk}/delete/").status_code == 404
    assert SavedView.objects.count() == 2


def test_delete(client: Client, mine: User) -> None:
    view = make_saved_view(user=mine, name="Mills")
    assert f"{VIEWS}{view.pk}/delete/" in client.get(VIEWS).text
    assert client.post(f"{VIEWS}{view.pk}/delete/")["Location"] == VIEWS
    assert not SavedView.objects.exists()
    assert "No saved views yet" in client.get(VIEWS).text
    assert client.post(f"{VIEWS}{view.pk}/delete/").status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "", "filter": "q=mill"}, "give the view a name"),
        ({"name": "x" * 61, "filter": "q=mill"}, "at most 60 characters"),
        ({"name": "Mills", "filter": ""}, "filter or order the list first"),
        ({"name": "Mills", "filter": "page=2&peek=1"}, "filter or order the list first"),
    ],
)
def test_what_cannot_be_saved_is_said(client: Client, mine: User, body: dict[str, str], words: str) -> None:
    answer = client.post(VIEWS, body)
    assert answer.status_code == 422
    assert words in answer.text
    assert not SavedView.objects.exists()


def test_a_filter_that_is_too_long_is_refused(client: Client, mine: User) -> None:
    assert client.post(VIEWS, {"name": "a", "filter": "q=" + "x" * 4000}).status_code == 400
    umlauts = "q=" + "ä" * 1000  # 1,002 characters, six thousand when they are written for an address
    assert client.post(VIEWS, {"name": "a", "filter": umlauts}).status_code == 400
    assert client.post(VIEWS, {"name": "a", "filter": "q=" + quote("ä" * 200)}).status_code == 302


def test_fifty_views_are_the_most(client: Client, mine: User) -> None:
    SavedView.objects.bulk_create(
        SavedView(user=mine, name=f"{number:02}", query="q=a") for number in range(MOST_VIEWS)
    )
    answer = client.post(VIEWS, {"name": "one more", "filter": "q=mill"})
    assert answer.status_code == 422
    assert "50 views" in answer.text
    assert client.post(VIEWS, {"name": "07", "filter": "q=mill"}).status_code == 302
    assert SavedView.objects.count() == MOST_VIEWS
    assert len(client.get("/conversations/").context["view_links"]) == MOST_VIEWS


def test_the_views_are_of_all_workspaces_and_find_what_one_may_see(client: Client, mine: User) -> None:
    make_conversation(workspace=mine.personal_workspace(), title="mine")
    make_conversation(title="somebody else's")
    view = make_saved_view(user=mine, query="tier=template&tier=scenario&tier=edge_case")
    rows = client.get(f"/conversations/?{view.query}").context["page"].rows
    assert [row.title for row in rows] == ["mine"]


def test_the_page_says_in_words_what_a_view_finds(client: Client, mine: User) -> None:
    make_saved_view(user=mine, name="a", query="q=mill&tier=template")
    make_saved_view(user=mine, name="b", query="sort=score")
    text = " ".join(client.get(VIEWS).text.split())
    assert "“mill” · Tier: Template" in text
    assert "an order alone" in text


def test_a_query_is_always_written_alike() -> None:
    assert write_view_query("?&sort=score&tier=b&tier=a&q=%C3%A4") == "q=%C3%A4&tier=b&tier=a&sort=score"


@pytest.mark.django_db(transaction=True)
def test_two_tabs_do_not_make_one_too_many() -> None:
    user = make_user()
    SavedView.objects.bulk_create(
        SavedView(user=user, name=f"{number:02}", query="q=a") for number in range(MOST_VIEWS - 1)
    )

    def keep(name: str) -> bool:
        try:
            SavedView.objects.keep(user, name=name, query="q=b")
        except TooManyViews:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(keep, ["a", "b", "c", "d"]))
    assert sorted(done) == [False, False, False, True]
    assert len(names(user)) == MOST_VIEWS
