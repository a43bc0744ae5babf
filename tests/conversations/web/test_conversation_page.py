import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from batches.models.states import ItemStatus, LogState
from conversations import quality
from conversations.states import Status
from tests.factories import make_conversation, make_item, make_job, make_log, make_member
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# At most these, however many turns there are: session, user, workspaces (three times: page, running batch, count),
# conversation, turns, log, running batch, count of all conversations;
# one more reads what people did with it, at most 50 entries.
QUERIES = 11


def test_the_turns_in_order_as_text(client: Client, owner: User) -> None:
    texts = ["Is <b>this</b> fine? مرحبا", "Yes & {{no}}\n\nnew paragraph"]
    made = make_conversation(workspace=owner.personal_workspace(), turns=texts)
    page = client.get(f"/conversations/{made.pk}/")
    assert [turn.content for turn in page.context["turns"]] == texts
    assert "Is &lt;b&gt;this&lt;/b&gt; fine? مرحبا" in page.text
    assert "Yes &amp; {{no}}\n\nnew paragraph" in page.text
    assert 'id="t2"' in page.text


def test_somebody_elses_is_as_unknown_as_an_unknown_one(client: Client, owner: User) -> None:
    foreign = make_conversation()
    unknown = client.get("/conversations/00000000-0000-4000-8000-000000000000/")
    answer = client.get(f"/conversations/{foreign.pk}/")
    assert answer.status_code == unknown.status_code == 404


def test_a_viewer_of_the_workspace_may_read(client: Client, owner: User) -> None:
    made = make_conversation()
    make_member(workspace=made.workspace, user=owner, role=Membership.Role.VIEWER)
    assert client.get(f"/conversations/{made.pk}/").status_code == 200


def test_where_it_came_from(client: Client, owner: User) -> None:
    item = make_item(job=make_job(by=owner, total_items=1, name="First three"), status=ItemStatus.COMPLETED)
    made = make_conversation(item=item, simulated=True, parameters={"persona": "Anxious <Investor>"})
    make_log(item=item, conversation=made, state=LogState.FAILED, provider_request_id="req_first")
    make_log(
        item=item,
        conversation=made,
        state=LogState.SUCCEEDED,
        attempt=2,
        provider_request_id="req_second",
        input_tokens=2011,
        output_tokens=3040,
        duration_ms=21_034,
    )
    page = client.get(f"/conversations/{made.pk}/").text
    assert "req_second" in page
    assert "req_first" not in page
    assert "21.0 s, attempt 2" in page
    assert "2.0 k in, 3.0 k out" in page
    assert "First three" in page
    assert "Anxious &lt;Investor&gt;" in page
    assert "simulated, not by Claude" in page


def test_the_parts_of_the_score(client: Client, owner: User) -> None:
    made = make_conversation(workspace=owner.personal_workspace(), turns=4)
    measured = quality.score(list(made.turns.all()))
    made.quality_metrics, made.quality_score = measured.metrics, measured.overall
    made.save(update_fields=["quality_metrics", "quality_score"])
    parts = client.get(f"/conversations/{made.pk}/").context["metrics"]
    assert [(part["name"], part["score"], part["weight"]) for part in parts] == [
        ("Turn count", 5, 40),
        ("Mean length", 4, 30),
        ("Structure", 10, 30),
    ]


def test_without_a_score_none_is_made_up(client: Client, owner: User) -> None:
    made = make_conversation(workspace=owner.personal_workspace(), quality_score=None)
    assert "Not scored" in client.get(f"/conversations/{made.pk}/").text


def test_the_way_back_keeps_the_filters(client: Client, owner: User) -> None:
    made = make_conversation(workspace=owner.personal_workspace(), status=Status.APPROVED)
    page = client.get(f"/conversations/{made.pk}/?back=status%3Dapproved%26page%3D2").text
    assert '<a href="/conversations/?status=approved&amp;page=2">' in page


def test_queries(client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    item = make_item(job=make_job(by=owner, total_items=1))
    made = make_conversation(item=item, turns=12)
    make_log(item=item, conversation=made, state=LogState.SUCCEEDED)
    with django_assert_max_num_queries(QUERIES):
        client.get(f"/conversations/{made.pk}/")
