"""What a request chooses: an empty or a wrong choice starts nothing, and the error names its field."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus
from conversations.states import Status
from templates_app.models import PromptTemplate
from tests.factories import (
    make_conversation,
    make_edge_case,
    make_item,
    make_job,
    make_scenario,
    make_template,
    make_token,
)
from workspaces.models import User

pytestmark = pytest.mark.django_db
START = "/api/conversations/generate-batch"
ESTIMATE = "/api/conversations/batch/estimate"
NOBODY = str(uuid4())


@pytest.fixture
def user(owner: User, starter_pack: None) -> User:
    return owner


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


@pytest.fixture
def template(user: User) -> PromptTemplate:
    return make_template(workspace=user.personal_workspace())


def send(caller: Client, path: str, body: Any, *, method: str = "post") -> Any:
    answer = getattr(caller, method)(path, json.dumps(body), content_type="application/json")
    return answer, [each["column"] for each in answer.json().get("details", [])]


def check_nothing_started(caller: Client, fields: dict[str, Any], column: str) -> str:
    """The error of a start with these fields, which the estimate gives too."""
    answer, columns = send(caller, START, {"name": "n", **fields})
    assert (answer.status_code, set(columns)) == (400, {column}), answer.json()
    assert send(caller, ESTIMATE, fields)[0].status_code == 400
    assert not BatchJob.objects.exists()
    return str(answer.json()["error"])


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"items": []}, "items"),
        ({"conversationIds": []}, "conversationIds"),
        ({"scenarioIds": []}, "scenarioIds"),
        ({"edgeCaseIds": []}, "edgeCaseIds"),
        ({"tags": []}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["  "]}, "tags"),
        ({"tags": "land"}, "tags"),
        ({"tags": {}}, "tags"),
        ({"tier": ""}, "tier"),
        ({"tier": []}, "tier"),
        ({"tier": "everything"}, "tier"),
        ({"conversationIds": ["x"]}, "conversationIds"),
        ({"conversationIds": NOBODY}, "conversationIds"),
        ({"conversationIds": [NOBODY]}, "conversationIds"),
        ({"scenarioIds": [NOBODY]}, "scenarioIds"),
        ({"edgeCaseIds": [NOBODY]}, "edgeCaseIds"),
        ({"tags": ["no such tag"]}, "tags"),
        ({"templateId": NOBODY, "items": [{"topic": "x"}]}, "templateId"),
        ({"scenarioIds": [NOBODY], "tier": "edge_case"}, "tier"),
        ({"edgeCaseIds": [NOBODY], "tier": "template"}, "tier"),
        ({"tags": ["land"], "tier": "template"}, "tier"),
        ({"templateId": NOBODY, "tags": ["land"]}, "templateId"),
        ({"templateId": NOBODY, "conversationIds": [NOBODY]}, "templateId"),
    ],
)
def test_a_wrong_choice_starts_nothing(caller: Client, fields: dict[str, Any], column: str) -> None:
    check_nothing_started(caller, fields, column)


def test_a_tag_that_nothing_carries_is_named_beside_one_that_is_carried(caller: Client, user: User) -> None:
    make_scenario(workspace=user.personal_workspace(), tags=["land"])
    assert "'lnad'" in check_nothing_started(caller, {"tags": ["land", "lnad"]}, "tags")


def test_a_scenario_is_no_edge_case(caller: Client, user: User) -> None:
    one = make_scenario(workspace=user.personal_workspace())
    other = make_edge_case(workspace=user.personal_workspace())
    check_nothing_started(caller, {"edgeCaseIds": [str(one.pk)]}, "edgeCaseIds")
    both = {"scenarioIds": [str(one.pk)], "edgeCaseIds": [str(other.pk)]}
    check_nothing_started(caller, {**both, "tier": "edge_case"}, "tier")


def test_chosen_conversations_have_their_own_tier(
    caller: Client, user: User, template: PromptTemplate
) -> None:
    draft = make_conversation(
        workspace=user.personal_workspace(),
        status=Status.DRAFT,
        template_version=template.versions.get(),
        parameters={"topic": "rent"},
        tier="template",
    )
    chosen = {"conversationIds": [str(draft.pk)]}
    check_nothing_started(caller, {**chosen, "tier": "edge_case"}, "tier")
    assert send(caller, START, {"name": "n", **chosen, "tier": "template"})[0].status_code == 202


def test_a_matrix_has_the_tier_of_its_template(caller: Client, template: PromptTemplate) -> None:
    fields = {
        "templateId": str(template.pk),
        "sharedParameters": {"topic": "rent", "emotion": "calm"},
        "matrix": {"axes": [{"name": "persona", "values": ["Nurse"]}]},
    }
    other = "edge_case" if template.tier != "edge_case" else "scenario"
    check_nothing_started(caller, {**fields, "tier": other}, "tier")
    assert send(caller, START, {"name": "n", **fields, "tier": template.tier})[0].status_code == 202


@pytest.mark.parametrize(
    ("matrix", "column"),
    [
        ({}, "axes"),
        ({"axes": []}, "axes"),
        ({"axes": [{"name": "persona"}]}, "persona"),
        ({"axes": [{}]}, "axes"),
        ({"axes": [{"name": "persona", "values": []}]}, "persona"),
    ],
)
def test_an_empty_matrix(caller: Client, template: PromptTemplate, matrix: Any, column: str) -> None:
    fields = {"templateId": str(template.pk), "matrix": matrix}
    answer, columns = send(caller, START, {"name": "n", **fields})
    assert answer.status_code == 400
    assert column in columns
    assert not BatchJob.objects.exists()


# --- a retry ----------------------------------------------------------------------------------------------


@pytest.fixture
def failed(user: User) -> BatchJob:
    job = make_job(by=user, status=JobStatus.COMPLETED, total_items=2, failed_items=2)
    for kind in ("timeout", "declined"):
        make_item(job=job, status=ItemStatus.FAILED, error_kind=kind)
    return job


@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"errorKind": "bad_luck"}, "errorKind"),
        ({"errorKind": ""}, "errorKind"),
        ({"errorKind": None}, "errorKind"),
        ({"itemIds": []}, "itemIds"),
        ({"itemIds": None}, "itemIds"),
        ({"itemIds": ["x"]}, "itemIds"),
        ({"itemIds": [NOBODY]}, "itemIds"),
    ],
)
def test_a_wrong_choice_retries_nothing(
    caller: Client, failed: BatchJob, fields: dict[str, Any], column: str
) -> None:
    path = f"/api/conversations/batch/{failed.pk}"
    answer, columns = send(caller, path, {"action": "retry_failed", **fields}, method="patch")
    assert (answer.status_code, columns) == (400, [column]), answer.json()
    assert failed.items.filter(status=ItemStatus.FAILED).count() == 2


def test_an_item_of_another_batch_is_named_by_its_place(caller: Client, failed: BatchJob, user: User) -> None:
    mine = failed.items.first()
    foreign = make_item(job=make_job(by=user, total_items=1), status=ItemStatus.FAILED)
    assert mine is not None
    for status in (JobStatus.COMPLETED, JobStatus.PROCESSING):
        BatchJob.objects.filter(pk=failed.pk).update(status=status)
        body = {"action": "retry_failed", "itemIds": [str(mine.pk), str(foreign.pk)]}
        answer, columns = send(caller, f"/api/conversations/batch/{failed.pk}", body, method="patch")
        assert (answer.status_code, columns, answer.json()["details"][0]["row"]) == (400, ["itemIds"], 2)
    assert not BatchItem.objects.exclude(retried_at=None).exists()


def test_a_kind_that_did_not_happen_says_so(caller: Client, failed: BatchJob) -> None:
    body = {"action": "retry_failed", "errorKind": "overloaded"}
    answer, _ = send(caller, f"/api/conversations/batch/{failed.pk}", body, method="patch")
    assert answer.status_code == 409
    assert "with the error kind overloaded" in answer.json()["error"]


# --- templates --------------------------------------------------------------------------------------------


def test_a_version_that_is_not_there_is_named(caller: Client, template: PromptTemplate) -> None:
    path = f"/api/templates/{template.pk}"
    for end, column, body in (
        ("versions", "fromVersion", {"fromVersion": 9}),
        ("resolve", "version", {"version": 9}),
    ):
        answer, columns = send(caller, f"{path}/{end}", body)
        assert (answer.status_code, columns) == (404, [column])
        assert "no version 9" in answer.json()["error"]


def test_an_old_version_brings_its_own_content(caller: Client, template: PromptTemplate) -> None:
    body = {"fromVersion": 1, "text": "another"}
    answer, columns = send(caller, f"/api/templates/{template.pk}/versions", body)
    assert (answer.status_code, columns) == (400, ["fromVersion"])
    assert template.versions.count() == 1
