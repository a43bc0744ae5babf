"""POST /api/conversations/generate-batch and /batch/estimate."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from batches.limits.pools import make_missing_limits
from batches.models import BatchItem, BatchJob
from claude.current_models import RetiredModel
from templates_app.models import PromptTemplate
from templates_app.text.rendering import Variable
from tests.factories import make_member, make_template, make_token, make_user, make_version, make_workspace
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import Membership, User

START = "/api/conversations/generate-batch"
ESTIMATE = "/api/conversations/batch/estimate"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


@pytest.fixture
def starter(user: User) -> User:
    """A person whose workspace has the starter templates."""
    bring_starter_pack(user.personal_workspace())
    return user


@pytest.fixture
def template(user: User) -> PromptTemplate:
    return make_template(workspace=user.personal_workspace())


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def columns(response: Any) -> set[str]:
    return {problem["column"] for problem in response.json()["details"]}


# --- the starter plan ------------------------------------------------------------------------------------


def test_the_starter_plan_starts_at_once(caller: Client, starter: User) -> None:
    response = post(caller, START, {"name": "All ninety"})
    answer = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"/api/conversations/batch/{answer['jobId']}/status"
    job = BatchJob.objects.get(pk=answer["jobId"])
    assert (job.status, job.total_items, job.created_by, job.name) == ("queued", 90, starter, "All ninety")
    assert job.workspace == starter.personal_workspace()
    assert answer["success"] is True
    assert answer["status"] == "queued"
    assert Decimal(answer["estimatedCostUsd"]) == Decimal(job.estimate["cost"])
    assert answer["estimatedCost"] == pytest.approx(float(answer["estimatedCostUsd"]), abs=1e-6)
    assert answer["estimatedTime"].split()[1] in ("second", "seconds", "minute", "minutes")


def test_one_tier_only(caller: Client, starter: User) -> None:
    answer = post(caller, START, {"name": "Edges", "tier": "edge_case"}).json()
    job = BatchJob.objects.get(pk=answer["jobId"])
    assert (job.total_items, job.tier) == (15, "edge_case")
    assert set(job.items.values_list("tier", flat=True)) == {"edge_case"}


def test_settings_reach_the_job(caller: Client, starter: User) -> None:
    body = {
        "name": "Mine",
        "tier": "edge_case",
        "concurrentProcessing": 3,
        "errorHandling": "stop",
        "priority": "high",
        "mode": "live",
        "budgetUsd": "12.5",
        "seed": 7,
    }
    job = BatchJob.objects.get(pk=post(caller, START, body).json()["jobId"])
    assert (job.concurrent_processing, job.error_handling, job.priority) == (3, "stop", 1)
    assert (job.budget_usd, job.seed) == (Decimal("12.5"), 7)


def test_a_budget_sent_as_a_number_is_taken_as_it_reads(caller: Client, starter: User) -> None:
    answer = post(caller, START, {"name": "n", "tier": "edge_case", "budgetUsd": 9.1}).json()
    assert BatchJob.objects.get(pk=answer["jobId"]).budget_usd == Decimal("9.1")
    assert answer["budgetUsd"] == "9.1"


def test_without_the_starter_templates_it_says_so(caller: Client, user: User) -> None:
    response = post(caller, START, {"name": "n"})
    assert response.status_code == 400
    assert columns(response) == {"templateId"}
    assert "prepare" in response.json()["error"]


# --- a template and its items ----------------------------------------------------------------------------


def test_items_of_a_template(caller: Client, template: PromptTemplate) -> None:
    make_version(template=template, text="Second text: {{topic}}")
    items = [
        {"topic": "Debt", "parameters": {"persona": "R&D <b> {{x}}"}, "category": ["money"]},
        {"topic": "Pension", "tier": "scenario"},
    ]
    body = {
        "name": "n",
        "templateId": str(template.pk),
        "items": items,
        "sharedParameters": {"tone": "calm", "persona": "Shared"},
    }
    answer = post(caller, START, body).json()
    first, second = BatchItem.objects.filter(job=answer["jobId"])
    assert first.parameters == {"topic": "Debt", "persona": "R&D <b> {{x}}", "tone": "calm"}
    assert second.parameters == {"topic": "Pension", "persona": "Shared", "tone": "calm"}
    assert (first.tier, second.tier, first.category) == ("template", "scenario", ["money"])
    assert first.template_version.number == 2
    assert answer["templates"] == [
        {
            "templateId": str(template.pk),
            "name": template.name,
            "version": 2,
            "versionId": str(first.template_version_id),
        }
    ]
    assert BatchJob.objects.get(pk=answer["jobId"]).shared_parameters == body["sharedParameters"]


def test_a_template_without_a_topic_variable(caller: Client, user: User) -> None:
    plain = make_template(workspace=user.personal_workspace(), text="Go on.", variables=[])
    body = {"name": "n", "templateId": str(plain.pk), "items": [{"topic": "Debt"}]}
    item = BatchItem.objects.get(job=post(caller, START, body).json()["jobId"])
    assert (item.topic, item.parameters) == ("Debt", {})


def test_all_problems_of_all_items_at_once(caller: Client, user: User) -> None:
    variables = [Variable("topic"), Variable("age", "number"), Variable("place")]
    text = "{{topic}} {{age}} {{place}}"
    template = make_template(workspace=user.personal_workspace(), text=text, variables=variables)
    items = [
        {"topic": "One", "parameters": {"age": "old", "place": "Here"}},
        {"topic": "Two", "parameters": {"age": 4}},
        {"topic": "Three", "parameters": {"age": 4, "place": "There", "colour": "red"}},
    ]
    shared = {"planet": "Mars"}
    body = {"name": "n", "templateId": str(template.pk), "items": items, "sharedParameters": shared}
    for path in (START, ESTIMATE):
        response = post(caller, path, body)
        assert response.status_code == 400
        found = [(each["row"], each["column"]) for each in response.json()["details"]]
        assert found == [(None, "sharedParameters.planet"), (1, "age"), (2, "place"), (3, "colour")]
    assert response.json()["code"] == "invalid_plan"
    assert not BatchJob.objects.exists()


def test_fields_of_items_are_checked_with_their_row(caller: Client, template: PromptTemplate) -> None:
    items = [{"topic": "Fine"}, {"tier": "gold"}, {"topic": "x", "colour": 1, "parameters": {"topic": "y"}}]
    response = post(caller, START, {"name": "n", "templateId": str(template.pk), "items": items})
    found = {(each["row"], each["column"]) for each in response.json()["details"]}
    assert found == {(2, "tier"), (2, "topic"), (3, "colour"), (3, "parameters")}


def test_an_empty_list_of_items(caller: Client, template: PromptTemplate) -> None:
    response = post(caller, START, {"name": "n", "templateId": str(template.pk), "items": []})
    assert response.status_code == 400
    assert "empty" in response.json()["error"]


def test_template_and_items_come_together(caller: Client, template: PromptTemplate) -> None:
    assert columns(post(caller, START, {"name": "n", "items": [{"topic": "x"}]})) == {"templateId"}
    assert columns(post(caller, START, {"name": "n", "templateId": str(template.pk)})) == {"items"}


def test_foreign_unknown_and_unpublished_templates_answer_alike(caller: Client, user: User) -> None:
    hidden = make_template(workspace=make_user().personal_workspace())
    draft = make_template(workspace=user.personal_workspace(), published=False)
    bodies = []
    for template_id in (hidden.pk, draft.pk, uuid4()):
        body = {"name": "n", "templateId": str(template_id), "items": [{"topic": "x"}]}
        response = post(caller, START, body)
        assert response.status_code == 400
        bodies.append(response.content)
    assert len(set(bodies)) == 1
    assert columns(response) == {"templateId"}


@pytest.mark.parametrize(
    ("role", "status"), [("owner", 202), ("editor", 202), ("reviewer", 403), ("viewer", 403)]
)
def test_only_owners_and_editors_start(caller: Client, user: User, role: str, status: int) -> None:
    shared = make_workspace()
    make_member(workspace=shared, user=user, role=Membership.Role(role))
    template = make_template(workspace=shared)
    body = {"name": "n", "templateId": str(template.pk), "items": [{"topic": "x"}]}
    response = post(caller, START, body)
    assert response.status_code == status
    assert BatchJob.objects.filter(workspace=shared).exists() == (status == 202)


# --- refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ({}, "name"),
        ({"name": "n", "conversationIds": ["x"]}, "conversationIds"),
        ({"name": "n", "mode": "economy"}, "mode"),
        ({"name": "n", "budgetUSD": 3}, "budgetUSD"),
        ({"name": "n", "budgetUsd": 0}, "budgetUsd"),
        ({"name": "n", "budgetUsd": "NaN"}, "budgetUsd"),
        ({"name": "n", "concurrentProcessing": 0}, "concurrentProcessing"),
        ({"name": "n", "concurrentProcessing": 11}, "concurrentProcessing"),
        ({"name": "n", "concurrentProcessing": True}, "concurrentProcessing"),
        ({"name": "n", "priority": 1}, "priority"),
        ({"name": "n", "errorHandling": "panic"}, "errorHandling"),
        ({"name": "n", "tier": "gold"}, "tier"),
        ({"name": "n", "templateId": "no-uuid", "items": []}, "templateId"),
        ({"name": "n", "seed": 2**70}, "seed"),
        ({"name": "n", "sharedParameters": [1]}, "sharedParameters"),
        ({"name": "n", "sharedParameters": {"colour": "red"}}, "sharedParameters.colour"),
        ({"name": "n", "status": "completed"}, "status"),
    ],
)
def test_a_wrong_field_is_named(caller: Client, starter: User, body: dict[str, Any], column: str) -> None:
    response = post(caller, START, body)
    assert response.status_code == 400, response.json()
    assert columns(response) == {column}
    assert not BatchJob.objects.exists()


def test_several_wrong_fields_at_once(caller: Client) -> None:
    response = post(caller, START, {"tier": "gold", "colour": 1, "seed": "x"})
    assert columns(response) == {"name", "tier", "colour", "seed"}
    assert response.json()["error"].endswith("(and 3 more)")


def test_a_user_id_in_the_body_is_ignored(caller: Client, starter: User) -> None:
    other = make_user()
    body = {"name": "n", "tier": "edge_case", "userId": str(other.pk)}
    assert BatchJob.objects.get(pk=post(caller, START, body).json()["jobId"]).created_by == starter


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\udfff tail"])
def test_what_cannot_be_stored_is_refused(caller: Client, template: PromptTemplate, text: str) -> None:
    body = {
        "name": "n",
        "templateId": str(template.pk),
        "items": [{"topic": "x", "parameters": {"persona": text}}],
    }
    response = post(caller, START, body)
    assert response.status_code == 400
    assert columns(response) == {"items.0.parameters.persona"}
    assert post(caller, START, {"name": text}).status_code == 400
    assert post(caller, START, {text: 1}).status_code == 400


def test_a_model_that_is_gone(caller: Client, starter: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise RetiredModel("The model is retired. Use another.")

    monkeypatch.setattr("batches.planning.estimate.estimate.current_models.find_card", gone)
    response = post(caller, START, {"name": "n"})
    assert response.status_code == 422
    assert response.json()["code"] == "retired_model"


# --- once only ---------------------------------------------------------------------------------------------


def test_the_same_key_makes_one_job(caller: Client, starter: User) -> None:
    key = {"Idempotency-Key": "order 66"}
    answers = [post(caller, START, {"name": "n", "tier": "edge_case"}, **key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert BatchJob.objects.count() == 1
    post(caller, START, {"name": "n", "tier": "edge_case"}, **{"Idempotency-Key": "another"})
    assert BatchJob.objects.count() == 2


def test_the_key_of_one_person_is_not_anothers(caller: Client, starter: User) -> None:
    other = make_user()
    bring_starter_pack(other.personal_workspace())
    theirs = Client(headers={"authorization": f"Bearer {make_token(user=other)}"})
    body, key = {"name": "n", "tier": "edge_case"}, {"Idempotency-Key": "k"}
    jobs = {post(client, START, body, **key).json()["jobId"] for client in (caller, theirs)}
    assert len(jobs) == 2


def test_a_key_that_is_too_long(caller: Client) -> None:
    response = post(caller, START, {"name": "n"}, **{"Idempotency-Key": "k" * 201})
    assert response.status_code == 400
    assert columns(response) == {"Idempotency-Key"}


# --- the estimate ------------------------------------------------------------------------------------------


def test_the_estimate_makes_nothing(caller: Client, starter: User) -> None:
    response = post(caller, ESTIMATE, {"tier": "scenario"})
    answer = response.json()
    assert response.status_code == 200
    assert answer["totalItems"] == 35
    low, high = (Decimal(answer["estimatedCostRangeUsd"][side]) for side in ("low", "high"))
    assert low < Decimal(answer["estimatedCostUsd"]) < high
    assert answer["basis"]
    assert answer["estimatedSeconds"] > 0
    assert answer["simulated"] is settings.DEMO
    assert [each["version"] for each in answer["templates"]] == [1] * len(answer["templates"])
    assert not BatchJob.objects.exists()


def test_the_estimate_is_what_the_start_says(caller: Client, starter: User) -> None:
    body = {"name": "n", "tier": "edge_case"}
    said, started = post(caller, ESTIMATE, body).json(), post(caller, START, body).json()
    shared = said.keys() & started.keys()
    assert "estimatedCostUsd" in shared
    assert {key: said[key] for key in shared} == {key: started[key] for key in shared}


def test_how_many_queries_a_start_takes(
    caller: Client, starter: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_missing_limits()  # a running installation has them
    with django_assert_max_num_queries(21):  # one of them stores all items
        assert UUID(post(caller, START, {"name": "n"}).json()["jobId"])
