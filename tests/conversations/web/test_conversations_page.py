from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from conversations.models import Conversation
from conversations.states import Status
from templates_app.states import Tier
from tests.factories import make_conversation, make_item, make_job
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# At most these, however many rows the list has: session, user, workspaces (three times: list, running batch, count),
# count, rows, running batch, count of all conversations, number of the review queue in the menu, powers of the person, saved
# views.
QUERIES = 12
SEARCH_QUERIES = 2  # the turns that hold the text, and the snippets
TABLE = {"HX-Request": "true", "HX-Target": "section#table"}


def titles(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/conversations/{query}")
    assert answer.status_code == 200
    return [row.title for row in answer.context["page"].rows]


def test_only_what_one_may_see(client: Client, owner: User) -> None:
    make_conversation(by=owner, workspace=owner.personal_workspace(), title="mine")
    make_conversation(title="somebody else's")
    answer = client.get("/conversations/")
    assert [row.title for row in answer.context["page"].rows] == ["mine"]
    assert "somebody else" not in answer.text


def test_flags_are_shown_by_name_and_come_first(client: Client, owner: User) -> None:
    home = owner.personal_workspace()
    refusal, short = {"kind": "refusal", "turn": 2}, {"kind": "short_turn", "turn": 4}
    make_conversation(workspace=home, title="clean", quality_score=Decimal("3.0"))
    make_conversation(workspace=home, title="one", flag_count=1, flags=[short], quality_score=Decimal(10))
    make_conversation(workspace=home, title="low", flag_count=1, flags=[short], quality_score=Decimal("4.0"))
    make_conversation(workspace=home, title="three", flag_count=3, flags=[refusal, short, short])
    answer = client.get("/conversations/")
    assert [row.title for row in answer.context["page"].rows] == ["three", "low", "one", "clean"]
    lines = {
        line.row.title: [(flag.label, count) for flag, count in line.flags]
        for line in answer.context["lines"]
    }
    assert lines["three"] == [("Refusal", 1), ("Very short answer", 2)]
    assert lines["clean"] == []
    assert "Very short answer ×2" in " ".join(answer.text.split())


def test_the_filters_by_flag(client: Client, owner: User) -> None:
    home = owner.personal_workspace()
    for title, kinds in {
        "a": [],
        "b": ["refusal"],
        "c": ["short_turn", "refusal"],
        "d": ["placeholder"],
    }.items():
        flags = [{"kind": kind, "turn": 1} for kind in kinds]
        since = title == "b"
        make_conversation(
            workspace=home, title=title, flags=flags, flag_count=len(flags), flagged_since_decision=since
        )
    wanted = {
        "flag=refusal": "bc",
        "flag=refusal&flag=placeholder": "bcd",
        "flag=any": "bcd",
        "flag=none": "a",
        "flag=none&flag=short_turn": "ac",
        "flagged_since=on": "b",
        "undecided=on&flag=none": "a",
        "flag=gold": "abcd",
    }
    found = {query: "".join(sorted(titles(client, f"?{query}"))) for query in wanted}
    assert found == wanted


def test_a_search_shows_the_turn_with_its_words_marked(client: Client, owner: User) -> None:
    home = owner.personal_workspace()
    make_conversation(workspace=home, title="hit", turns=["Hi", "A <b>tax</b> on Pensions."])
    make_conversation(workspace=home, title="miss", turns=["Hi", "Nothing."])
    answer = client.get("/conversations/?q=pension+tax")
    assert [row.title for row in answer.context["page"].rows] == ["hit"]
    assert "<mark>Pension</mark>" in answer.text
    assert "&lt;b&gt;<mark>tax</mark>&lt;/b&gt;" in " ".join(answer.text.split()).replace(
        "> <", "><"
    ).replace("; <", ";<").replace("> &", ">&")
    assert "Turn 2" in answer.text


def test_the_filters(client: Client, owner: User) -> None:
    rows: list[dict[str, Any]] = [
        {"title": "a", "tier": Tier.TEMPLATE, "status": Status.APPROVED, "quality_score": Decimal("9.1")},
        {
            "title": "b",
            "tier": Tier.SCENARIO,
            "status": Status.PENDING_REVIEW,
            "quality_score": Decimal("7.0"),
        },
        {"title": "c", "tier": Tier.EDGE_CASE, "status": Status.NEEDS_REVISION, "quality_score": None},
    ]
    for row in rows:
        made = make_conversation(
            workspace=owner.personal_workspace(), persona=f"persona {row['title']}", **row
        )
        days = ord(row["title"]) - ord("a")
        Conversation.objects.filter(pk=made.pk).update(
            created_at=datetime(2026, 3, 1 + days, 23, 59, tzinfo=UTC)
        )
    assert titles(client) == ["b", "a", "c"]
    assert titles(client, "?sort=-created") == ["c", "b", "a"]
    assert titles(client, "?tier=template&tier=scenario") == ["b", "a"]
    assert titles(client, "?status=needs_revision") == ["c"]
    assert titles(client, "?score_min=7.0&score_max=8") == ["b"]
    assert titles(client, "?created_from=2026-03-02&created_to=2026-03-02") == ["b"]
    assert titles(client, "?q=PERSONA+B") == ["b"]
    assert titles(client, "?sort=created") == ["a", "b", "c"]
    assert titles(client, "?sort=-score") == ["a", "b", "c"]
    assert titles(client, "?sort=score") == ["b", "a", "c"]


def test_the_conversations_of_one_batch(client: Client, owner: User) -> None:
    job = make_job(by=owner, total_items=1)
    make_conversation(item=make_item(job=job), title="of the batch")
    make_conversation(workspace=owner.personal_workspace(), title="other")
    assert titles(client, f"?batch={job.pk}") == ["of the batch"]


@pytest.mark.parametrize(
    "query",
    [
        "?score_min=lots",
        "?created_from=yesterday",
        "?created_to=9999-12-31",
        "?created_from=0001-01-01",
        "?batch=17",
        "?tier=gold",
        "?q=%00",
        "?page=x",
        "?sort=;drop",
    ],
)
def test_what_cannot_be_read_is_left_out_and_named(client: Client, owner: User, query: str) -> None:
    make_conversation(workspace=owner.personal_workspace(), title="there")
    assert titles(client, query) == ["there"]


def test_each_filter_is_a_chip_whose_link_removes_it_alone(client: Client, owner: User) -> None:
    answer = client.get("/conversations/?q=x&tier=template&tier=scenario&score_min=6&page=2")
    assert [(chip.words, chip.query) for chip in answer.context["chips"]] == [
        ("“x”", "tier=template&tier=scenario&score_min=6"),
        ("Tier: Template, Scenario", "q=x&score_min=6"),
        ("Score from: 6", "q=x&tier=template&tier=scenario"),
    ]


def test_nothing_yet_and_nothing_matches_are_two_states(client: Client, owner: User) -> None:
    assert "No conversations yet" in client.get("/conversations/").text
    assert "Nothing matches" in client.get("/conversations/?q=zzz").text


def test_pages_of_fifty_keep_the_filters(client: Client, owner: User) -> None:
    workspace = owner.personal_workspace()
    for _ in range(52):
        make_conversation(workspace=workspace, turns=2)
    first = client.get("/conversations/?tier=template").context["page"]
    assert (first.first, first.last, first.total, first.previous) == (1, 50, "52", "")
    assert first.next == "/conversations/?tier=template&page=2"
    last = client.get("/conversations/?tier=template&page=99").context["page"]
    assert (last.first, last.last, last.next) == (51, 52, "")


def test_the_live_search_gets_the_table_alone(client: Client, owner: User) -> None:
    make_conversation(workspace=owner.personal_workspace(), title="About pensions")
    answer = client.get("/conversations/?q=pension", headers=TABLE)
    assert answer.text.lstrip().startswith("<section")
    assert "About pensions" in answer.text
    assert "<html" not in answer.text
    assert "HX-Request" in answer["Vary"]
    assert answer["Cache-Control"] == "no-store"


def test_text_of_a_model_is_text(client: Client, owner: User) -> None:
    make_conversation(workspace=owner.personal_workspace(), title="<b>bold</b> <script>alert(1)</script>")
    answer = client.get("/conversations/?q=<script>")
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script>alert" not in answer.text


def test_as_many_queries_for_fifty_rows_as_for_one(
    client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_job(by=owner, total_items=20)
    for _ in range(20):
        make_conversation(item=make_item(job=job))
    with django_assert_max_num_queries(QUERIES + SEARCH_QUERIES):
        client.get("/conversations/?tier=template&q=retirement")


def test_the_age_of_a_row(client: Client, owner: User) -> None:
    made = make_conversation(workspace=owner.personal_workspace())
    Conversation.objects.filter(pk=made.pk).update(
        created_at=timezone.now() - timedelta(minutes=3, seconds=5)
    )
    assert "3 min ago" in client.get("/conversations/").text
