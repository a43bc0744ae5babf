"""POST /api/conversations/bulk."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from conversations.models import Conversation, Decision
from conversations.states import Status
from templates_app.states import Tier
from tests.factories import make_conversation, make_token, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def post(user: User) -> Post:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=user)}"})
    return lambda **body: caller.post("/api/conversations/bulk", body, content_type="application/json")


def statuses() -> list[str]:
    return sorted(Conversation.objects.values_list("status", flat=True))


def test_by_ids(post: Post, user: User) -> None:
    fine = [make_conversation(by=user) for _ in range(2)]
    archived = make_conversation(by=user, status=Status.ARCHIVED)
    foreign = make_conversation()
    ids = [str(row.pk) for row in (*fine, archived, foreign)]
    answer = post(action="reject", ids=ids, note="Twice", reasons=["repetitive"])
    assert answer.json() == {
        "success": True,
        "changed": 2,
        "skipped": [
            {"id": str(foreign.pk), "error": "It does not exist, or it belongs to somebody else."},
            {"id": str(archived.pk), "error": "This conversation is archived: it cannot be rejected."},
        ],
        "skippedCount": 2,
    }
    assert {(each.note, tuple(each.reasons)) for each in Decision.objects.all()} == {
        ("Twice", ("repetitive",))
    }


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("approve", "approved"),
        ("reject", "rejected"),
        ("needs_revision", "needs_revision"),
        ("sendBack", "needs_revision"),
        ("archive", "archived"),
    ],
)
def test_each_action(post: Post, user: User, action: str, status: str) -> None:
    made = make_conversation(by=user, status=Status.GENERATED)
    assert post(action=action, ids=[str(made.pk)]).json()["changed"] == 1
    assert statuses() == [status]
    if action == "archive":
        assert post(action="restore", ids=[str(made.pk)]).json()["changed"] == 1
        assert statuses() == ["generated"]
        assert post(action="delete", ids=[str(made.pk)]).json()["changed"] == 1
        assert statuses() == []


def test_with_the_revisions_that_were_seen(post: Post, user: User) -> None:
    first, second = make_conversation(by=user), make_conversation(by=user)
    second.reject(by=user)
    ids = [str(first.pk), str(second.pk)]
    said = post(action="approve", ids=ids, revisions=dict.fromkeys(ids, 0)).json()
    assert (said["changed"], said["skippedCount"]) == (1, 1)
    assert said["skipped"][0]["id"] == str(second.pk)
    assert said["skipped"][0]["error"].startswith("Somebody has changed this conversation")


def test_the_list_of_the_skipped_is_short(post: Post) -> None:
    said = post(action="approve", ids=[str(uuid4()) for _ in range(25)]).json()
    assert (said["changed"], len(said["skipped"]), said["skippedCount"]) == (0, 20, 25)


def test_by_filter_with_its_count(post: Post, user: User) -> None:
    for tier, score, flags in (
        (Tier.SCENARIO, "9.0", 0),
        (Tier.SCENARIO, "4.0", 1),
        (Tier.TEMPLATE, "9.0", 0),
    ):
        make_conversation(by=user, tier=tier, quality_score=score, flag_count=flags)
    make_conversation(tier=Tier.SCENARIO, quality_score="9.0")
    refused = post(action="approve", filter={"tier": "scenario"}, count=3)
    said = refused.json()
    assert (refused.status_code, said["code"], said["count"]) == (409, "count_changed", 2)
    assert "It is 2 conversations now" in said["error"]
    assert not Decision.objects.exists()
    for wanted in (
        {"tier": "scenario, template", "undecided": True, "flagged": False},
        {"tier": ["scenario"], "qualityScoreMax": 5, "search": None},
    ):
        assert post(action="approve", filter=wanted, count=99).json()["count"] == (
            2 if "flagged" in wanted else 1
        )
        answer = post(action="approve", filter=wanted, count=2 if "flagged" in wanted else 1)
        assert answer.status_code == 200, answer.json()
    assert statuses().count("approved") == 3


@pytest.mark.parametrize(
    ("body", "column", "words"),
    [
        ({}, "action", "required"),
        ({"action": "praise", "ids": [str(uuid4())]}, "action", "Known are: approve"),
        ({"action": "undo", "ids": [str(uuid4())]}, "action", "not known here"),
        ({"action": "approve"}, "ids", "by ids, or by a filter"),
        ({"action": "approve", "ids": []}, "ids", "empty"),
        ({"action": "approve", "ids": ["fp_anxious_001"]}, "ids", "UUID"),
        ({"action": "approve", "ids": "all"}, "ids", "list"),
        ({"action": "approve", "ids": [str(uuid4())], "filter": {}, "count": 1}, "ids", "by ids, or"),
        ({"action": "approve", "filter": {}}, "count", "How many"),
        ({"action": "approve", "filter": {}, "count": -1}, "count", "0"),
        ({"action": "approve", "filter": {"tear": "x"}, "count": 1}, "filter.tear", "not known"),
        ({"action": "approve", "filter": {"tier": "gold"}, "count": 1}, "filter.tier", "not a valid choice"),
        ({"action": "approve", "filter": "all", "count": 1}, "filter", "dictionary"),
        ({"action": "approve", "filter": {}, "count": 1, "revisions": {}}, "revisions", "belong to ids"),
        ({"action": "approve", "ids": [str(uuid4())], "revisions": {"7": 1}}, "revisions", "UUID"),
        ({"action": "approve", "ids": [str(uuid4())], "reasons": ["leak"]}, "reasons", "belong to reject"),
        ({"action": "reject", "ids": [str(uuid4())], "reasons": ["ugly"]}, "reasons", "not known here"),
        ({"action": "approve", "ids": [str(uuid4())], "note": 5001 * "n"}, "note", "5000"),
        ({"action": "approve", "ids": [str(uuid4())] * 10_001}, "ids", "10000"),
    ],
)
def test_each_wrong_word(post: Post, body: dict[str, Any], column: str, words: str) -> None:
    answer = post(**body)
    said = answer.json()
    assert (answer.status_code, said["code"]) == (400, "invalid"), said
    assert said["details"][0]["column"] == column
    assert words in said["details"][0]["message"]


@pytest.mark.parametrize("value", [5, True, [], {}, "yesterday"])
def test_what_is_no_moment_is_refused(post: Post, user: User, value: Any) -> None:
    answer = post(action="approve", filter={"createdFrom": value}, count=0)
    assert (answer.status_code, answer.json()["details"][0]["column"]) == (400, "filter.createdFrom")
