"""The panel beside the list of conversations: what it shows, of whom, and what it costs."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversations.models import Conversation
from conversations.states import Status
from conversations.web.peek import FIRST_TURNS
from tests.factories import make_conversation
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
PANEL = {"HX-Request": "true", "HX-Target": "section#peek"}
PEEK_QUERIES = 2


def make_one(owner: User) -> Conversation:
    return make_conversation(
        workspace=owner.personal_workspace(),
        title="The mill <b>is</b> sold",
        status=Status.PENDING_REVIEW,
        quality_score=Decimal("7.3"),
        flags=[{"kind": "refusal", "turn": 2}],
        flag_count=1,
        turns=[f"turn text {number}" for number in range(1, 11)],
    )


def test_the_panel_shows_first_turns_score_flags_and_a_link(client: Client, owner: User) -> None:
    made = make_one(owner)
    answer = client.get(f"/conversations/?tier=template&peek={made.pk}")
    peek = answer.context["peek"]
    assert [turn.content for turn in peek.turns] == [f"turn text {n}" for n in range(1, FIRST_TURNS + 1)]
    text = " ".join(answer.text.split('<section class="card peek"')[1].split())
    assert "The mill &lt;b&gt;is&lt;/b&gt; sold" in text
    assert "7.3" in text
    assert "Refusal" in text
    assert f"{10 - FIRST_TURNS} more turns on the whole page" in text
    assert f'href="/conversations/{made.pk}/?back=tier%3Dtemplate"' in text
    assert 'href="/conversations/?tier=template"' in text, "the link that closes it"


def test_each_row_has_a_link_that_peeks_and_keeps_the_filters(client: Client, owner: User) -> None:
    first, second = make_one(owner), make_one(owner)
    answer = client.get(f"/conversations/?q=mill&page=1&peek={first.pk}")
    for row in (first, second):
        assert f'href="/conversations/?q=mill&amp;page=1&amp;peek={row.pk}#peek"' in answer.text
    assert answer.text.count('aria-current="true"') == 1
    assert answer.context["back"] == "q=mill&page=1", (
        "neither the bulk form nor the way back carries the panel"
    )


def test_without_peek_there_is_an_empty_hidden_panel(client: Client, owner: User) -> None:
    make_one(owner)
    text = client.get("/conversations/").text
    assert 'id="peek" aria-label="Peek" tabindex="-1" hidden' in text


def test_somebody_elses_and_one_that_is_not_there_look_the_same(client: Client, owner: User) -> None:
    hers = make_conversation(title="SECRET", turns=["SECRET turn", "yes"])
    texts = []
    for key in (str(hers.pk), str(uuid4()), "17"):
        answer = client.get(f"/conversations/?peek={key}", headers=PANEL)
        assert answer.status_code == 200
        texts.append(answer.text)
    assert "SECRET" not in texts[0]
    assert texts[0] == texts[1] == texts[2]
    assert "Nothing to peek at" in texts[0]


def test_htmx_gets_the_panel_alone(client: Client, owner: User) -> None:
    made = make_one(owner)
    opened = client.get(f"/conversations/?peek={made.pk}", headers=PANEL)
    assert "turn text 1" in opened.text
    assert "<html" not in opened.text
    assert 'id="table"' not in opened.text
    closed = client.get("/conversations/", headers=PANEL)
    assert "hidden" in closed.text
    assert "turn text" not in closed.text


def test_it_costs_two_queries(client: Client, owner: User) -> None:
    made = make_one(owner)
    counts = []
    for query in ("", f"?peek={made.pk}"):
        with CaptureQueriesContext(connection) as caught:
            client.get(f"/conversations/{query}")
        counts.append(len(caught))
    assert counts[1] - counts[0] <= PEEK_QUERIES


def test_the_live_search_and_the_filters_keep_the_panel(client: Client, owner: User) -> None:
    made = make_one(owner)
    text = client.get(f"/conversations/?peek={made.pk}").text
    assert 'id="find-form"' in text
    assert 'id="filter-form"' in text
    for form in ("find-form", "filter-form"):
        assert f'name="peek" value="{made.pk}" form="{form}"' in text
