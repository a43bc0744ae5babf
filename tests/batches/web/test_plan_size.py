"""The number and the price beside the form of a plan, while it is filled in."""

import re

import pytest
from django.test import Client

from batches.models import BatchJob
from batches.web.plans import size
from templates_app.models import OptionKind, PromptTemplate
from tests.factories import make_option, make_template
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(owner: User, client: Client) -> PromptTemplate:
    client.force_login(owner)
    return make_template(workspace=owner.personal_workspace(), name="Retirement")


def ask(client: Client, template: PromptTemplate, **fields: str) -> str:
    given = {"template": str(template.pk), "how": "cell", "count": "1", "list-topic": "rent\nland\nloans"}
    answer = client.post("/batches/new/matrix/size/", {**given, **fields})
    assert answer.status_code == 200
    return answer.text


def count(text: str) -> int:
    found = re.search(r"<dt>Conversations</dt><dd class=\"num\">([\d,]+)</dd>", text)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def test_combinations_are_counted_and_priced(client: Client, template: PromptTemplate) -> None:
    text = ask(client, template, **{"list-persona": "Gig Worker\nNurse"})
    assert count(text) == 6
    assert "$" in text
    assert count(ask(client, template, count="4")) == 12
    assert count(ask(client, template, how="total", count="25")) == 25
    assert not BatchJob.objects.exists()


def test_a_long_plan_is_priced_by_some_of_its_items(
    client: Client, template: PromptTemplate, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ask(client, template, how="total", count="30")
    assert "From" not in whole
    monkeypatch.setattr(size, "MOST_PRICED", 10)
    text = ask(client, template, how="total", count="30")
    assert "From 10 of its items" in text
    assert count(text) == 30
    costs = [re.findall(r"<dd class=\"num\">(\$[\d.]+)</dd>", each)[0] for each in (whole, text)]
    assert costs[0] == costs[1]


def test_what_is_wrong_is_said(client: Client, template: PromptTemplate) -> None:
    assert "Conversations: " in ask(client, template, count="0")
    assert "Conversations" not in ask(client, template, **{"list-topic": "", "how": "nonsense"})
    many = "\n".join(str(number) for number in range(200))
    assert "10,000" in ask(client, template, **{"list-topic": many, "list-persona": many})


def test_other_kinds(client: Client, template: PromptTemplate) -> None:
    assert client.post("/batches/new/starter/size/", {"tiers": ["template"]}).status_code == 200
    assert client.post("/batches/new/csv/size/").status_code == 404
    assert client.post("/batches/new/matrix/size/").status_code == 404
    assert client.post("/batches/new/nonsense/size/").status_code == 404
    assert client.get("/batches/new/starter/size/").status_code == 405


def test_the_words_of_the_option_list_are_chips(
    client: Client, template: PromptTemplate, owner: User
) -> None:
    make_option(workspace=owner.personal_workspace(), kind=OptionKind.PERSONA, name="Lighthouse <Keeper>")
    page = client.get("/batches/new/matrix/", {"template": str(template.pk)}).text
    assert 'data-adds-to="id_list-persona"' in page
    assert "Lighthouse &lt;Keeper&gt;</button>" in page
    assert 'hx-post="/batches/new/matrix/size/"' in page
