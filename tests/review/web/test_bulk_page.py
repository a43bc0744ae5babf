"""Many conversations at once from the list: the number is confirmed, and counted again when it is done."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from background.models import BackgroundJob
from conversations.models import Conversation, Decision, search
from conversations.states import Status
from review.models import Assignment
from tests.factories import make_conversation, make_member, make_user, make_workspace
from workspaces.models import Membership, User, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
BULK = "/conversations/bulk/"


@pytest.fixture
def three(owner: User) -> list[Conversation]:
    return [make_conversation(by=owner, status=Status.GENERATED, title=f"Number {n}") for n in range(3)]


def tick(*rows: Conversation) -> list[str]:
    return [f"{row.pk}:{row.revision}" for row in rows]


def statuses(rows: list[Conversation]) -> list[str]:
    return [Conversation.objects.get(pk=row.pk).status for row in rows]


def said(client: Client, answer: Any) -> str:
    return " ".join(client.get(answer["Location"]).text.split())


def test_the_list_has_a_tick_for_each_row_and_a_bar(client: Client, three: list[Conversation]) -> None:
    page = client.get("/conversations/?tier=template").text
    for row in three:
        assert f'value="{row.pk}:0"' in page
    assert 'name="filter" value="tier=template"' in page
    assert "All 3" in page


def test_the_ticked_ones_are_asked_about_and_then_approved(client: Client, three: list[Conversation]) -> None:
    ids = tick(*three[:2])
    question = client.post(BULK, {"action": "approve", "id": ids, "filter": "q=Number"})
    assert "Approve 2 conversations?" in question.text
    assert statuses(three) == ["generated"] * 3
    answer = client.post(
        BULK, {"action": "approve", "id": ids, "filter": "q=Number", "count": 2, "note": "Fine"}
    )
    assert answer["Location"] == "/conversations/?q=Number"
    assert "2 conversations are approved." in said(client, answer)
    assert statuses(three) == ["approved", "approved", "generated"]
    assert set(Decision.objects.values_list("note", flat=True)) == {"Fine"}


def test_all_that_match_are_counted_again(client: Client, owner: User, three: list[Conversation]) -> None:
    given = {"action": "approve", "all": "1", "filter": "q=Number&page=2"}
    assert "Approve 3 conversations?" in client.post(BULK, given).text
    make_conversation(by=owner, status=Status.GENERATED, title="Number four")
    make_conversation(by=owner, status=Status.GENERATED, title="Another")
    again = client.post(BULK, {**given, "count": 3})
    assert again.status_code == 409
    assert "It is 4 conversations now" in again.text
    assert 'name="count" value="4"' in again.text
    assert not Decision.objects.exists()
    assert client.post(BULK, {**given, "count": 4}).status_code == 302
    assert Conversation.objects.filter(status=Status.APPROVED).count() == 4


@pytest.mark.parametrize("action", ["reject", "needs_revision"])
def test_a_reason_is_asked_for(client: Client, three: list[Conversation], action: str) -> None:
    given = {"action": action, "id": tick(*three), "count": 3}
    asked = client.post(BULK, given)
    assert asked.status_code == 422
    assert "Say why" in asked.text
    assert client.post(BULK, {**given, "reasons": ["leak"]}).status_code == 302
    assert {tuple(each) for each in Decision.objects.values_list("reasons", flat=True)} == {("leak",)}


def test_approved_ones_that_leave_and_what_stays_are_told(client: Client, owner: User) -> None:
    make_conversation(by=owner, status=Status.APPROVED, approved_at=timezone.now())
    make_conversation(by=owner, status=Status.ARCHIVED)
    page = client.post(BULK, {"action": "archive", "all": "1"}).text
    words = " ".join(page.split())
    assert "1 of them is approved" in words
    assert "1 of them stays as it is" in words
    answer = client.post(BULK, {"action": "archive", "all": "1", "count": 2})
    assert "1 conversation is archived. 1 left as it is: This conversation is archived" in said(
        client, answer
    )


def test_what_somebody_changed_meanwhile_is_left(client: Client, three: list[Conversation]) -> None:
    ids = tick(*three)
    three[0].reject(by=None)
    answer = client.post(BULK, {"action": "approve", "id": ids, "count": 3})
    assert "2 conversations are approved. 1 left as it is: Somebody has changed" in said(client, answer)
    assert statuses(three) == ["rejected", "approved", "approved"]


def test_one_row_from_its_menu(client: Client, three: list[Conversation]) -> None:
    page = client.post(BULK, {"one": f"archive {three[1].pk}:0", "id": tick(*three), "all": "1"}).text
    assert "Archive 1 conversation?" in page
    assert f'value="{three[1].pk}:0"' in page
    client.post(BULK, {"action": "archive", "id": tick(three[1]), "count": 1})
    assert statuses(three) == ["generated", "archived", "generated"]


def test_regenerate_leads_to_its_price(client: Client, three: list[Conversation]) -> None:
    chosen = client.post(BULK, {"action": "regenerate", "id": tick(three[0])})
    assert chosen["Location"] == f"/conversations/regenerate/?id={three[0].pk}"
    all_of_them = client.post(BULK, {"action": "regenerate", "all": "1", "filter": "q=Number"})
    assert all_of_them["Location"] == "/conversations/regenerate/?q=Number"


def test_to_a_reviewer_and_back(client: Client, owner: User) -> None:
    home = make_workspace(owner=owner)
    bert = make_user(username="bert")
    make_member(workspace=home, user=bert, role=Membership.Role.REVIEWER)
    make_member(workspace=home, user=make_user(username="vera"), role=Membership.Role.VIEWER)
    rows = [make_conversation(workspace=home, status=Status.GENERATED) for _ in range(2)]
    page = client.post(BULK, {"action": "assign", "id": tick(*rows)})
    assert [each.username for each in page.context["people"]] == ["bert", "owner"]
    given = {"action": "assign", "id": tick(*rows), "count": 2}
    assert client.post(BULK, given).status_code == 422
    assert client.post(BULK, {**given, "assignee": bert.pk}).status_code == 302
    assert client.post(BULK, {**given, "assignee": bert.pk}).status_code == 302
    assert list(Assignment.objects.values_list("assignee", flat=True)) == [bert.pk] * 2
    client.post(BULK, {**given, "assignee": "nobody"})
    assert not Assignment.objects.exists()


@pytest.fixture
def shared(client: Client, owner: User) -> Workspace:
    return make_workspace(owner=make_user())


@pytest.mark.parametrize("role", ["viewer", "reviewer", "editor"])
def test_only_what_the_role_allows(client: Client, owner: User, shared: Workspace, role: str) -> None:
    make_member(workspace=shared, user=owner, role=Membership.Role(role))
    row = make_conversation(workspace=shared, status=Status.GENERATED)
    make_conversation(status=Status.GENERATED)
    allowed = {
        "approve": role != "viewer",
        "assign": role != "viewer",
        "archive": role == "editor",
    }
    for action, may in allowed.items():
        for chosen in ({"id": tick(row)}, {"all": "1"}):
            assert client.post(BULK, {"action": action, **chosen}).context["total"] == int(may), action
    page = client.get("/conversations/").text
    assert ("data-tick\n" in page) == (role != "viewer")
    assert ("Regenerate…</a>" in page) == (role == "editor")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"action": "approve"},
        {"action": "delete", "all": "1"},
        {"action": "approve", "id": ["", "x", "1:2", "\x00"]},
        {"one": "archive nothing"},
        {"one": "burn x"},
    ],
)
def test_what_makes_no_sense_leads_back(
    client: Client, three: list[Conversation], given: dict[str, Any]
) -> None:
    answer = client.post(BULK, {"filter": "q=Number", **given})
    assert answer["Location"] == "/conversations/?q=Number"
    assert not Decision.objects.exists()


def test_a_filter_that_is_too_long_is_not_cut(client: Client, three: list[Conversation]) -> None:
    assert (
        client.post(BULK, {"action": "approve", "all": "1", "filter": "q=" + "x" * 4000}).status_code == 400
    )
    assert client.get("/conversations/regenerate/", {"q": "x" * 4000}).status_code == 400
    wide = {"action": "approve", "all": "1", "filter": "q=" + "%F0%9F%98%80" * 200}
    assert client.post(BULK, wide).context["total"] == 0


@pytest.mark.parametrize("query", ["status=nonsense", "tier=template&tier=x", "score_min=many", "batch=1"])
def test_a_filter_that_cannot_be_read_never_means_all(
    client: Client, three: list[Conversation], query: str
) -> None:
    for given in ({}, {"count": 3}):
        answer = client.post(BULK, {"action": "archive", "all": "1", "filter": query, **given})
        assert "The filter cannot be read" in said(client, answer)
    assert statuses(three) == [Status.GENERATED] * 3


def test_more_than_fit_and_a_search_that_cannot_find_all(
    client: Client, three: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.web.bulk.MOST_IN_JOB", 2)
    monkeypatch.setattr("conversations.jobs.bulk.MOST_IN_REQUEST", 1)
    monkeypatch.setattr("conversations.jobs.bulk.MOST_IN_JOB", 2)
    page = client.post(BULK, {"action": "approve", "all": "1"})
    assert "At most 2 conversations at once" in page.text
    assert client.post(BULK, {"action": "approve", "all": "1", "count": 3}).status_code == 422
    monkeypatch.setattr(search, "NEWEST", 2)
    monkeypatch.setattr(search, "WHOLE", 1)
    monkeypatch.setattr(search, "PROBE", 2)
    answer = client.post(BULK, {"action": "approve", "all": "1", "filter": "q=Tu"})
    assert "too short to find all" in said(client, answer)
    partial = client.get("/conversations/?q=Tu").text
    assert "the newest\n            2 conversations" in partial
    assert client.get("/conversations/regenerate/?q=Tu")["Location"] == "/conversations/?q=Tu"
    assert not Decision.objects.exists()


def test_more_than_a_request_takes_go_to_a_job(
    client: Client, three: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.jobs.bulk.MOST_IN_REQUEST", 2)
    answer = client.post(BULK, {"action": "approve", "all": "1", "count": 3})
    job = BackgroundJob.objects.get()
    assert (answer["Location"], job.total) == (job.get_absolute_url(), 3)
    assert "Approve 3 conversations: this goes on in the background." in said(client, answer)
    assert not Decision.objects.exists()


def test_as_many_queries_for_twenty_as_for_two(
    client: Client, owner: User, django_assert_max_num_queries: Any
) -> None:
    rows = [make_conversation(by=owner, status=Status.GENERATED) for _ in range(20)]
    with django_assert_max_num_queries(20):
        client.post(BULK, {"action": "approve", "id": tick(*rows), "count": 20})
