"""GET /api/review/queue."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from conversations.states import Status
from conversations.versions import edit
from tests.factories import make_conversation, make_member, make_token, make_user
from workspaces.models import Membership, User

# An id that no row has. Made at random it would be another one in each process of the tests, which compare their lists.
NOWHERE = "00000000-0000-4000-8000-000000000000"

pytestmark = pytest.mark.django_db

Get = Callable[..., Any]
ROWS = (("a", "8.0", 0), ("b", "3.0", 0), ("c", "9.0", 2), ("d", "5.0", 1))


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def get(user: User) -> Get:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=user)}"})

    def send(query: str = "") -> Any:
        return caller.get(f"/api/review/queue{query}")

    return send


@pytest.fixture
def waiting(user: User) -> dict[str, Any]:
    return {
        title: make_conversation(by=user, title=title, quality_score=Decimal(score), flag_count=flags)
        for title, score, flags in ROWS
    }


def titles(answer: Any) -> str:
    assert answer.status_code == 200, answer.json()
    return "".join(row["title"] for row in answer.json()["conversations"])


def test_each_order(get: Get, waiting: dict[str, Any]) -> None:
    assert titles(get("")) == "cdba"
    assert titles(get("?order=flagged")) == "cdba"
    assert titles(get("?order=lowest")) == "bdac"
    assert titles(get("?order=oldest")) == "abcd"
    assert sorted(titles(get("?order=Random"))) == ["a", "b", "c", "d"]
    assert titles(get("?order=random")) == titles(get("?order=random"))


def test_only_what_nobody_has_decided(get: Get, user: User, waiting: dict[str, Any]) -> None:
    make_conversation()
    for status in (Status.ARCHIVED, Status.DRAFT, Status.GENERATING, Status.FAILED):
        make_conversation(by=user, status=status)
    waiting["a"].send_back(by=user)
    waiting["b"].approve(by=user)
    edit(waiting["b"], {1: "New"}, by=user)
    answer = get("?order=oldest").json()
    assert "".join(row["title"] for row in answer["conversations"]) == "cdb"
    assert (answer["total"], answer["page"], answer["order"]) == (3, 1, "oldest")


def test_filters_pages_and_neighbours(get: Get, waiting: dict[str, Any]) -> None:
    assert titles(get("?flagged=true")) == "cd"
    assert titles(get("?flagged=false&order=lowest")) == "ba"
    assert titles(get("?qualityScoreMax=6")) == "db"
    assert titles(get("?limit=1&offset=1")) == "d"
    assert titles(get(f"?after={waiting['d'].pk}")) == "ba"
    assert titles(get(f"?after={waiting['d'].pk}&limit=1")) == "b"
    assert titles(get(f"?before={waiting['b'].pk}")) == "dc"
    waiting["d"].reject(by=None)
    assert titles(get(f"?after={waiting['d'].pk}&limit=1")) == "b"


@pytest.mark.parametrize(
    "query",
    [
        "?order=best",
        "?tier=gold",
        "?after=7",
        "?oder=flagged",
        f"?after={NOWHERE}&before={NOWHERE}",
        f"?after={NOWHERE}&offset=5",
        "?limit=0",
    ],
)
def test_each_wrong_word(get: Get, query: str) -> None:
    answer = get(query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_neighbours_of_somebody_elses(get: Get) -> None:
    assert get(f"?after={make_conversation().pk}").status_code == 404
    assert get(f"?after={NOWHERE}").status_code == 404


def test_members_see_the_queue_of_their_workspace(user: User, waiting: dict[str, Any]) -> None:
    person = make_user()
    make_member(workspace=user.personal_workspace(), user=person, role=Membership.Role.REVIEWER)
    caller = Client(headers={"authorization": f"Bearer {make_token(user=person)}"})
    assert titles(caller.get("/api/review/queue")) == "cdba"


def test_the_number_of_queries(
    get: Get, waiting: dict[str, Any], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        get("")
