"""GET /api/conversations and /api/conversations/{id}."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from conversations.models import Conversation
from conversations.states import Status
from lib import paging
from templates_app.states import Tier
from tests.factories import (
    make_conversation,
    make_item,
    make_job,
    make_template,
    make_token,
    make_user,
)
from workspaces.models import User

LIST = "/api/conversations"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


def titles(response: Any) -> list[str]:
    assert response.status_code == 200, response.json()
    return [row["title"] for row in response.json()["conversations"]]


def test_the_list_has_no_turns_and_both_ids(caller: Client, user: User) -> None:
    item = make_item(job=make_job(by=user))
    made = make_conversation(item=item, simulated=True, category=["money"])
    answer = caller.get(LIST).json()
    assert (answer["total"], answer["page"]) == (1, 1)
    assert "totalIsMore" not in answer
    (row,) = answer["conversations"]
    assert "turns" not in row
    assert "parameters" not in row
    assert (row["id"], row["conversationId"]) == (str(made.pk), made.conversation_id)
    assert (row["status"], row["tier"], row["qualityScore"]) == ("pending_review", "template", 7.0)
    assert (row["turnCount"], row["simulated"], row["category"]) == (4, True, ["money"])
    assert (row["actualCost"], row["actualCostUsd"]) == (0.012346, "0.012345678")
    assert (row["jobId"], row["templateVersion"]) == (str(item.job_id), 1)


def test_each_filter(caller: Client, user: User) -> None:
    item = make_item(job=make_job(by=user))
    make_conversation(by=user, title="a", tier=Tier.SCENARIO, quality_score=Decimal("3.0"))
    make_conversation(by=user, title="b", status=Status.APPROVED, quality_score=Decimal("9.0"))
    make_conversation(item=item, title="c", topic="Öl and GAS", status=Status.REJECTED)
    cases = {
        "tier=scenario": ["a"],
        "tier=scenario,template": ["c", "b", "a"],
        "status=approved&status=rejected": ["c", "b"],
        "status=": ["c", "b", "a"],
        "qualityScoreMin=7": ["c", "b"],
        "qualityScoreMax=7.0": ["c", "a"],
        "qualityScoreMin=4&qualityScoreMax=8": ["c"],
        "search=and%20gas": ["c"],
        "search=turn%203": ["c", "b", "a"],
        "flag=refusal,placeholder": [],
        "flaggedSinceDecision=true": [],
        "flaggedSinceDecision=false": ["c", "b", "a"],
        "search=100%25_": [],
        f"batch={item.job_id}": ["c"],
        "tier=template&status=approved": ["b"],
        "limit=1&offset=1": ["b"],
        "offset=5": [],
    }
    for query, expected in cases.items():
        assert titles(caller.get(f"{LIST}?{query}")) == expected, query


def test_a_date_means_the_whole_day(caller: Client, user: User) -> None:
    for day in (20, 21, 22):
        made = make_conversation(by=user, title=str(day))
        Conversation.objects.filter(pk=made.pk).update(created_at=datetime(2026, 11, day, 15, tzinfo=UTC))
    cases = {
        "createdFrom=2026-11-21": ["22", "21"],
        "createdTo=2026-11-21": ["21", "20"],
        "createdFrom=2026-11-21T15:00:01Z": ["22"],
        "createdTo=2026-11-21T15:00:00Z": ["20"],
        "createdFrom=2026-11-21T16:30:00%2B02:00": ["22", "21"],
    }
    for query, expected in cases.items():
        assert titles(caller.get(f"{LIST}?{query}")) == expected, query


@pytest.mark.parametrize(
    "query",
    [
        "tier=gold",
        "tier=template,gold",
        "status=lost",
        "qualityScoreMin=eleven",
        "qualityScoreMin=NaN",
        "qualityScoreMax=11",
        "createdFrom=yesterday",
        "createdTo=2026-02-30",
        "createdTo=9999-12-31",
        "createdFrom=0001-01-01T00:00:00%2B14:00",
        "limit=201",
        "limit=0",
        "limit=ten",
        "offset=-1",
        "offset=99999999999",
        "batch=7",
        "search=%00",
        "sort=title",
    ],
)
def test_a_bad_value_names_its_field(caller: Client, query: str) -> None:
    response = caller.get(f"{LIST}?{query}")
    assert response.status_code == 400
    assert {each["column"] for each in response.json()["details"]} == {query.partition("=")[0]}


def test_a_search_is_bounded(caller: Client) -> None:
    assert caller.get(LIST, {"search": "x" * 200}).status_code == 200
    assert caller.get(LIST, {"search": "x" * 201}).status_code == 400


def test_the_total_is_exact_up_to_a_bound(
    caller: Client, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LIMIT", 3)
    for _ in range(3):
        make_conversation(by=user, turns=0)
    assert "totalIsMore" not in caller.get(LIST).json()
    make_conversation(by=user, turns=0)
    answer = caller.get(LIST, {"limit": 2, "offset": 2}).json()
    assert (answer["total"], answer["totalIsMore"], answer["page"]) == (3, True, 2)
    assert len(caller.get(LIST, {"limit": 2, "offset": 3}).json()["conversations"]) == 1


def test_queries_do_not_grow_with_the_rows(
    caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    version = make_template(workspace=user.personal_workspace()).versions.get()
    for _ in range(40):
        make_conversation(
            by=user, turns=0, status=Status.APPROVED, approved_by=user, template_version=version
        )
    with django_assert_max_num_queries(2 + 4):
        assert len(titles(caller.get(LIST))) == 40


def test_one_with_its_turns(
    caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    odd = "R&D <b> {{x}} \u2028 😀 שלום"
    made = make_conversation(
        by=user, turns=[odd, "Yes."], parameters={"topic": odd}, status=Status.APPROVED, approved_by=user
    )
    with django_assert_max_num_queries(2 + 4):
        answer = caller.get(f"{LIST}/{made.pk}").json()
    assert answer["id"] == str(made.pk)
    assert answer["approvedBy"] == user.username
    assert answer["parameters"] == {"topic": odd}
    assert answer["turns"] == [
        {"turnNumber": 1, "role": "user", "content": odd, "tokenCount": answer["turns"][0]["tokenCount"]},
        {"turnNumber": 2, "role": "assistant", "content": "Yes.", "tokenCount": 1},
    ]


def test_what_is_somebody_elses_answers_like_what_is_not_there(caller: Client) -> None:
    foreign = make_conversation()
    answers = [caller.get(f"{LIST}/{key}") for key in (foreign.pk, uuid4(), "not-an-id", "1", "fp_x_001")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert titles(caller.get(LIST)) == []


def test_a_trailing_slash_is_optional(caller: Client, user: User) -> None:
    made = make_conversation(by=user)
    for path in (LIST, f"{LIST}/{made.pk}"):
        assert caller.get(path).content == caller.get(f"{path}/").content
