"""The list of templates and the page of one."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.packs.template_file import dump
from templates_app.prompts import editing
from templates_app.states import Tier
from templates_app.text.content import Content
from templates_app.text.rendering import Variable
from tests.factories import make_conversation, make_template, make_version
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed_in")]
# At most these, however many templates there are: session, user, workspaces, count, keys, rows, usage, versions, the right
# to edit; for the frame of the page: workspaces and running batch, workspaces and count.
LIST_QUERIES = 14  # one is the number of the review queue in the menu
# At most these, however many versions there are: session, user, workspaces, template, versions, two usages, workspaces and
# the right to edit; the four of the frame.
PAGE_QUERIES = 14  # one is the number of the review queue in the menu


def mine(owner: User, name: str, tier: Tier = Tier.TEMPLATE, *, published: bool = True) -> PromptTemplate:
    return make_template(workspace=owner.personal_workspace(), name=name, tier=tier, published=published)


def names(client: Client, query: str = "") -> list[str]:
    return [row["template"].name for row in client.get(f"/templates/{query}").context["rows"]]


def test_what_the_list_says(
    client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    used, fresh = mine(owner, "used"), mine(owner, "fresh", published=False)
    make_version(template=used, published=False)
    for score in ("8.0", "6.0", None):
        make_conversation(
            workspace=owner.personal_workspace(),
            template_version=used.versions.get(number=1),
            quality_score=Decimal(score) if score else None,
        )
    for number in range(5):
        mine(owner, f"z{number}")
    make_template(name="somebody else's")
    with django_assert_max_num_queries(LIST_QUERIES):
        answer = client.get("/templates/")
    rows = {row["template"].name: row for row in answer.context["rows"]}
    assert "somebody else" not in answer.text
    assert (rows["used"]["published"]["number"], rows["used"]["draft"]["number"]) == (1, 2)
    assert (rows["used"]["variables"], rows["used"]["usage"].made) == (5, 3)
    assert rows["used"]["usage"].score == Decimal("7")
    assert rows["fresh"]["published"] is None
    assert rows["fresh"]["usage"].last is None
    assert fresh.name in answer.text


def test_filters_and_both_empty_states(client: Client, owner: User) -> None:
    assert "No templates yet" in client.get("/templates/").text
    mine(owner, "a"), mine(owner, "b", Tier.SCENARIO)
    mine(owner, "old").archive(by=owner)
    assert names(client) == ["a", "b"]
    assert names(client, "?tier=scenario") == ["b"]
    assert names(client, "?archived=1") == ["old"]
    assert "Nothing matches" in client.get("/templates/?tier=edge_case").text
    assert names(client, "?tier=nonsense&archived=x&page=x") == ["a", "b"]


def test_the_page_of_one(
    client: Client, owner: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    template = mine(owner, "Arc")
    for number in range(5):
        make_version(template=template, note=f"note {number}", created_by=owner)
    make_conversation(workspace=owner.personal_workspace(), template_version=template.versions.get(number=2))
    with django_assert_max_num_queries(PAGE_QUERIES):
        answer = client.get(f"/templates/{template.pk}/")
    made = {row["version"].number: row["usage"].made for row in answer.context["versions"]}
    assert made == {6: 0, 5: 0, 4: 0, 3: 0, 2: 1, 1: 0}
    assert "note 4" in answer.text
    assert "Roll back" in answer.text


def test_from_draft_to_published_and_back(client: Client, owner: User) -> None:
    used = [Variable("topic"), Variable("persona", required=False)]  # an unused one would go at publishing
    template = make_template(workspace=owner.personal_workspace(), name="Arc", variables=used)
    old = template.versions.get().text
    editing.save_draft(template, Content(text="New words"), by=owner)
    page = f"/templates/{template.pk}/"
    assert "New words" in client.get(f"{page}diff/1..2/").text.replace("<ins>", "").replace("</ins>", "")
    shown = client.get(f"{page}publish/")
    assert "New" in shown.text
    assert client.post(f"{page}publish/", {"note": " "}).status_code == 422
    assert "Version 2 is published" in client.post(f"{page}publish/", {"note": "shorter"}, follow=True).text
    assert client.get(f"{page}v/1/roll-back/").status_code == 200
    client.post(f"{page}v/1/roll-back/", {"note": ""})
    third = template.published_version()
    assert third is not None
    assert (third.number, third.text, third.note) == (3, old, "Back to version 1")
    assert "There are no differences" in client.get(f"{page}diff/1..3/").text
    answer = client.get(f"{page}diff/1..3/?old=2&new=1")
    assert answer.headers["Location"] == f"{page}diff/2..1/"
    assert client.get(f"{page}diff/1..9/").status_code == 404


def test_the_pages_cannot_change_a_published_version(client: Client, owner: User) -> None:
    template = mine(owner, "Arc")
    before = TemplateVersion.objects.values().get()
    page = f"/templates/{template.pk}/"
    body = {
        "action": "save",
        "name": "Arc",
        "tier": "template",
        "text": "Other",
        "note": "other",
        "language": "de",
    }
    for path in ("edit/", "publish/", "discard/", "discard/", "v/1/roll-back/", "archive/", "v/1/test/"):
        client.post(page + path, body)
    assert TemplateVersion.objects.filter(number=1).values().get() == before
    assert client.post(f"{page}v/1/", body).status_code == 405


def test_archive_restore_duplicate_discard(client: Client, owner: User) -> None:
    template = mine(owner, "Arc")
    page = f"/templates/{template.pk}/"
    assert "Archived: new plans" in client.post(f"{page}archive/", follow=True).text
    assert "cannot be archived" in client.post(f"{page}archive/", follow=True).text
    client.post(f"{page}restore/")
    assert names(client) == ["Arc"]
    client.post(f"{page}duplicate/")
    assert names(client) == ["Arc", "Arc copy"]
    editing.save_draft(template, Content(text="x"), by=owner)
    client.post(f"{page}discard/")
    assert template.versions.count() == 1


def test_export_and_import_through_the_pages(client: Client, owner: User) -> None:
    template = mine(owner, "Ärc / 2")
    answer = client.get(f"/templates/{template.pk}/v/1/export/")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="arc-2-v1.toml"'
    body = answer.content
    assert body == dump(name=template.name, tier=template.tier, content=template.versions.get().content())
    from_file = upload(client, body)
    assert from_file.status_code == 302
    made = PromptTemplate.objects.get(name="Ärc / 2 2")
    assert dump(name=template.name, tier=made.tier, content=made.versions.get().content()) == body
    refused = upload(client, b"[[template]]\nname = 'x'\ntier = 'big'\n")
    assert refused.status_code == 422
    assert "tier must be one of" in refused.text
    assert "&#x27;text&#x27; is missing" in refused.text
    assert client.post("/templates/import/").status_code == 422
    assert PromptTemplate.objects.count() == 2


def upload(client: Client, body: bytes) -> Any:
    from_memory = SimpleUploadedFile("x.toml", body)
    return client.post("/templates/import/", {"file": from_memory})
