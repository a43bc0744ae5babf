"""The templates' API: content goes into drafts, published versions stay, errors have the one form."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.states import Tier
from tests.factories import (
    make_member,
    make_template,
    make_token,
    make_user,
    make_version,
    make_workspace,
)
from workspaces.models import Membership, User

pytestmark = pytest.mark.django_db
ALL = "/api/templates"
FORM = {"success", "error", "code", "details"}
TOPIC = {"name": "topic", "type": "text", "required": True}
# At most these, however many templates there are: token, its person, workspaces, count, keys, rows, versions.
LIST_QUERIES = 7


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


def one(template: PromptTemplate, rest: str = "") -> str:
    return f"{ALL}/{template.pk}{rest}"


def test_make_publish_change_and_roll_back(caller: Client, user: User) -> None:
    body = {"name": "Mine", "tier": "scenario", "text": " On {{topic}}\n", "variables": [TOPIC]}
    made = send(caller, "post", ALL, body, 201)["template"]
    assert (made["publishedVersion"], made["newestVersion"], made["version"]["status"]) == (None, 1, "draft")
    assert made["version"]["text"] == " On {{topic}}\n"
    template = PromptTemplate.objects.get(pk=made["id"])
    assert template.workspace == user.personal_workspace()
    versions = one(template, "/versions")
    assert send(caller, "post", versions, {"publish": True}, 422)["code"] == "broken_template"
    first = send(caller, "post", versions, {"publish": True, "note": "first"}, 201)["version"]
    assert (first["number"], first["status"], first["note"]) == (1, "published", "first")
    draft = send(caller, "patch", one(template), {"text": "New {{topic}}"}, 200)["template"]
    assert (draft["publishedVersion"], draft["newestVersion"]) == (1, 2)
    assert send(caller, "post", versions, {"fromVersion": 1}, 409)["code"] == "stale_state"
    send(caller, "post", versions, {"publish": True, "note": "second"}, 201)
    third = send(caller, "post", versions, {"fromVersion": 1, "note": "back"}, 201)["version"]
    assert (third["number"], third["text"]) == (3, " On {{topic}}\n")
    listed = send(caller, "get", versions, None, 200)
    assert [each["number"] for each in listed["versions"]] == [3, 2, 1]
    assert listed["total"] == 3
    send(caller, "post", versions, {"fromVersion": 99}, 404)


def test_the_check_answers_with_every_change_and_when_publishing(caller: Client, user: User) -> None:
    body = {"name": "Mine", "tier": "scenario", "text": "{{topic}} {persona} {% if x %} {{rate}}"}
    rate = {"name": "rate", "type": "number", "required": True}
    made = send(caller, "post", ALL, {**body, "variables": [TOPIC, rate, {**TOPIC, "name": "old"}]}, 201)
    found = made["template"]["version"]["findings"]
    assert [each["kind"] for each in found] == ["foreign", "foreign", "unfilled", "unused"]
    assert {each["level"] for each in found} == {"warning"}
    versions = f"{ALL}/{made['template']['id']}/versions"
    published = send(caller, "post", versions, {"publish": True, "note": "first", "keepUnused": []}, 201)
    assert [each["kind"] for each in published["version"]["findings"]] == ["foreign", "foreign", "unfilled"]
    assert [each["name"] for each in published["version"]["variables"]] == ["topic", "rate"]
    kept = {
        "variables": [TOPIC, rate, {**TOPIC, "name": "old"}],
        "publish": True,
        "note": "x",
        "keepUnused": ["old"],
    }
    second = send(caller, "post", versions, kept, 201)["version"]
    assert second["variables"][2] == {**TOPIC, "name": "old", "required": False}


def test_a_change_of_an_old_version_keeps_its_meaning(caller: Client, user: User) -> None:
    template = make_template(workspace=user.personal_workspace(), published=False)
    template.versions.update(text=r"\{{topic}}", syntax=1)
    changed = send(caller, "patch", one(template), {"language": "de"}, 200)["template"]["version"]
    assert (changed["text"], changed["syntax"]) == (r"\\{{topic}}", 2)
    given = send(caller, "post", one(template, "/resolve"), {"parameters": {"topic": "tea"}}, 200)
    assert given["prompt"] == r"\tea"


def test_sections_are_resolved_in_both_prompts(caller: Client, user: User) -> None:
    text = "On {{topic}}\n{{#persona}}\nFor {{persona}}\n{{/persona}}\n"
    persona = {"name": "persona", "type": "text", "required": False}
    body = {
        "name": "Mine",
        "tier": "scenario",
        "text": text,
        "systemPrompt": "{{^persona}}Invent one.{{/persona}}",
    }
    made = send(caller, "post", ALL, {**body, "variables": [TOPIC, persona]}, 201)["template"]
    address = f"{ALL}/{made['id']}/resolve"
    for given, prompt, system in (
        ({"topic": "tea", "persona": "{{topic}}"}, "On tea\nFor {{topic}}\n", ""),
        ({"topic": "tea"}, "On tea\n", "Invent one."),
    ):
        found = send(caller, "post", address, {"parameters": given}, 200)
        assert (found["prompt"], found["systemPrompt"]) == (prompt, system)


def test_a_published_version_cannot_be_changed(caller: Client, user: User) -> None:
    template = make_template(workspace=user.personal_workspace())
    before = TemplateVersion.objects.filter(template=template, number=1).values().get()
    send(caller, "patch", one(template), {"text": "Other", "language": "de", "model": "m"}, 200)
    send(caller, "post", one(template, "/versions"), {"variables": [], "text": "x", "number": 1}, 400)
    send(caller, "post", one(template, "/versions"), {"text": "x"}, 201)
    for method in ("patch", "put", "delete"):
        send(caller, method, one(template, "/versions"), {"text": "x"}, 405)
        send(caller, method, one(template, "/versions/1"), {"text": "x"}, 404)
    assert TemplateVersion.objects.filter(template=template, number=1).values().get() == before


def test_name_tier_and_archive(caller: Client, user: User) -> None:
    template = make_template(workspace=user.personal_workspace())
    body = {"name": "New", "tier": "edge_case", "archived": True}
    found = send(caller, "patch", one(template), body, 200)["template"]
    assert (found["name"], found["tier"]) == ("New", "edge_case")
    assert found["archivedAt"]
    assert send(caller, "get", ALL, None, 200)["templates"] == []
    assert send(caller, "get", f"{ALL}?archived=true", None, 200)["total"] == 1
    assert send(caller, "patch", one(template), {"archived": False}, 200)["template"]["archivedAt"] is None


def test_the_list(caller: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    workspace = user.personal_workspace()
    for name, tier in (("b", Tier.SCENARIO), ("a", Tier.TEMPLATE), ("c", Tier.EDGE_CASE)):
        template = make_template(workspace=workspace, name=name, tier=tier)
        make_version(template=template, published=False)
    make_template()
    with django_assert_max_num_queries(LIST_QUERIES):
        found = send(caller, "get", ALL, None, 200)
    assert [each["name"] for each in found["templates"]] == ["a", "b", "c"]
    assert {(each["publishedVersion"], each["newestVersion"]) for each in found["templates"]} == {(1, 2)}
    found = send(caller, "get", f"{ALL}?tier=scenario,template&limit=1&offset=1", None, 200)
    assert ([each["name"] for each in found["templates"]], found["total"], found["page"]) == (["b"], 2, 2)
    send(caller, "get", f"{ALL}?tier=big", None, 400)


def test_resolving(caller: Client, user: User) -> None:
    template = make_template(workspace=user.personal_workspace(), text="On {{topic}} <{{tone}}>")
    resolve = one(template, "/resolve")
    found = send(caller, "post", resolve, {"parameters": {"topic": "R&D {{tone}}"}}, 200)
    assert (found["prompt"], found["version"]) == ("On R&D {{tone}} <>", 1)
    wrong = send(caller, "post", resolve, {"parameters": {"nobody": "x"}}, 400)
    assert {each["column"] for each in wrong["details"]} == {"parameters.nobody", "parameters.topic"}
    make_version(template=template, text="{{", published=False)
    broken = send(caller, "post", resolve, {"parameters": {"topic": "x"}, "version": 2}, 422)
    assert broken["code"] == "broken_template"
    send(caller, "post", resolve, {"parameters": {}, "version": 9}, 404)


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ({}, "name"),
        ({"name": "a", "tier": "big", "text": "x"}, "tier"),
        ({"name": "a", "tier": "template", "text": "x", "colour": 1}, "colour"),
        ({"name": "a", "tier": "template", "text": "x", "variables": [{"name": "a b"}]}, "variables"),
        ({"name": "a", "tier": "template", "text": "x", "systemPrompt": "a\u0000"}, "systemPrompt"),
        ({"name": "a", "tier": "template", "text": "x", "language": "no such"}, "language"),
        ({"name": "taken", "tier": "template", "text": "x"}, "name"),
    ],
)
def test_what_is_wrong_is_named(caller: Client, user: User, body: dict[str, Any], column: str) -> None:
    make_template(workspace=user.personal_workspace(), name="taken")
    found = send(caller, "post", ALL, body, 400)
    assert column in {each["column"] for each in found["details"]}
    assert PromptTemplate.objects.count() == 1


def test_a_refused_patch_changes_nothing(caller: Client, user: User) -> None:
    template = make_template(workspace=user.personal_workspace(), name="Old")
    send(caller, "patch", one(template), {"name": "New", "archived": True, "language": "no such"}, 400)
    template.refresh_from_db()
    assert (template.name, template.archived_at) == ("Old", None)


def test_roles(caller: Client, user: User) -> None:
    workspace = make_workspace()
    make_member(workspace=workspace, user=user, role=Membership.Role.REVIEWER)
    template = make_template(workspace=workspace)
    send(caller, "get", one(template), None, 200)
    send(caller, "post", one(template, "/resolve"), {"parameters": {"topic": "x"}}, 200)
    send(caller, "patch", one(template), {"name": "x"}, 403)
    send(caller, "post", one(template, "/versions"), {"text": "x"}, 403)
    send(caller, "get", one(make_template()), None, 404)
