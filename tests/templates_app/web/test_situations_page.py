"""Scenarios, edge cases and options as pages: lists, forms, what one does with a row."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from templates_app.models import EdgeCase, Option, OptionKind, PromptTemplate, Scenario
from templates_app.states import Tier
from templates_app.text.rendering import Variable
from tests.factories import (
    make_edge_case,
    make_member,
    make_option,
    make_scenario,
    make_template,
    make_workspace,
)
from workspaces.models import Membership, User, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# Session, user, personal workspace, memberships, roles, count, keys, rows, tags; for the shell: workspaces and running, count.
LIST_QUERIES = 14  # one is the number of the review queue in the menu


@pytest.fixture
def home(owner: User) -> Workspace:
    return owner.personal_workspace()


def names(client: Client, path: str) -> list[str]:
    return [row.name for row in client.get(path).context["page"].rows]


def body(**fields: Any) -> dict[str, Any]:
    return {"name": "Mine", "topic": "a payout", **fields}


def form_of(client: Client, path: str) -> dict[str, Any]:
    """What a browser sends when nobody changes anything."""
    context = client.get(path).context
    given = {key: value for key, value in context["given"].items() if key != "parameters"}
    given = {
        key: as_sent(str(value), area=key in ("context", "expected_behaviour"))
        for key, value in given.items()
    }
    pairs = context.get("parameters") or []
    return {
        **given,
        "parameter-name": [name for name, _ in pairs],
        "parameter-value": [as_sent(value, area=True) for _, value in pairs],
    }


def as_sent(text: str, *, area: bool) -> str:
    """As a browser does: a text area has CR LF only, a field of one line no line ends."""
    return re.sub(r"\r\n|\r|\n", "\r\n" if area else "", text)


# --- lists -------------------------------------------------------------------------------------------


def test_the_list_searches_filters_and_pages(client: Client, home: Workspace) -> None:
    for number in range(55):
        make_scenario(
            workspace=home, name=f"n{number:02}", position=number, tags=["farm"] if number < 3 else []
        )
    make_scenario(workspace=home, name="gone", archived_at=timezone.now())
    make_scenario(name="foreign")
    assert names(client, "/scenarios/") == [f"n{number:02}" for number in range(50)]
    assert names(client, "/scenarios/?page=2") == ["n50", "n51", "n52", "n53", "n54"]
    assert names(client, "/scenarios/?tag=farm") == ["n00", "n01", "n02"]
    assert names(client, "/scenarios/?q=N07") == ["n07"]
    assert names(client, "/scenarios/?archived=1") == ["gone"]
    assert client.get("/scenarios/").context["tags"] == ["farm"]
    assert "Nothing matches" in client.get("/scenarios/?q=nothing%00").content.decode()


def test_empty_lists_offer_the_pack(client: Client, home: Workspace) -> None:
    for path, words in (
        ("/scenarios/", "No scenarios yet"),
        ("/edge-cases/", "No edge cases yet"),
        ("/options/", "No personas yet"),
    ):
        page = client.get(path).content.decode()
        assert words in page
        assert "Bring in the starter pack" in page
    answer = client.post("/packs/starter/", {"workspace": str(home.pk)}, follow=True)
    assert "The starter pack is here" in answer.content.decode()
    assert (Scenario.objects.count(), EdgeCase.objects.count()) == (35, 15)
    assert "was here already" in client.post("/packs/starter/", follow=True).content.decode()


def test_another_workspace_and_a_viewer(client: Client, owner: User) -> None:
    shared = make_workspace()
    row = make_scenario(workspace=shared, name="theirs")
    assert client.get(f"/scenarios/?workspace={shared.pk}").status_code == 404
    make_member(workspace=shared, user=owner, role=Membership.Role.VIEWER)
    page = client.get(f"/scenarios/?workspace={shared.pk}").content.decode()
    assert "theirs" in page
    assert "New scenario" not in page
    assert "may see it, but not change it" in client.get(f"/scenarios/{row.pk}/").content.decode()
    for path in (f"/scenarios/{row.pk}/", f"/scenarios/{row.pk}/archive/", f"/scenarios/{row.pk}/duplicate/"):
        assert client.post(path, body()).status_code == 403
    assert client.post("/scenarios/new/", body(workspace=str(shared.pk))).status_code == 403
    assert client.post("/packs/starter/", {"workspace": str(shared.pk)}).status_code == 403
    assert Scenario.objects.count() == 1


@pytest.mark.parametrize("path", ["/scenarios/", "/edge-cases/", "/options/"])
def test_queries(
    client: Client, home: Workspace, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    template = make_template(workspace=home, tier=Tier.SCENARIO)
    for _ in range(30):
        make_scenario(workspace=home, template=template, tags=["a"])
        make_edge_case(workspace=home, tags=["a"])
        make_option(workspace=home)
    with django_assert_max_num_queries(LIST_QUERIES):
        assert client.get(path).status_code == 200


# --- forms -------------------------------------------------------------------------------------------


def test_make_one(client: Client, home: Workspace) -> None:
    template = make_template(workspace=home, tier=Tier.SCENARIO)
    make_scenario(workspace=home, position=7)
    answer = client.post(
        "/scenarios/new/",
        body(
            context=" two\r\nlines",
            tags="farm, land;farm ",
            template=str(template.pk),
            **{"parameter-name": ["age", "", ""], "parameter-value": ["41", "", ""]},
        ),
    )
    assert answer.status_code == 302
    row = Scenario.objects.get(name="Mine")
    assert (row.context, row.tags, row.parameters) == (" two\nlines", ["farm", "land"], {"age": "41"})
    assert (row.template, row.position, row.workspace) == (template, 8, home)


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": " "}, "name", "is empty"),
        ({"topic": ""}, "topic", "is empty"),
        ({"name": "TAKEN"}, "name", "another scenario of this workspace has this name"),
        ({"persona": "x" * 201}, "persona", "at most 200"),
        ({"context": "a\x01b"}, "context", "control character"),
        ({"tags": "t" * 101}, "tags", "longer than 100"),
        ({"position": "soon"}, "position", "whole number"),
        ({"template": "nonsense"}, "template", "not in this workspace"),
        ({"parameter-name": ["a b"], "parameter-value": ["x"]}, "parameters", "cannot be a variable"),
        ({"parameter-name": ["tone"], "parameter-value": ["x"]}, "parameters", "is a field of its own"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    client: Client, home: Workspace, fields: dict[str, Any], field: str, said: str
) -> None:
    make_scenario(workspace=home, name="taken")
    answer = client.post("/scenarios/new/", body(**fields))
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors[field])
    assert Scenario.objects.count() == 1


def test_a_template_of_another_workspace_or_tier_is_refused(client: Client, home: Workspace) -> None:
    foreign, other = make_template(tier=Tier.SCENARIO), make_template(workspace=home, tier=Tier.EDGE_CASE)
    for template in (foreign, other):
        answer = client.post("/scenarios/new/", body(template=str(template.pk)))
        assert answer.status_code == 422
        assert foreign.name not in answer.content.decode()
    assert PromptTemplate.objects.count() == 2
    assert not Scenario.objects.exists()


def test_saving_what_the_page_shows_changes_nothing(client: Client, home: Workspace) -> None:
    row = make_scenario(
        workspace=home,
        name="Odd",
        context="\r\nfrom a file\rmixed\n",
        persona=" spaced ",
        topic="two\nlines",
        parameters={"a": "x\r\ny"},
        tags=["one", "two"],
        template=make_template(
            workspace=home, tier=Tier.SCENARIO, variables=(Variable("topic"), Variable("age"))
        ),
    )
    before = Scenario.objects.filter(pk=row.pk).values().get()
    sent = form_of(client, f"/scenarios/{row.pk}/")
    assert "age" in sent["parameter-name"], "the template asks for it"
    assert client.post(f"/scenarios/{row.pk}/", sent).status_code == 302
    assert Scenario.objects.filter(pk=row.pk).values().get() == before


def test_a_change_and_somebody_elses_change(client: Client, home: Workspace) -> None:
    row = make_edge_case(workspace=home, name="One")
    sent = form_of(client, f"/edge-cases/{row.pk}/") | {"topic": "mine"}
    EdgeCase.objects.filter(pk=row.pk).update(topic="theirs")
    answer = client.post(f"/edge-cases/{row.pk}/", sent)
    assert answer.status_code == 409
    assert "Somebody has saved this" in answer.content.decode()
    assert answer.context["given"]["topic"] == "mine"
    row.refresh_from_db()
    assert row.topic == "theirs"
    sent["seen"] = answer.context["given"]["seen"]
    assert client.post(f"/edge-cases/{row.pk}/", sent).status_code == 302
    row.refresh_from_db()
    assert row.topic == "mine"


def test_archive_restore_and_duplicate(client: Client, home: Workspace) -> None:
    row = make_scenario(workspace=home, name="One", tags=["a"], parameters={"x": "y"}, pack="p", pack_key="k")

    def post(verb: str) -> HttpResponse:
        return client.post(f"/scenarios/{row.pk}/{verb}/", follow=True)  # type: ignore[return-value]

    assert "is archived" in post("archive").content.decode()
    assert "it cannot be archived" in post("archive").content.decode()
    assert not Scenario.objects.usable().exists()
    assert "is restored" in post("restore").content.decode()
    post("duplicate")
    post("duplicate")
    copies = Scenario.objects.exclude(pk=row.pk)
    assert set(copies.values_list("name", flat=True)) == {"One copy", "One copy 2"}
    assert {(tuple(copy.tags), copy.topic, copy.pack, copy.pack_key) for copy in copies} == {
        (("a",), row.topic, "", "")
    }
    for verb in ("archive", "restore", "duplicate"):
        assert client.get(f"/scenarios/{row.pk}/{verb}/").status_code == 405


# --- options -----------------------------------------------------------------------------------------


def test_options_are_made_changed_and_moved(client: Client, home: Workspace) -> None:
    for name in ("warm", "calm", "dry"):
        answer = client.post(
            "/options/new/", {"kind": "tone", "name": name, "weight": "0.5", "description": "d"}
        )
        assert answer.headers["Location"].endswith("&list=tone")
    assert names(client, "/options/?list=tone") == ["warm", "calm", "dry"]
    calm = Option.objects.get(name="calm")
    for to in ("up", "up", "down", "down", "down"):
        client.post(f"/options/{calm.pk}/move/", {"to": to})
    assert names(client, "/options/?list=tone") == ["warm", "dry", "calm"]
    wrong = client.post(f"/options/{calm.pk}/", form_of(client, f"/options/{calm.pk}/") | {"weight": "0,5"})
    assert "has a decimal comma; write 0.5" in str(wrong.context["form"].errors["weight"])
    wrong = client.post("/options/new/", {"kind": "tone", "name": "dry", "weight": ""})
    assert wrong.status_code == 422
    client.post(f"/options/{calm.pk}/", form_of(client, f"/options/{calm.pk}/") | {"weight": "3"})
    calm.refresh_from_db()
    assert (calm.weight_text, calm.description) == ("3", "d")
    assert client.post(f"/options/{calm.pk}/archive/").status_code == 302
    assert names(client, "/options/?list=tone") == ["warm", "dry"]


def test_moving_skips_the_archived_and_other_lists(client: Client, home: Workspace) -> None:
    rows = [make_option(workspace=home, kind=OptionKind.TONE, name=name, position=0) for name in "abc"]
    Option.objects.filter(pk=rows[1].pk).update(archived_at=timezone.now() - timedelta(days=1))
    make_option(workspace=home, kind=OptionKind.PERSONA, name="a")
    client.post(f"/options/{rows[2].pk}/move/", {"to": "up"})
    assert names(client, "/options/?list=tone") == ["c", "a"]
