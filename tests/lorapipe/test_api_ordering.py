"""`ordering` of every list: what is listed is taken, everything else is an error that names what there is."""

from typing import Any

import pytest
from django.test import Client
from rest_framework import serializers

from lib.wire import OrderingField
from lorapipe.openapi.tables import join_tables
from tests.factories import make_conversation, make_scenario, make_template, make_token
from workspaces.models import User

# Lists whose order has another name, or cannot be another.
WITHOUT = {
    "api_queue": "`order` says in which order a person wants to decide",
    "api_batch": "the items are in the order of the plan",
    "api_logs_cost": "sums: by day, or the largest first",
}


def list_orders() -> dict[str, OrderingField]:
    found = {}
    for (_, route), operation in join_tables().items():
        field = operation.query().fields.get("ordering") if operation.query else None
        if isinstance(field, OrderingField):
            found[route] = field
    return found


def test_every_list_has_one() -> None:
    lists = {
        route
        for (method, route), operation in join_tables().items()
        if method == "GET" and operation.query and "limit" in operation.query().fields
    }
    assert lists - list_orders().keys() == WITHOUT.keys() | {"api_export_download"}


@pytest.mark.parametrize("route", sorted(list_orders()))
def test_every_order_ends_in_what_is_unique(route: str) -> None:
    """Else rows that are alike could be on two pages, or on none."""
    for columns in list_orders()[route].columns.values():
        assert columns[-1] in ("id", "number")


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


def read(caller: Client, path: str, ordering: str) -> Any:
    answer = caller.get(path, {"ordering": ordering})
    assert answer.status_code == 200, answer.json()
    return answer.json()


@pytest.mark.django_db
def test_conversations_by_score_and_by_age(caller: Client, owner: User) -> None:
    place = owner.personal_workspace()
    for title, score in (("b", 3), ("none", None), ("a", 9)):
        made = make_conversation(workspace=place, title=title)
        type(made).objects.filter(pk=made.pk).update(quality_score=score)
    orders = {
        word: [each["title"] for each in read(caller, "/api/conversations", word)["conversations"]]
        for word in ("qualityScore", "-qualityScore", "createdAt", "-createdAt")
    }
    assert orders == {
        "qualityScore": ["b", "a", "none"],
        "-qualityScore": ["a", "b", "none"],
        "createdAt": ["b", "none", "a"],
        "-createdAt": ["a", "none", "b"],
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "key", "make"),
    [("/api/scenarios", "scenarios", make_scenario), ("/api/templates", "templates", make_template)],
)
def test_rows_by_name(caller: Client, owner: User, path: str, key: str, make: Any) -> None:
    for name in ("m", "z", "a"):
        make(workspace=owner.personal_workspace(), name=name)
    assert [each["name"] for each in read(caller, path, "-name")[key]] == ["z", "m", "a"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["conversations", "conversations/batch", "logs", "templates", "options", "exports"]
)
@pytest.mark.parametrize("word", ["workspace", "-pk", "created_at", "createdAt,name", "workspace__owner"])
def test_another_order_is_refused(caller: Client, path: str, word: str) -> None:
    answer = caller.get(f"/api/{path}", {"ordering": word})
    said = answer.json()["details"][0]
    assert (answer.status_code, said["column"]) == (400, "ordering")
    assert "Choose one of: " in said["message"]
    assert "-createdAt" in said["message"]


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(serializers.ValidationError):
        OrderingField({"name": ("name", "id")}).run_validation([1])
