"""The pages that make conversations anew: one from its form, many by a filter."""

from typing import Any

import pytest
from django.test import Client

from batches.models import BatchItem, BatchJob, Worker
from batches.models.states import ItemStatus, JobKind
from conversations import versions
from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_item, make_job, make_template
from tests.support.steps import claim_item, file_reply
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
VALUES = {"topic": "a pension", "persona": "Nurse"}
MANY = "/conversations/regenerate/"


@pytest.fixture
def first(owner: User) -> Conversation:
    version = make_template(workspace=owner.personal_workspace()).versions.get()
    return make_conversation(
        by=owner, template_version=version, parameters=VALUES, topic="a pension", title="A talk"
    )


def address(found: Conversation) -> str:
    return f"/conversations/{found.pk}/regenerate/"


def press(client: Client, found: Conversation, **changes: Any) -> Any:
    shown = client.get(address(found)).context
    given = {
        "action": "generate",
        "template": str(shown["template"].pk),
        "shown_version": str(shown["version"].pk),
        "idempotency_key": str(shown["idempotency_key"]),
        "value-topic": "a pension",
        "value-persona": "Nurse",
        **changes,
    }
    return client.post(address(found), given)


def test_the_form_is_filled_and_priced(client: Client, first: Conversation) -> None:
    page = client.get(address(first) + "?from_turn=3")
    assert page.context["form"].values == VALUES
    assert (page.context["form"].from_turn, page.context["being_made"]) == ("3", None)
    assert "Regenerate A talk" in page.text
    assert page.context["price"].cost > 0
    assert "A new version of this conversation." in page.text
    assert "It is approved" not in page.text


def test_an_approved_one_is_told_to_leave_the_dataset(
    client: Client, first: Conversation, owner: User
) -> None:
    first.approve(by=owner)
    assert "leaves the dataset" in client.get(address(first)).text


def test_regenerate_shows_its_item_and_then_the_new_version(
    client: Client, first: Conversation, worker: Worker
) -> None:
    answer = press(
        client, first, instruction="Let her\r\ndoubt.", from_turn="3", **{"value-persona": "Farmer"}
    )
    item = BatchItem.objects.select_related("job").get()
    assert (answer.status_code, answer["Location"]) == (302, f"/items/{item.pk}/")
    assert (item.instruction, item.from_turn, item.parameters["persona"]) == ("Let her\ndoubt.", 3, "Farmer")
    assert item.job.kind == JobKind.SINGLE
    assert "The old one stays as it is until then" in client.get(f"/items/{item.pk}/").text
    assert "It is being regenerated already" in client.get(address(first)).text
    file_reply(claim_item(item.job, worker))
    done = client.get(f"/items/{item.pk}/", follow=True)
    made = Conversation.objects.heads().get()
    assert done.redirect_chain[-1][0] == f"/conversations/{made.pk}/"
    assert "Version 2 is there, and is the current one." in done.text
    assert f"/conversations/{first.pk}/diff/1..2/" in done.text


def test_pressing_twice_pays_once(client: Client, first: Conversation) -> None:
    for _ in range(2):
        assert press(client, first, idempotency_key="k").status_code == 302
    assert BatchJob.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"from_turn": "9"}, "has 4 turns: choose a turn from 1 to 4"),
        ({"from_turn": "-1"}, "Write the number of a turn"),
        ({"instruction": "x" * 5001}, "at most 5,000 are allowed"),
        ({"value-topic": ""}, "is required"),
        ({"details": "nothing"}, "write it as name: text"),
    ],
)
def test_problems_stand_above_the_form(
    client: Client, first: Conversation, changes: dict[str, str], message: str
) -> None:
    answer = press(client, first, **changes)
    assert answer.status_code == 422
    assert message in answer.text
    assert not BatchJob.objects.exists()


def test_a_replaced_version_leads_back_with_a_message(
    client: Client, first: Conversation, owner: User
) -> None:
    versions.edit(first, {1: "Hello?"}, by=owner)
    for answer in (client.get(address(first), follow=True), client.post(address(first), follow=True)):
        assert "A newer version has replaced this conversation" in answer.text


def test_another_template_can_be_chosen(client: Client, first: Conversation, owner: User) -> None:
    other = make_template(workspace=owner.personal_workspace(), name="Other")
    page = client.post(address(first), {"action": "update", "template": str(other.pk), "value-topic": "rent"})
    assert page.context["template"] == other
    foreign = make_template()
    assert client.get(f"{address(first)}?template={foreign.pk}").status_code == 404


