"""The API of scenarios, edge cases and options: as the pages have them, errors in the one form."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from templates_app.models import EdgeCase, Option, Scenario
from templates_app.states import Tier
from tests.factories import (
    make_member,
    make_option,
    make_scenario,
    make_template,
    make_token,
    make_user,
    make_workspace,
)
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
FORM = {"success", "error", "code", "details"}
# At most these, however many rows there are: token, its person, workspaces, count, keys, rows.
LIST_QUERIES = 6


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


def send(caller: Client, method: str, path: str, body: Any, status: int) -> Any:
    answer = getattr(caller, method)(path, body, content_type="application/json")
    assert answer.status_code == status, answer.content
    found = answer.json()
    assert status < 400 or found.keys() == FORM
    return found


def columns(found: Any) -> set[str]:
    return {each["column"] for each in found["details"]}


@pytest.mark.parametrize(
    ("path", "key", "model", "tier"),
    [
        ("/api/scenarios", "scenario", Scenario, Tier.SCENARIO),
        ("/api/edge-cases", "edgeCase", EdgeCase, Tier.EDGE_CASE),
    ],
)
def test_make_read_and_change(
    caller: Client, user: User, path: str, key: str, model: Any, tier: Tier
) -> None:
    template = make_template(workspace=user.personal_workspace(), tier=tier)
    body = {
        "name": "Mine",
        "topic": " a payout",
        "expectedBehaviour": "calm\r\nkind",
        "tags": ["a", " a ", "b"],
        "parameters": {"age": "41"},
        "templateId": str(template.pk),
    }
    made = send(caller, "post", path, body, 201)[key]
    assert (made["topic"], made["expectedBehaviour"], made["tags"]) == (
        " a payout",
        "calm\r\nkind",
        ["a", "b"],
    )
    assert (made["templateId"], made["persona"], made["position"]) == (str(template.pk), "", 1)
    row = model.objects.get(pk=made["id"])
    assert (row.workspace, row.created_by, row.template) == (user.personal_workspace(), user, template)
    one = f"{path}/{row.pk}"
    changed = send(caller, "patch", one, {"topic": "new", "templateId": None}, 200)[key]
    assert (changed["topic"], changed["templateId"], changed["tags"]) == ("new", None, ["a", "b"])
    assert send(caller, "patch", one, {"archived": True}, 200)[key]["archivedAt"]
    assert send(caller, "get", path, None, 200)["total"] == 0
    assert send(caller, "get", f"{path}?archived=true", None, 200)["total"] == 1
    assert send(caller, "patch", one, {"archived": False, "name": "Other"}, 200)[key]["archivedAt"] is None
    assert send(caller, "get", one, None, 200)[key]["name"] == "Other"
    send(caller, "delete", one, None, 405)


def test_every_problem_is_named(caller: Client, user: User) -> None:
    make_scenario(workspace=user.personal_workspace(), name="taken")
    path = "/api/scenarios"
    assert columns(send(caller, "post", path, {}, 400)) == {"name", "topic"}
    body = {"name": "", "topic": "t\x01", "tags": ["t" * 101], "parameters": {"a b": "x"}}
    found = send(caller, "post", path, body, 400)
    assert (columns(found), found["code"]) == ({"name", "topic", "tags", "parameters"}, "invalid_row")
    assert columns(send(caller, "post", path, {"name": "TAKEN", "topic": "t"}, 400)) == {"name"}
    assert columns(send(caller, "post", path, {"name": "n", "topic": "t", "expectedBehavior": "x"}, 400)) == {
        "expectedBehavior"
    }
    assert columns(send(caller, "post", path, {"name": "n", "topic": "t", "parameters": {"a": ["x"]}}, 400))
    for template in (make_template(tier=Tier.SCENARIO), make_template(workspace=user.personal_workspace())):
        body = {"name": "n", "topic": "t", "templateId": str(template.pk)}
        assert columns(send(caller, "post", path, body, 400)) == {"templateId"}
    assert Scenario.objects.count() == 1


def test_lists_search_and_page(
    caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    home = user.personal_workspace()
    for number in range(5):
        make_scenario(workspace=home, name=f"n{number}", tags=["x"] if number % 2 else [], position=number)
    make_scenario(name="foreign")
    with django_assert_max_num_queries(LIST_QUERIES):
        found = send(caller, "get", "/api/scenarios?limit=2&offset=2", None, 200)
    assert ([each["name"] for each in found["scenarios"]], found["total"], found["page"]) == (
        ["n2", "n3"],
        5,
        2,
    )
    assert [each["name"] for each in send(caller, "get", "/api/scenarios?tag=x", None, 200)["scenarios"]] == [
        "n1",
        "n3",
    ]
    assert send(caller, "get", "/api/scenarios?search=N4", None, 200)["total"] == 1
    send(caller, "get", "/api/scenarios?limit=0", None, 400)


def test_options(caller: Client, user: User) -> None:
    made = send(caller, "post", "/api/options", {"kind": "tone", "name": "calm", "weight": 0.5}, 201)[
        "option"
    ]
    assert (made["weight"], made["position"], made["kind"]) == (0.5, 1, "tone")
    make_option(workspace=user.personal_workspace(), name="Nurse")
    assert send(caller, "get", "/api/options?kind=tone", None, 200)["total"] == 1
    assert send(caller, "get", "/api/options", None, 200)["total"] == 2
    assert columns(send(caller, "post", "/api/options", {"kind": "tone", "name": "calm"}, 400)) == {"name"}
    assert columns(
        send(caller, "post", "/api/options", {"kind": "mood", "name": "x", "weight": -1}, 400)
    ) == {"kind", "weight"}
    changed = send(caller, "patch", f"/api/options/{made['id']}", {"weight": 2, "position": 9}, 200)["option"]
    assert (changed["weight"], changed["position"]) == (2.0, 9)
    assert Option.objects.get(name="calm").weight_text == "2"


def test_roles(caller: Client, user: User) -> None:
    shared = make_workspace()
    row = make_scenario(workspace=shared)
    one = f"/api/scenarios/{row.pk}"
    send(caller, "get", one, None, 404)
    send(caller, "patch", one, {"topic": "x"}, 404)
    make_member(workspace=shared, user=user, role=Membership.Role.REVIEWER)
    send(caller, "get", one, None, 200)
    send(caller, "patch", one, {"topic": "x"}, 403)
