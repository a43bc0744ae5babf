"""The judge over the API: the price, the start with a confirmed budget, and what it has said."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from batches.models import BatchJob
from conversations.models import Conversation
from conversations.states import Status
from tests.factories import make_conversation, make_judgement, make_template, make_user
from tests.support.judgements import make_talk
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def two(owner: User) -> list[Conversation]:
    return [make_talk(owner) for _ in range(2)]


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(
        f"/api/conversations/{path}", json.dumps(body), content_type="application/json", headers=headers
    )


def test_the_price_comes_first_and_stores_no_batch(client: Client, two: list[Conversation]) -> None:
    answer = post(client, "judge/estimate", {"ids": [str(each.pk) for each in two]})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["totalItems"], said["rubricVersion"]) == (2, 1)
    assert said["estimatedCost"] > 0
    assert not BatchJob.objects.exists()


def test_a_start_needs_a_budget_and_is_one_batch_for_one_key(client: Client, two: list[Conversation]) -> None:
    body = {"ids": [str(each.pk) for each in two]}
    assert post(client, "judge", body).status_code == 400
    answer = post(client, "judge", {**body, "budgetUsd": "2.00"}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 202, answer.content
    again = post(client, "judge", {**body, "budgetUsd": "2.00"}, **{"Idempotency-Key": "k"})
    assert answer.json()["jobId"] == again.json()["jobId"]
    job = BatchJob.objects.get()
    assert {item.judges_id for item in job.items.all()} == {each.pk for each in two}
    assert client.get(f"/api/conversations/batch/{job.pk}").json()["totalItems"] == 2
    assert client.get(f"/api/items/{job.items.all()[0].pk}").status_code == 200
    assert post(client, f"batch/{job.pk}/duplicate", {}).status_code == 400


def test_a_filter_is_counted_again(client: Client, two: list[Conversation]) -> None:
    body = {"filter": {"tier": ["template"]}, "budgetUsd": "2.00"}
    assert post(client, "judge", body).status_code == 400
    assert post(client, "judge", {**body, "count": 5}).status_code == 409
    assert post(client, "judge", {**body, "count": 2}).status_code == 202


def test_what_cannot_be_judged_is_named(client: Client, two: list[Conversation], owner: User) -> None:
    theirs = make_talk(make_user())
    draft = make_conversation(by=owner, status=Status.DRAFT, turns=0)
    for wrong, words in ((theirs, "is not there"), (draft, "has no text yet")):
        answer = post(client, "judge", {"ids": [str(two[0].pk), str(wrong.pk)], "budgetUsd": "2.00"})
        assert answer.status_code == 400
        assert words in answer.text
    for body in ({"budgetUsd": "2"}, {"ids": [], "budgetUsd": "2"}, {"ids": ["x"], "budgetUsd": "2"}):
        assert post(client, "judge", body).status_code == 400
    both = {"ids": [str(two[0].pk)], "filter": {}, "count": 2, "budgetUsd": "2"}
    assert post(client, "judge", both).status_code == 400
    assert not BatchJob.objects.exists()


def test_the_judgements_of_a_conversation(client: Client, two: list[Conversation]) -> None:
    address = f"/api/conversations/{two[0].pk}/judgements"
    assert client.get(address).json()["judgements"] == []
    make_judgement(conversation=two[0], scores={"accuracy": 3}, simulated=True)
    (said,) = client.get(address).json()["judgements"]
    assert (said["rubricVersion"], said["simulated"]) == (1, True)
    assert list(said["scores"])[1] == "accuracy"
    assert said["scores"]["accuracy"]["score"] == 3
    assert said["scores"]["accuracy"]["turn"] == 1
    theirs = make_talk(make_user())
    assert client.get(f"/api/conversations/{theirs.pk}/judgements").status_code == 404


def test_the_judge_can_follow_a_batch(client: Client, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace(), name="Pensions")
    body = {
        "name": "Rent",
        "templateId": str(template.pk),
        "items": [{"topic": "rent"}],
        "judgeBudgetUsd": "1.50",
    }
    answer = post(client, "generate-batch", body)
    assert answer.status_code == 202, answer.content
    job = BatchJob.objects.get()
    assert job.judge_budget_usd == Decimal("1.50")
    assert client.get(f"/api/conversations/batch/{job.pk}").json()["judgeBudgetUsd"] == "1.5"
    draft = post(client, "generate-batch", {**body, "draft": True})
    assert draft.status_code == 400
    assert "Leave judgeBudgetUsd out" in draft.text
    neither = post(client, "generate-batch", {**body, "judge": False})
    assert neither.status_code == 400
    assert "send judge: true" in neither.text


def test_the_judge_of_a_batch_is_in_its_estimate_and_costs_at_most_what_that_offers(
    client: Client, owner: User
) -> None:
    template = make_template(workspace=owner.personal_workspace(), name="Pensions")
    body = {"name": "Rent", "templateId": str(template.pk), "items": [{"topic": "rent"}]}
    plain = post(client, "batch/estimate", body).json()
    assert "judge" not in plain
    asked = post(client, "batch/estimate", {**body, "judge": True}).json()
    assert asked["estimatedCostUsd"] == plain["estimatedCostUsd"], "the judge is beside it, not in it"
    assert Decimal(asked["judge"]["estimatedCostUsd"]) > 0
    assert post(client, "generate-batch", {**body, "judge": True}).status_code == 202
    job = BatchJob.objects.get()
    assert job.judge_budget_usd == Decimal(asked["judge"]["defaultBudgetUsd"])
    assert post(client, "generate-batch", {**body, "judge": True, "draft": True}).status_code == 400
    post(client, "generate-batch", body)
    assert BatchJob.objects.newest_first()[0].judge_budget_usd is None
