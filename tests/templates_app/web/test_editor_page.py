"""The editor, as forms: extraction, check, preview, save; with htmx and without."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from templates_app.models import PromptTemplate
from templates_app.prompts import editing
from templates_app.text.content import Content
from templates_app.text.rendering import Variable
from tests.factories import make_member, make_template, make_workspace
from workspaces.models import Membership, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
NEW = "/templates/new/"
CHECK = {"HX-Request": "true", "HX-Target": "section#variables"}
# At most these, however long the template is: session, user, workspaces, template, workspaces, the right to edit, newest
# version, names of the situations' values; for the frame of the page: workspaces and running batch, workspaces and count.
QUERIES = 13  # one is the number of the review queue in the menu


def body(**fields: Any) -> dict[str, Any]:
    given = {"action": "save", "name": "Mine", "tier": "scenario", "language": "en", "text": "On {{topic}}"}
    return {**given, **fields}


def edit(template: PromptTemplate) -> str:
    return f"/templates/{template.pk}/edit/"


def form_of(client: Client, template: PromptTemplate) -> dict[str, Any]:
    """What a browser would send when nobody changes anything."""
    context = client.get(edit(template)).context
    content, sent = context["content"], dict(context["given"])
    sent |= {name: getattr(content, name).replace("\n", "\r\n") for name in ("text", "system_prompt")}
    sent |= {"training_system_prompt": content.training_system_prompt, "language": content.language}
    sent |= {"model": content.model, "variable": [row.name for row in context["rows"]], "action": "save"}
    for row in context["rows"]:
        keys = ("default", "help", "options", "minimum", "maximum", "max_length")
        sent |= {f"{key}-{row.name}": getattr(row, key).replace("\n", "\r\n") for key in keys}
        sent |= {f"type-{row.name}": row.kind, f"kept-{row.name}": "1"}
        sent |= {f"required-{row.name}": "1"} if row.required else {}
    return sent


def test_a_new_template_with_its_extracted_variables(client: Client, owner: User) -> None:
    assert client.get(NEW).status_code == 200
    answer = client.post(
        NEW, body(text="On {{topic}}\r\nand {{tone ? 'x' : ''}}", system_prompt="Be {{kind}}")
    )
    template = PromptTemplate.objects.get()
    assert answer.headers["Location"] == edit(template)
    version = template.versions.get()
    assert version.text == "On {{topic}}\nand {{tone ? 'x' : ''}}"
    assert [each["name"] for each in version.variables] == ["topic", "tone", "kind"]
    assert version.is_draft


def test_saving_what_the_page_shows_changes_nothing(client: Client, owner: User) -> None:
    variables = (
        Variable("a", help="two\nlines", default=" spaced "),
        Variable("n", "number", required=False, default=3, minimum=1, maximum=9.5),
        Variable("d", "dropdown", options=("x|y", "z"), default="z"),
        Variable(
            "l", "list", required=False, options=("one", "t|wo"), default=["one", "t|wo"], max_length=50
        ),
        Variable("unused", help="kept"),
    )
    text = "\n\n{{a}} {{n}} {{d}} {{l}} <b>&amp;</b>\n"
    template = make_template(workspace=owner.personal_workspace(), text=text, variables=variables)
    client.post(edit(template), form_of(client, template))
    assert template.versions.count() == 1


def test_a_published_version_gets_a_next_draft(client: Client, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace())
    sent = {**form_of(client, template), "text": "New {{topic}}"}
    answer = client.post(edit(template), sent, follow=True)
    assert "Saved as draft 2" in answer.text
    assert [version.is_draft for version in template.versions.order_by("number")] == [False, True]


def test_check_stores_nothing_and_answers_the_two_regions(client: Client, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace())
    sent = {**form_of(client, template), "action": "check", "text": "{{topc}} {{topic}} {{"}
    answer = client.post(edit(template), sent, headers=CHECK)
    assert answer.status_code == 200
    assert 'id="variables"' in answer.text
    assert 'id="seen" hx-swap-oob' in answer.text
    assert "<html" not in answer.text
    assert "did you mean" in answer.text
    assert "never closed" in answer.text
    whole = client.post(edit(template), sent)
    assert "<html" in whole.text
    assert "{{topc}} {{topic}} {{" in whole.text
    assert template.versions.count() == 1


def test_the_check_warns_of_what_nothing_fills(client: Client, owner: User) -> None:
    sent = body(action="check", text="{{topic}} {{mood}} {persona} {% if mood %}")
    sent |= {"variable": ["mood"], "type-mood": "text", "required-mood": "1"}
    answer = client.post(NEW, sent, headers=CHECK)
    kinds = [each.kind for each in answer.context["findings"]]
    assert kinds == ["foreign", "foreign", "unfilled"]
    assert "{persona} is sent as it is; write {{persona}}" in answer.text


def test_the_help_names_sections_and_the_escape(client: Client, owner: User) -> None:
    page = client.get(NEW).text
    for words in ("{{#persona}}", "{{^persona}}", "{{/persona}}", "\\{{", "\\\\{{"):
        assert words in page


def test_an_old_version_is_shown_in_the_syntax_of_today(client: Client, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace(), published=False)
    template.versions.update(text=r"\{{topic}}", syntax=1)
    page = client.get(edit(template))
    assert page.context["content"].text == r"\\{{topic}}"
    assert "older than sections and escapes" in page.text
    client.post(edit(template), form_of(client, template))
    assert template.versions.get().syntax == 1, "nothing was changed, so nothing is saved"
    client.post(edit(template), {**form_of(client, template), "text": r"\\{{topic}}!"})
    version = template.versions.get()
    assert (version.syntax, version.prompt({"topic": "tea"})) == (2, r"\tea!")
    assert "older than sections" not in client.get(edit(template)).text


def test_publishing_asks_which_unused_variables_stay(client: Client, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace(), text="On {{topic}}", published=False)
    version = template.versions.get()
    names = [each["name"] for each in version.variables if each["name"] != "topic"] + ["old", "older"]
    extra = [Variable(name).to_dict() for name in ("old", "older")]
    template.versions.update(variables=[*version.variables, *extra])
    address = f"/templates/{template.pk}/publish/"
    page = client.get(address)
    assert page.context["unused"] == names
    assert 'name="keep" value="old"' in page.text
    client.post(address, {"note": "first", "keep": ["older"]})
    assert template.versions.get().variables == [
        Variable("topic").to_dict(),
        Variable("older", required=False).to_dict(),
    ]


def test_an_imported_file_shows_what_the_check_found(client: Client, owner: User) -> None:
    content = b'[[template]]\nname = "Brought"\ntier = "scenario"\ntext = "Write about {topic}."\n'
    answer = client.post("/templates/import/", {"file": SimpleUploadedFile("t.toml", content)}, follow=True)
    assert "The check found 1 thing to look at." in answer.text
    assert "{topic} is sent as it is" in answer.text


def test_the_preview_marks_and_escapes(client: Client, owner: User) -> None:
    sent = body(action="check", variable=["topic"], text="{{topic}} {{other}}")
    answer = client.post(NEW, {**sent, "try-topic": "<b>{{other}}</b>"}, headers=CHECK)
    assert (
        '<mark class="m-filled" data-of="topic" title="topic">&lt;b&gt;{{other}}&lt;/b&gt;</mark>'
        in answer.text
    )
    assert 'class="m-missing"' in answer.text


def test_half_typed_names_leave_no_rows(client: Client, owner: User) -> None:
    sent = body(action="check", text="{{topic}}", variable=["to", "top"])
    sent |= {
        "type-to": "text",
        "required-to": "1",
        "type-top": "text",
        "required-top": "1",
        "help-top": "mine",
    }
    rows = client.post(NEW, sent).context["rows"]
    assert [(row.name, row.used) for row in rows] == [("top", False), ("topic", True)]
    rows = client.post(NEW, {**sent, "remove-top": "1"}).context["rows"]
    assert [row.name for row in rows] == ["topic"]


def test_the_fields_of_a_type(client: Client, owner: User) -> None:
    sent = body(action="check", text="{{n}} {{d}}", variable=["n", "d"])
    sent |= {
        "type-n": "number",
        "minimum-n": "x",
        "type-d": "dropdown",
        "options-d": "a\r\nb",
        "default-d": "c",
    }
    answer = client.post(NEW, sent)
    assert "minimum and maximum must be numbers" in answer.text
    assert "choose from: a, b" in answer.text
    refused = client.post(NEW, {**sent, "action": "save"})
    assert refused.status_code == 422
    assert not PromptTemplate.objects.exists()
    sent |= {"action": "save", "minimum-n": "1", "maximum-n": "2.5", "default-d": "b"}
    assert client.post(NEW, sent).status_code == 302
    number, dropdown = PromptTemplate.objects.get().versions.get().typed_variables()
    assert (number.minimum, number.maximum, number.required) == (1, 2.5, False)
    assert (dropdown.options, dropdown.default) == (("a", "b"), "b")


@pytest.mark.parametrize(
    ("fields", "field"), [({"name": ""}, "name"), ({"tier": "x"}, "tier"), ({"language": "!"}, "language")]
)
def test_what_is_refused_stands_at_its_field(
    client: Client, owner: User, fields: dict[str, str], field: str
) -> None:
    answer = client.post(NEW, body(**fields))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "On {{topic}}" in answer.text
    assert not PromptTemplate.objects.exists()


def test_who_was_overtaken_keeps_his_text(client: Client, owner: User) -> None:
    template = make_template(workspace=owner.personal_workspace(), name="Old")
    sent = {**form_of(client, template), "text": "mine {{topic}}", "name": "New"}
    editing.save_draft(template, Content(text="theirs"), by=owner)
    answer = client.post(edit(template), sent)
    assert answer.status_code == 409
    assert "mine {{topic}}" in answer.text
    assert template.versions.get(number=2).text == "theirs"
    template.refresh_from_db()
    assert template.name == "Old"
    assert client.post(edit(template), {**sent, "seen": answer.context["given"]["seen"]}).status_code == 302
    assert template.versions.get(number=2).text == "mine {{topic}}"


@pytest.mark.parametrize("role", [Membership.Role.VIEWER, Membership.Role.REVIEWER])
def test_who_may_only_look(client: Client, owner: User, role: Membership.Role) -> None:
    workspace = make_workspace()
    make_member(workspace=workspace, user=owner, role=role)
    template = make_template(workspace=workspace, published=False)
    assert client.get(f"/templates/{template.pk}/").status_code == 200
    assert client.get(f"/templates/{template.pk}/v/1/").status_code == 200
    assert client.get(f"/templates/{template.pk}/v/1/test/").status_code == 200
    for page in ("edit", "publish", "v/1/roll-back"):
        assert client.get(f"/templates/{template.pk}/{page}/").status_code == 403
    for verb in ("edit", "publish", "archive", "restore", "discard", "v/1/roll-back"):
        assert client.post(f"/templates/{template.pk}/{verb}/", body()).status_code == 403
    template.refresh_from_db()
    assert template.archived_at is None


def test_queries(client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    template = make_template(workspace=owner.personal_workspace())
    with django_assert_max_num_queries(QUERIES):
        client.get(edit(template))
