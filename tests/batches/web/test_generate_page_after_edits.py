"""The front page starts after every way of editing a starter template that the editor allows."""

import re
from typing import Any

import pytest
from django.test import Client

from batches.models import BatchJob
from templates_app.models import PromptTemplate, Scenario
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_pack", "signed_in")]
SENT = ("text", "system_prompt", "training_system_prompt", "language", "model")
KEYS = ("default", "help", "options", "minimum", "maximum", "max_length")


def edit(client: Client, name: str, change: dict[str, Any], *, keep: tuple[str, ...] = ()) -> PromptTemplate:
    """Change a template in the editor as a browser does, and publish it."""
    template = PromptTemplate.objects.get(name=name)
    address = f"/templates/{template.pk}"
    context = client.get(f"{address}/edit/").context
    content = context["content"]
    sent = {**context["given"], **{key: getattr(content, key) for key in SENT}, "action": "save"}
    sent["variable"] = [row.name for row in context["rows"]]
    for row in context["rows"]:
        sent |= {f"{key}-{row.name}": getattr(row, key) for key in KEYS}
        sent |= {f"type-{row.name}": row.kind, f"kept-{row.name}": "1"}
        sent |= {f"required-{row.name}": "1"} if row.required else {}
    replaced = {key: value(sent.get(key, "")) if callable(value) else value for key, value in change.items()}
    saved = client.post(f"{address}/edit/", {**sent, **replaced})
    assert saved.status_code == 302, saved.context["form"].errors
    published = client.post(f"{address}/publish/", {"note": "edited", "keep": list(keep)})
    assert published.status_code == 302
    template.refresh_from_db()
    return template


def start(client: Client) -> BatchJob:
    page = client.get("/")
    assert "Start" in page.text
    assert page.context["estimate"] is not None
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    given = {
        **dict(fields),
        "action": "start",
        "tier": ["template", "scenario", "edge_case"],
        "concurrency": "3",
    }
    answer = client.post("/", {**given, "error_handling": "continue"})
    assert answer.status_code == 302, answer.context["form"].errors
    return BatchJob.objects.get()


def add(text: str) -> Any:
    return lambda before: f"{before}\n{text}\n"


def with_row(name: str) -> Any:
    """The rows of the variables and a new one."""
    return lambda before: [*before, name]


def without(name: str) -> Any:
    """The text without the placeholders and sections of a variable."""
    tag = re.compile(rf"\{{\{{[#^/]?{name}\}}\}}")
    return lambda before: tag.sub("", before)


WAYS: dict[str, tuple[dict[str, Any], int]] = {
    # What is changed in the editor, and how many of the 90 can still be made.
    "another word": ({"text": add("Write with care.")}, 90),
    "a new optional line": ({"text": add("{{#mood}}\nMood: {{mood}}\n{{/mood}}")}, 90),
    "a new optional variable": (
        {"text": add("{{mood}}"), "variable": with_row("mood"), "type-mood": "text"},
        90,
    ),
    "a new variable with a default": (
        {"text": add("{{mood}}"), "variable": ["mood"], "default-mood": "dry"},
        90,
    ),
    "a new variable that nothing fills": ({"text": add("{{mood}}"), "required-mood": "1"}, 50),
    "a variable is gone": ({"text": without("persona")}, 90),
    "all variables are gone": ({"text": "Write a conversation.", "system_prompt": ""}, 90),
    "a narrower type": ({"type-persona": "number"}, 50),
    "other options": ({"type-tone": "dropdown", "options-tone": "frosty", "default-tone": "frosty"}, 50),
    "a shorter text": ({"max_length-topic": "20"}, 50),
    "another model": ({"model": "claude-none-such"}, 50),
    "a range of turns": ({"turns_min": "4", "turns_max": "6"}, 90),
    "another name": ({"name": "Renamed"}, 90),
    "another tier": ({"tier": "scenario"}, 90),
    "literal braces": ({"text": add(r"As \{{topic}} and {topic} and {% if %}")}, 90),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_starts_after_an_edit(client: Client, owner: User, way: str) -> None:
    change, count = WAYS[way]
    edit(client, "Emotional arc", change)
    page = client.get("/")
    job = start(client)
    assert job.total_items >= count
    if job.total_items < 90:
        (left_out,) = page.context["left_out"]
        assert left_out.count == 90 - job.total_items
        assert f'href="/templates/{left_out.template.pk}/"' in page.text
    else:
        assert not page.context["left_out"]


def test_a_variable_that_came_and_went_blocks_nothing(client: Client, owner: User) -> None:
    edit(client, "Edge case", {"text": add("{{unknown_thing}}"), "required-unknown_thing": "1"})
    assert "unknown_thing" in client.get("/").text
    edited = edit(client, "Edge case", {"text": lambda before: before.replace("{{unknown_thing}}", "")})
    version = edited.published_version()
    assert version is not None
    assert "unknown_thing" not in version.variable_names
    assert start(client).total_items == 90


def test_an_unused_variable_stays_unrequired_when_the_person_says_so(client: Client, owner: User) -> None:
    edited = edit(client, "Edge case", {"variable": with_row("later"), "help-later": "mine"}, keep=("later",))
    version = edited.published_version()
    assert version is not None
    assert [each["required"] for each in version.variables if each["name"] == "later"] == [False]
    assert start(client).total_items == 90


def test_a_version_that_was_published_with_an_unused_required_variable(client: Client, owner: User) -> None:
    """As versions were before publishing removed such variables."""
    template = PromptTemplate.objects.get(name="Edge case")
    newest = template.published_version()
    assert newest is not None
    old = {"name": "unknown_thing", "type": "text", "required": True}
    newest.pk, newest.number, newest.variables = None, 2, [*newest.variables, old]
    newest._state.adding = True
    newest.id = PromptTemplate().id
    newest.save(force_insert=True)
    assert start(client).total_items == 90


def test_an_archived_template_leaves_its_items_out(client: Client, owner: User) -> None:
    PromptTemplate.objects.get(name="Real-world scenario").archive(by=owner)
    arc = edit(client, "Emotional arc", {"name": "Renamed"})
    arc.archive(by=owner)
    page = client.get("/")
    assert "35 conversations cannot be made" in page.text
    assert "40 conversations cannot be made: The template &#x27;Renamed&#x27; is archived" in page.text
    assert start(client).total_items == 15


def test_with_nothing_left_the_error_links_to_the_templates(client: Client, owner: User) -> None:
    for template in PromptTemplate.objects.all():
        edit(client, template.name, {"text": add("{{mood}}"), "required-mood": "1"})
    page = client.get("/").text
    for template in PromptTemplate.objects.all():
        assert f'<a href="/templates/{template.pk}/">Open the template “{template.name}”</a>' in page


def test_an_edited_scenario_that_lacks_what_is_needed_is_left_out(client: Client, owner: User) -> None:
    Scenario.objects.filter(position=1).update(context="")
    page = client.get("/")
    assert [each.count for each in page.context["left_out"]] == [1]
    assert start(client).total_items == 89
