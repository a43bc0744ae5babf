"""The kinds of plans over the API, at once or as a draft."""

import json
from typing import Any

import pytest
from django.test import Client

from batches.models import BatchJob
from batches.models.states import JobStatus
from conversations.states import Status
from templates_app.models import PromptTemplate
from templates_app.states import Tier
from tests.batches.actions.test_drafts import order
from tests.factories import make_conversation, make_edge_case, make_scenario, make_template, make_token
from workspaces.models import User

pytestmark = pytest.mark.django_db
START = "/api/conversations/generate-batch"


@pytest.fixture
def template(owner: User) -> PromptTemplate:
    return make_template(workspace=owner.personal_workspace())


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


def post(caller: Client, given: dict[str, Any], *, path: str = START, key: str = "") -> Any:
    headers = {"idempotency-key": key} if key else {}
    body = json.dumps({"name": "over the wire", **given})
    return caller.post(path, body, content_type="application/json", headers=headers)


def matrix(template: PromptTemplate, **fields: Any) -> dict[str, Any]:
    axes = [
        {"name": "persona", "values": ["Farmer", {"value": "Nurse", "weight": 3}]},
        {"name": "emotion", "values": ["calm"]},
    ]
    return {
        "templateId": str(template.pk),
        "sharedParameters": {"topic": "rent"},
        "matrix": {"axes": axes, "total": 4, **fields},
    }


def test_a_matrix(caller: Client, template: PromptTemplate) -> None:
    answer = post(caller, {**matrix(template), "details": {"season": "winter"}})
    assert answer.status_code == 202
    job = BatchJob.objects.get()
    assert sorted(order(job)) == ["Fc", "Nc", "Nc", "Nc"]
    details = job.items.get(position=1).details
    assert details["season"] == "winter"
    assert "setting" in details
    assert post(caller, {**matrix(template), "diversity": False}).status_code == 202
    assert BatchJob.objects.order_by("created_at").last().items.get(position=1).details == {}  # type: ignore[union-attr]


def test_the_estimate_takes_the_same_bodies(caller: Client, template: PromptTemplate) -> None:
    answer = post(caller, matrix(template), path="/api/conversations/batch/estimate")
    assert (answer.status_code, answer.json()["totalItems"]) == (200, 4)
    assert not BatchJob.objects.exists()


def test_a_draft_waits(caller: Client, template: PromptTemplate, client: Client, owner: User) -> None:
    first, again = (
        post(caller, {**matrix(template), "draft": True, "concurrentProcessing": 2}, key="a")
        for _ in range(2)
    )
    assert first.status_code == again.status_code == 201
    job = BatchJob.objects.get()
    body = first.json()
    assert (body["jobId"], body["status"], body["totalItems"]) == (str(job.pk), "draft", 4)
    assert again.json() == body
    client.force_login(owner)
    assert client.get(body["planUrl"]).context["estimate"]["concurrency"] == 2
    assert caller.get(f"{first['Location']}").json()["status"] == "draft"
    cancelled = caller.patch(
        f"/api/conversations/batch/{job.pk}", {"action": "cancel"}, content_type="application/json"
    )
    assert cancelled.json()["status"] == "cancelled"


def test_situations(caller: Client, template: PromptTemplate, owner: User) -> None:
    place = owner.personal_workspace()
    for tier in (Tier.SCENARIO, Tier.EDGE_CASE):  # the newest of a tier is the one that is filled
        make_template(workspace=place, tier=tier)
    one = make_scenario(workspace=place, tags=["rare"])
    other = make_edge_case(workspace=place, tags=["rare"])
    foreign = make_scenario(tags=["rare"])
    assert post(caller, {"tags": ["rare"]}).json()["totalItems"] == 2
    assert post(caller, {"tags": ["rare"], "tier": "scenario"}).json()["totalItems"] == 1
    assert (
        post(caller, {"edgeCaseIds": [str(other.pk)], "scenarioIds": [str(one.pk)]}).json()["totalItems"] == 2
    )
    wrong = post(caller, {"scenarioIds": [str(foreign.pk)]})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_plan")


def test_chosen_drafts(caller: Client, template: PromptTemplate, owner: User) -> None:
    version = template.versions.get()
    made = make_conversation(
        workspace=owner.personal_workspace(),
        status=Status.DRAFT,
        template_version=version,
        parameters={"topic": "rent"},
    )
    assert post(caller, {"conversationIds": [str(made.pk)]}).status_code == 202
    foreign = make_conversation(status=Status.DRAFT)
    wrong = post(caller, {"conversationIds": [str(foreign.pk)]})
    assert wrong.status_code == 400
    assert wrong.json()["details"][0]["column"] == "conversationIds"


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"tags": ["a"]}, "tags"),
        ({"templateId": None}, "templateId"),
        ({"details": {"": "x"}}, "details"),
        ({"matrix": {"axes": [{"name": "mood", "values": ["a"]}]}}, "mood"),
        ({"matrix": {"axes": "persona"}}, "axes"),
        ({"matrix": {}}, "axes"),
        ({"matrix": {"axes": [{"name": "persona", "values": [[]]}], "perCell": 1}}, "persona"),
        ({"matrix": {"axes": [{"name": "persona", "values": ["A"]}], "perCell": 99_999}}, "perCell"),
    ],
)
def test_problems_are_named(
    caller: Client, template: PromptTemplate, fields: dict[str, Any], column: str
) -> None:
    answer = post(caller, {**matrix(template), **fields})
    assert answer.status_code == 400
    assert column in {each["column"] for each in answer.json()["details"]}
    assert not BatchJob.objects.filter(status=JobStatus.QUEUED).exists()


def test_details_of_an_item_are_checked(caller: Client, template: PromptTemplate) -> None:
    items: list[dict[str, Any]] = [{"topic": "a"}, {"topic": "b", "details": {"mood": "x\u0001"}}]
    answer = post(caller, {"templateId": str(template.pk), "items": items})
    assert answer.json()["details"][0]["row"] == 2
    items[1]["details"] = {"mood": "calm"}
    assert post(caller, {"templateId": str(template.pk), "items": items}).status_code == 202
    assert BatchJob.objects.get().items.get(position=2).details == {"mood": "calm"}


@pytest.mark.parametrize("name", ["tags", "scenarioIds", "edgeCaseIds", "conversationIds", "items"])
def test_an_empty_selection_starts_nothing(caller: Client, name: str) -> None:
    """It chooses nothing; read as "not given" it would start the starter plan, and be paid."""
    answer = post(caller, {name: []})
    assert answer.status_code == 400
    assert name in {each["column"] for each in answer.json()["details"]}
    assert post(caller, {name: []}, path="/api/conversations/batch/estimate").status_code == 400
    assert not BatchJob.objects.exists()