# --- many -----------------------------------------------------------------------------------------------


def start(client: Client, query: str = "", **changes: Any) -> Any:
    shown = client.get(f"{MANY}?{query}").context
    given = {
        "action": "start",
        "filter": shown["selection"].query,
        "id": [str(each) for each in shown["selection"].ids],
        "count": shown["count"],
        "approved": shown["approved"],
        "concurrency": 2,
        "error_handling": "continue",
        "idempotency_key": "k",
        **changes,
    }
    return client.post(MANY, given)


@pytest.fixture
def three(first: Conversation, owner: User) -> list[Conversation]:
    """Three that can be made anew; the last is approved. Beside them one without a template."""
    also = [
        make_conversation(
            by=owner, template_version=first.template_version, parameters=VALUES, title=f"Talk {n}"
        )
        for n in (2, 3)
    ]
    also[1].approve(by=owner)
    make_conversation(by=owner, template_version=None)
    return [first, *also]


def test_the_question_says_how_many_and_what_it_costs(client: Client, three: list[Conversation]) -> None:
    page = client.get(MANY)
    assert (page.context["count"], page.context["approved"]) == (3, 1)
    assert "1 of them is approved" in page.text
    assert page.context["estimate"].items == 3


def test_a_filter_starts_a_batch(client: Client, three: list[Conversation], owner: User) -> None:
    answer = start(client, "status=approved", instruction="Shorter.")
    job = BatchJob.objects.get()
    assert answer["Location"] == f"/batches/{job.pk}/"
    item = job.items.get()
    assert (item.regenerates_id, item.instruction, job.kind) == (three[2].pk, "Shorter.", JobKind.BATCH)
    assert (job.concurrent_processing, job.created_by) == (2, owner)
    again = start(client, "status=approved", instruction="Shorter.")
    assert again["Location"] == answer["Location"], "the same key"


def test_chosen_ones_start_a_batch(client: Client, three: list[Conversation]) -> None:
    start(client, f"id={three[0].pk}&id={three[1].pk}&id=x")
    assert {item.regenerates_id for item in BatchItem.objects.all()} == {three[0].pk, three[1].pk}


@pytest.mark.parametrize("path", [MANY, "/conversations/judge/"])
def test_what_cannot_be_read_never_means_all(client: Client, three: list[Conversation], path: str) -> None:
    assert client.get(f"{path}?id=x").status_code == 400
    assert client.post(path, {"id": "x", "action": "start"}).status_code == 400
    assert client.get(path, {"id": [str(three[0].pk)] * 1001}).status_code == 400
    answer = client.get(f"{path}?status=nonsense&q=Talk", follow=True)
    assert "The filter cannot be read (Status)" in answer.text
    assert answer.request["PATH_INFO"] == "/conversations/"
    ticked = client.get(f"{path}?id={three[0].pk}&status=nonsense")
    assert ticked.context["count"] == 1, "of chosen ones no filter can mean more"


def test_a_selection_that_has_changed_is_asked_again(client: Client, three: list[Conversation]) -> None:
    answer = start(client, count=2)
    assert answer.status_code == 409
    assert "The selection has changed" in answer.text
    assert start(client, approved=0, idempotency_key="l").status_code == 409
    assert not BatchJob.objects.exists()


def test_none_is_said(client: Client, first: Conversation) -> None:
    Conversation.objects.update(status=Status.GENERATED)
    page = client.get(f"{MANY}?q=nothing-like-it")
    assert "No conversation with a text and a template is chosen" in page.text
    assert start(client, "q=nothing-like-it").status_code == 422


# --- where it is offered --------------------------------------------------------------------------------


def test_the_list_offers_both(client: Client, first: Conversation) -> None:
    page = client.get("/conversations/?tier=template").text
    assert address(first) in page
    assert 'name="action" value="regenerate"' in page
    chosen = client.post(
        "/conversations/bulk/", {"action": "regenerate", "all": "1", "filter": "tier=template"}
    )
    assert chosen["Location"] == f"{MANY}?tier=template"


def test_the_page_of_a_batch_links_to_the_current_version(client: Client, owner: User) -> None:
    item = make_item(job=make_job(by=owner, total_items=1, completed_items=1), status=ItemStatus.COMPLETED)
    made = make_conversation(item=item, title="A talk")
    for text in ("One.", "Two."):
        made = versions.edit(made, {1: text}, by=owner)
    page = client.get(f"/batches/{item.job_id}/").text
    assert f"/conversations/{made.pk}/?back=" in page
    assert "v3" in page
