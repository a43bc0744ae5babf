"""The page that lets the judge read a selection: the price first, then a batch; what has changed is asked again."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from batches.models import BatchItem, BatchJob
from conversations.judging.rubric import change_rubric, find_rubric
from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_judgement, make_log
from tests.support.judgements import make_talk, start_one_judgement
from workspaces.models import User

pytestmark = pytest.mark.django_db
PAGE = "/conversations/judge/"


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def three(owner: User) -> list[Conversation]:
    """Three that can be judged, and a draft without a text."""
    make_conversation(by=owner, status=Status.DRAFT, turns=0)
    return [make_talk(owner, title=f"Talk {n}", template_version=None) for n in range(3)]


def start(client: Client, query: str = "", **changes: Any) -> Any:
    shown = client.get(f"{PAGE}?{query}").context
    given = {
        "action": "start",
        "filter": shown["selection"].query,
        "id": [str(each) for each in shown["selection"].ids],
        "count": shown["count"],
        "rubric": shown["rubric"].version,
        "concurrency": 2,
        "idempotency_key": "k",
        **changes,
    }
    return client.post(PAGE, given)


def test_the_question_says_how_many_and_what_it_costs(client: Client, three: list[Conversation]) -> None:
    make_judgement(conversation=three[0])
    page = client.get(PAGE)
    assert (page.context["count"], page.context["judged_before"]) == (3, 1)
    found = page.context["estimate"]
    assert (found.items, found.history) == (3, 0)
    assert 0 < found.cost_low < found.cost < found.cost_high < found.default_budget
    assert "1 is judged already" in page.text


def test_a_filter_starts_a_batch_of_judgements(
    client: Client, three: list[Conversation], owner: User
) -> None:
    answer = start(client, "tier=template", name="Look at them")
    job = BatchJob.objects.get()
    assert answer["Location"] == f"/batches/{job.pk}/"
    assert (job.name, job.rubric, job.created_by, job.total_items) == (
        "Look at them",
        find_rubric(owner.personal_workspace()),
        owner,
        3,
    )
    assert {each.judges for each in job.items.all()} == set(three)
    assert {each.kind for each in job.items.all()} == {"judgement"}
    again = start(client, "tier=template", name="Look at them")
    assert again["Location"] == answer["Location"], "the same key"


def test_chosen_ones_start_a_batch(client: Client, three: list[Conversation]) -> None:
    start(client, f"id={three[0].pk}&id={three[1].pk}&id=x")
    assert {item.judges_id for item in BatchItem.objects.all()} == {three[0].pk, three[1].pk}


def test_what_has_changed_is_asked_again(client: Client, three: list[Conversation], owner: User) -> None:
    assert start(client, count=2).status_code == 409
    workspace = owner.personal_workspace()
    change_rubric(
        workspace=workspace, criteria={**find_rubric(workspace).criteria, "accuracy": "Facts."}, by=owner
    )
    answer = start(client, rubric=1)
    assert answer.status_code == 409
    assert "the rubric has changed" in answer.text
    assert not BatchJob.objects.exists()


def test_none_and_too_small_a_budget_are_said(client: Client, three: list[Conversation]) -> None:
    page = client.get(f"{PAGE}?q=nothing-like-it")
    assert "No conversation with a text is chosen" in page.text
    assert start(client, "q=nothing-like-it").status_code == 422
    tight = start(client, budget="0.01")
    assert tight.status_code == 422
    assert "does not cover one call" in tight.text


def test_it_is_offered_where_conversations_are(client: Client, three: list[Conversation]) -> None:
    assert 'name="action" value="judge"' in client.get("/conversations/?tier=template").text
    bar = {"action": "judge", "all": "1", "filter": "tier=template"}
    assert client.post("/conversations/bulk/", bar)["Location"] == "/conversations/judge/?tier=template"
    assert f"{PAGE}?id={three[0].pk}" in client.get(f"/conversations/{three[0].pk}/").text


def test_the_pages_of_its_batch_open(client: Client, three: list[Conversation], owner: User) -> None:
    job = start_one_judgement(three[0], owner)
    item = job.items.get()
    for address in (
        f"/batches/{job.pk}/",
        f"/items/{item.pk}/",
        "/batches/",
        f"/batches/{job.pk}/duplicate/",
    ):
        assert client.get(address).status_code == 200, address
    page = client.get(f"/batches/{job.pk}/").text
    for address in ("batch_duplicate", "batch_manifest", "batch_quality"):
        assert reverse(address, args=[job.pk]) not in page, "of judgements there is no copy, file or score"
    assert "The conversation that is judged" in client.get(f"/items/{item.pk}/").text
    assert "cannot be copied" in client.get(f"/batches/{job.pk}/duplicate/").text


def test_history_replaces_the_usual_length(
    client: Client, three: list[Conversation], owner: User, settings: Settings
) -> None:
    item = start_one_judgement(three[0], owner).items.get()
    for _ in range(5):
        make_log(item=item, template_version=None, output_tokens=450, simulated=settings.DEMO, cost_usd=1)
    found = client.get(PAGE).context["estimate"]
    assert found.history == 5
    assert found.output_tokens < 3 * 700
