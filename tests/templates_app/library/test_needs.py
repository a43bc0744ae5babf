"""A scenario or an edge case that lacks what its template needs says so when it is saved: page, API and files."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from templates_app.library.needs import find_lacking
from templates_app.models import EdgeCase, Scenario
from templates_app.states import Tier
from templates_app.text.rendering import Variable
from tests.factories import make_scenario, make_template
from workspaces.models import User, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
NEEDS = (
    Variable("topic"),
    Variable("context", help="The facts."),
    Variable("age", "number", minimum=18),
    Variable("tone", required=False),
)
TEXT = "{{topic}} {{context}} {{age}} {{tone}}"


@pytest.fixture
def home(owner: User) -> Workspace:
    return owner.personal_workspace()


def needy(workspace: Workspace, tier: Tier = Tier.SCENARIO) -> Any:
    return make_template(workspace=workspace, name="Needy", tier=tier, text=TEXT, variables=NEEDS)


def names(entry: Scenario) -> list[str]:
    return [problem.name for problem in find_lacking(entry)]


def test_what_is_lacking_and_what_is_wrong(home: Workspace) -> None:
    entry = make_scenario(workspace=home, context="", parameters={"age": "12", "other": "x"})
    assert names(entry) == [], "there is no template yet"
    template = needy(home)
    assert names(entry) == ["context", "age"]
    entry.context, entry.parameters = "facts", {"age": "41"}
    assert names(entry) == []
    template.archive(by=None)
    entry.context = ""
    assert names(entry) == []


def test_its_own_template_decides(home: Workspace) -> None:
    plain = make_template(workspace=home, tier=Tier.SCENARIO)
    needy(home)
    assert names(make_scenario(workspace=home, template=plain)) == []
    assert names(make_scenario(workspace=home)) == ["context", "age"], "the newest of its tier"


def test_the_page_says_it_when_it_is_saved(client: Client, home: Workspace) -> None:
    template = needy(home, Tier.EDGE_CASE)
    given = {"name": "Mine", "topic": "a payout"}
    page = client.post("/edge-cases/new/", given, follow=True).text
    assert "“Mine” is saved." in page
    assert "The template “Needy” needs: context is required" in page
    entry = EdgeCase.objects.get()
    form = client.get(f"/edge-cases/{entry.pk}/")
    assert 'id="lacking"' in form.text
    assert f'href="/templates/{template.pk}/"' in form.text
    whole = {**given, "context": "facts", "parameter-name": ["age"], "parameter-value": ["41"]}
    page = client.post(
        f"/edge-cases/{entry.pk}/", {**whole, "seen": form.context["given"]["seen"]}, follow=True
    ).text
    assert "“Mine” is saved." in page
    assert "No plan can use" not in page


def test_the_api_says_it_in_its_answer(client: Client, home: Workspace) -> None:
    needy(home)
    given = {"name": "Mine", "topic": "a payout", "parameters": {"age": "young"}}
    answer = client.post("/api/scenarios", given, content_type="application/json")
    assert answer.status_code == 201
    assert [each["name"] for each in answer.json()["scenario"]["lacking"]] == ["context", "age"]
    address = f"/api/scenarios/{answer.json()['scenario']['id']}"
    answer = client.patch(address, {"context": "facts", "parameters": {"age": "41"}}, "application/json")
    assert answer.json()["scenario"]["lacking"] == []


def test_the_review_of_a_file_says_it_by_row(client: Client, home: Workspace) -> None:
    needy(home)
    same = make_scenario(workspace=home, name="same", topic="t")
    content = (
        b"name,topic,context,parameters.age\nwhole,t,facts,41\nhalf,t,,7\n" + f"{same.name},t,,\n".encode()
    )
    file = SimpleUploadedFile("rows.csv", content)
    page = client.post("/scenarios/import/", {"file": file}, follow=True)
    assert [(each.row, each.column) for each in page.context["lacking"]] == [(3, "context"), (3, "age")]
    assert "Rows that no plan can use yet" in page.text
