"""GET /api/logs and /api/logs/cost: who sees what, what the sums are."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from batches.models import GenerationLog
from tests.factories import make_item, make_job, make_log, make_token, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db
# At most these, however many calls were logged: token, its person, workspaces, count, rows; the sums need no count.
LOGS_QUERIES = 5
COST_QUERIES = 4


@pytest.fixture
def user() -> User:
    return make_user(username="anna")


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {make_token(user=user)}"})


def spend(
    user: User, cost: str, *, day: int = 20, model: str = "claude-sonnet-5-5", job: str = "One"
) -> GenerationLog:
    item = make_item(job=make_job(by=user, name=job))
    log = make_log(
        item=item, cost_usd=Decimal(cost), model=model, input_tokens=10, output_tokens=20, created_by=user
    )
    GenerationLog.objects.filter(pk=log.pk).update(created_at=datetime(2026, 11, day, 12, tzinfo=UTC))
    return log


def test_every_attempt_newest_first(caller: Client, user: User) -> None:
    older, newer = spend(user, "0.1", day=19), spend(user, "0.2", day=20)
    answer = caller.get("/api/logs").json()
    assert [log["id"] for log in answer["logs"]] == [str(newer.pk), str(older.pk)]
    assert answer["total"] == 2
    assert (answer["logs"][0]["costUsd"], answer["logs"][0]["user"]) == ("0.2", "anna")


def test_the_log_of_somebody_else_is_not_there(caller: Client) -> None:
    spend(make_user(), "0.1")
    assert caller.get("/api/logs").json()["logs"] == []
    assert caller.get("/api/logs/cost").json()["total"]["costUsd"] == "0"


def test_from_and_to(caller: Client, user: User) -> None:
    for day in (18, 19, 20):
        spend(user, "0.1", day=day)
    answer = caller.get("/api/logs", {"from": "2026-11-19", "to": "2026-11-19"}).json()
    assert [log["createdAt"][:10] for log in answer["logs"]] == ["2026-11-19"]


def test_sums_are_exact_and_by_day(caller: Client, user: User) -> None:
    for cost, day in (("0.1", 19), ("0.2", 19), ("0.000000001", 20)):
        spend(user, cost, day=day)
    answer = caller.get("/api/logs/cost").json()
    assert answer["total"] == {
        "costUsd": "0.300000001",
        "calls": 3,
        "inputTokens": 30,
        "outputTokens": 60,
        "cacheReadTokens": 0,
        "cacheWriteTokens": 0,
        "cacheWrite1hTokens": 0,
        "cacheSavedUsd": "0",
    }
    assert [(row["day"], row["costUsd"]) for row in answer["rows"]] == [
        ("2026-11-19", "0.3"),
        ("2026-11-20", "0.000000001"),
    ]


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("user", {"user"}),
        ("job", {"jobId", "jobName"}),
        ("template", {"templateVersionId", "templateName", "templateVersion"}),
        ("model", {"modelId"}),
    ],
)
def test_the_dearest_first(by: str, names: set[str], caller: Client, user: User) -> None:
    spend(user, "0.1", model="claude-haiku-5-5")
    spend(user, "0.4")
    rows = caller.get("/api/logs/cost", {"by": by}).json()["rows"]
    assert names <= rows[0].keys()
    costs = [Decimal(row["costUsd"]) for row in rows]
    assert costs == sorted(costs, reverse=True)
    assert sum(costs) == Decimal("0.5")


@pytest.mark.parametrize(
    "query", ["by=moon", "from=yesterday", "limit=0", "form=2026-01-01", "job=x", "state=odd"]
)
def test_a_bad_query_is_named(query: str, caller: Client) -> None:
    path = "/api/logs/cost" if query.startswith("by") else "/api/logs"
    answer = caller.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in str(answer.json()["details"])


def test_as_many_queries_for_many(
    caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        spend(user, "0.1")
    caller.get("/api/logs")
    with django_assert_max_num_queries(LOGS_QUERIES):
        caller.get("/api/logs")
    with django_assert_max_num_queries(COST_QUERIES):
        caller.get("/api/logs/cost")
