"""The range of turns of a version: a line of the prompt, in every way in and out, and nothing by default."""

from typing import Any

import pytest
from django.test import Client

from conversations.generation import build_request
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs import template_file
from templates_app.prompts import editing
from templates_app.prompts.checks import WrongContent, check_content
from templates_app.text.content import Content
from templates_app.text.differences import compare_contents
from templates_app.text.rendering import add_turn_range
from tests.factories import make_template, make_token, make_user
from workspaces.models import User

RANGED = Content(text="On life.", turns_min=8, turns_max=14)


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.mark.parametrize(
    ("lowest", "highest", "line"),
    [
        (8, 14, "Number of turns: 8 to 14."),
        (6, 6, "Number of turns: 6."),
        (8, None, "Number of turns: at least 8."),
        (None, 14, "Number of turns: at most 14."),
    ],
)
def test_the_line(lowest: int | None, highest: int | None, line: str) -> None:
    assert add_turn_range("Ask.\n", lowest, highest) == f"Ask.\n\n{line}\n"


def test_no_range_no_line() -> None:
    assert add_turn_range("Ask. \n\n", None, None) == "Ask. \n\n"


@pytest.mark.parametrize(
    ("text", "says_it"),
    [
        ("Ask.\n- 8 to 14 turns. The user speaks first.\n", True),
        ("8 to 14 turns", True),
        ("- 18 to 14 turns.", False),
        ("- 8 to 140 turns.", False),
        ("- 8 to 12 turns.", False),
        ("8 to 14 people, in turns", False),
    ],
)
def test_a_text_that_says_it_gets_no_second_line(text: str, says_it: bool) -> None:
    assert (add_turn_range(text, 8, 14) == text) == says_it


@pytest.mark.parametrize(
    ("lowest", "highest"), [(1, 4), (2, 201), (9, 8), ("soon", None), (2.5, None), (True, None)]
)
def test_a_wrong_range_is_named(lowest: Any, highest: Any) -> None:
    with pytest.raises(WrongContent) as caught:
        check_content(Content(text="x", turns_min=lowest, turns_max=highest))
    assert {problem.name for problem in caught.value.problems} <= {"turns_min", "turns_max"}


def test_the_file_and_the_difference() -> None:
    written = template_file.dump(name="n", tier="template", content=RANGED)
    assert b"turns_min = 8\nturns_max = 14\n" in written
    assert template_file.to_content(template_file.load(written)) == RANGED
    assert b"turns" not in template_file.dump(name="n", tier="template", content=Content(text="x"))
    assert compare_contents(Content(text="On life."), RANGED).settings == [
        ("Fewest turns", "", "8"),
        ("Most turns", "", "14"),
    ]


@pytest.mark.django_db
def test_it_reaches_the_request_before_the_details(user: User) -> None:
    template = editing.create(user.personal_workspace(), name="n", tier="template", content=RANGED, by=user)
    version = template.versions.get()
    request = build_request(version=version, values={}, model="m", max_tokens=1, details={"tone": "calm"})
    assert request.prompt.startswith("On life.\n\nNumber of turns: 8 to 14.\n\nDetails of")


@pytest.mark.django_db
def test_the_editor_saves_it_and_names_what_is_wrong(client: Client, user: User) -> None:
    client.force_login(user)
    body = {
        "action": "save",
        "name": "Mine",
        "tier": "scenario",
        "text": "On life.",
        "turns_min": "8",
        "turns_max": "14",
    }
    client.post("/templates/new/", body)
    template = PromptTemplate.objects.get()
    assert template.versions.get().content() == RANGED
    page = client.get(f"/templates/{template.pk}/edit/").content.decode()
    assert 'name="turns_max" value="14"' in page
    assert "Number of turns: 8 to 14." in page
    answer = client.post(f"/templates/{template.pk}/edit/", {**body, "turns_min": "soon"})
    assert answer.status_code == 422
    assert "whole number from 2 to 200" in str(answer.context["form"].errors["turns_min"])


@pytest.mark.django_db
def test_the_api_and_the_fixed_version(user: User) -> None:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=user)}"})
    template = make_template(workspace=user.personal_workspace(), text="On life.", variables=())
    path = f"/api/templates/{template.pk}"
    answer = caller.patch(path, {"turnsMin": 8, "turnsMax": 14}, content_type="application/json")
    assert answer.json()["template"]["version"]["turnsMax"] == 14
    assert TemplateVersion.objects.get(template=template, number=1).turns_max is None
    resolved = caller.post(f"{path}/resolve", {"version": 2}, content_type="application/json").json()
    assert resolved["prompt"].endswith("Number of turns: 8 to 14.\n")
    wrong = caller.patch(path, {"turnsMin": 99, "turnsMax": 3}, content_type="application/json")
    assert wrong.json()["details"][0]["column"] == "turnsMax"
