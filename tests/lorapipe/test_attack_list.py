"""Inputs that once were answered with 500: each has a clear answer now, and nothing is stored."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemStatus, JobStatus
from templates_app.models import PromptTemplate, Scenario, TemplateVersion
from templates_app.prompts import editing
from tests import factories
from tests.workspaces.admin_urls import page
from workspaces.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("starter_pack")]
START = "/api/conversations/generate-batch"
HUGE = "1" + "0" * 400
ODD_JSON = [
    *('["\\u0000"]', '["\\ud800"]', '[{"name": "a\\u0000", "type": "text"}]', '[{"a\\udfff": 1}]'),
    *("[1e400]", "[-1e999]", "[NaN]", "[Infinity]", f"[{HUGE}]", f"[{'9' * 5000}]"),
    *("[" * 100_000, "[" * 60 + "]" * 60, '{"a": ' * 5_000, "{", '"\\ud800"'),
]


@pytest.fixture
def template(owner: User) -> PromptTemplate:
    return factories.make_template(workspace=owner.personal_workspace(), name="Mine")


@pytest.mark.parametrize("where", ["parameters", "sharedParameters", "recipe"])
@pytest.mark.parametrize("number", ["1e400", "-1e400", "Infinity", "NaN", HUGE, "9" * 5000])
@pytest.mark.parametrize("draft", ["true", "false"])
def test_numbers_that_no_database_holds(
    owner: User, template: PromptTemplate, where: str, number: str, draft: str
) -> None:
    caller = Client(headers={"authorization": f"Bearer {factories.make_token(user=owner)}"})
    item = '{"topic": "a", "parameters": {"persona": %s}}' % (number if where == "parameters" else '"p"')
    more = f', "{where}": {{"emotion": {number}}}' if where != "parameters" else ""
    body = f'{{"name": "n", "draft": {draft}, "templateId": "{template.pk}", "items": [{item}]{more}}}'
    answer = caller.post(START, body, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]
    assert not BatchJob.objects.exists()


@pytest.mark.parametrize(
    "matrix", [{}, [], None, "x", {"axes": []}, {"axes": {}}, {"axes": [None]}, {"axes": [{}]}]
)
def test_a_matrix_that_is_none(owner: User, template: PromptTemplate, matrix: Any) -> None:
    caller = Client(headers={"authorization": f"Bearer {factories.make_token(user=owner)}"})
    body = {"name": "n", "templateId": str(template.pk), "matrix": matrix}
    answer = caller.post(START, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400, answer.content


def test_a_matrix_of_two_thousand_axes(owner: User, template: PromptTemplate) -> None:
    caller = Client(headers={"authorization": f"Bearer {factories.make_token(user=owner)}"})
    axes = [{"name": f"a{n}", "values": [str(value) for value in range(150)]} for n in range(2000)]
    body = {"name": "n", "templateId": str(template.pk), "matrix": {"axes": axes, "total": 1}}
    answer = caller.post(START, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400, answer.content


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "b\udfffc"], ids=ascii)
def test_texts_in_forms(signed_in: Client, owner: User, template: PromptTemplate, text: str) -> None:
    """NUL is refused. Half of a surrogate pair cannot come in a form: browsers, and Django, replace it."""
    job = factories.make_job(by=owner, status=JobStatus.COMPLETED, total_items=1, failed_items=1)
    item = factories.make_item(job=job, status=ItemStatus.FAILED, error_kind="timeout")
    draft = factories.make_job(by=owner, status=JobStatus.DRAFT, plan_revision=1, total_items=4)
    for _ in range(4):
        factories.make_item(job=draft)
    other = factories.make_template(workspace=owner.personal_workspace(), name="Changed once")
    for each in (template, other):
        content = each.published_version().content()  # type: ignore[union-attr]
        editing.save_draft(each, replace(content, text="Hello"), by=owner)
    editing.publish_draft(other, note="shorter", by=owner)
    encoded, kind = text.encode("utf-8", "surrogatepass"), "application/x-www-form-urlencoded"
    for path, name, rest in (
        (f"/batches/{job.pk}/retry/", "kind", {"budget": "9"}),
        (f"/batches/{job.pk}/retry/", "idempotency_key", {"budget": "9"}),
        (f"/items/{item.pk}/retry/", "idempotency_key", {}),
        ("/generate/", "idempotency_key", {"action": "generate", "template": str(template.pk)}),
        (f"/batches/{draft.pk}/plan/start/", "idempotency_key", {"action": "try", "revision": "1"}),
        (f"/templates/{template.pk}/publish/", "note", {}),
        (f"/templates/{other.pk}/v/1/roll-back/", "note", {}),
        ("/settings/notices/", "url", {}),
        ("/sign-in/", "name", {"password": "x"}),
    ):
        browser = Client() if path == "/sign-in/" else signed_in
        answer = browser.post(path, urlencode({**rest, name: encoded}), content_type=kind)
        assert answer.status_code < 500, path
        assert answer.status_code in (400, 409, 422) or "\x00" not in text, path
    for path in (
        f"/batches/{job.pk}/retry/?kind=%00",
        "/generate/?template=%00&from=%00",
        "/sign-in/?next=%00",
    ):
        assert signed_in.get(path).status_code < 500, path
    assert BatchItem.objects.get(pk=item.pk).status == ItemStatus.FAILED or "\x00" not in text


@pytest.mark.parametrize(
    "name", ["a\\u0000b", "\\u0000", "\\ud800", "a" * 100_000, "\x00"], ids=lambda each: each[:10]
)
def test_names_in_a_template_file(signed_in: Client, template: PromptTemplate, name: str) -> None:
    text = f'name = "{name}"\ntier = "template"\ntext = "Hello"\n'
    for file in (text, text.replace("name = ", 'a."x".name = ')):
        upload = SimpleUploadedFile("template.toml", file.encode("utf-8", "surrogatepass"))
        answer = signed_in.post("/templates/import/", {"file": upload})
        assert 400 <= answer.status_code < 500, answer.content[:500]
    assert PromptTemplate.objects.filter(name__startswith="a").count() == 0


@pytest.mark.parametrize("variables", ODD_JSON, ids=lambda each: each[:24])
def test_variables_in_the_admin(template: PromptTemplate, variables: str) -> None:
    boss = Client()
    boss.force_login(factories.make_user(superuser=True))
    given = {
        "text": "Hello",
        "language": "en",
        "turns_min": "2",
        "turns_max": "4",
        "template": str(template.pk),
    }
    sent = {**given, "variables": variables}
    version = TemplateVersion.objects.get(template=template)
    count = TemplateVersion.objects.count()
    for path in (page(TemplateVersion, "add"), page(TemplateVersion, "change", version.pk)):
        answer = boss.post(path, sent)
        assert answer.status_code in (200, 302, 403), path
    scenario = Scenario.objects.filter(workspace=template.workspace).first()
    assert scenario
    answer = boss.post(page(Scenario, "change", scenario.pk), {"name": "x", "parameters": variables})
    assert answer.status_code == 200
    assert TemplateVersion.objects.count() == count


@pytest.mark.parametrize(
    "path",
    [
        *("/conversations/?created_to=9999-12-31", "/conversations/?created_from=0001-01-01"),
        *(
            "/conversations/?created_to=0001-01-01",
            "/conversations/?created_from=9999-12-31&created_to=9999-12-31",
        ),
        *("/conversations/?score_from=1e400", "/conversations/?score_to=NaN", f"/conversations/?page={HUGE}"),
        f"/batches/?page={HUGE}",
        *("/api/conversations?created_to=9999-12-31", f"/api/conversations?limit={HUGE}"),
        *("/api/conversations?createdTo=9999-12-31", "/api/conversations?createdFrom=0001-01-01"),
        *("/?limit=1e400", f"/?limit={HUGE}", f"/?seed={HUGE}", f"/?concurrency={HUGE}", "/?budget=1e400"),
        *("/?budget=NaN", "/?budget=Infinity", f"/?budget={HUGE}"),
    ],
    ids=lambda each: each[:50],
)
def test_odd_addresses(signed_in: Client, path: str) -> None:
    assert signed_in.get(path).status_code < 500


@pytest.mark.parametrize(
    "wanted", ["foo", "//", "\\", "http://[", "x:y", "?", "/\\evil.example", "a" * 9000, "é"]
)
def test_where_to_go_after_signing_in(client: Client, owner: User, wanted: str) -> None:
    owner.set_password("a long pass phrase")
    owner.save(update_fields=["password"])
    assert client.get("/sign-in/", {"next": wanted}).status_code == 200
    sent = {"name": owner.username, "password": "a long pass phrase", "next": wanted}
    answer = client.post(f"/sign-in/?next={wanted}", sent)
    assert answer.status_code == 302
    assert "evil" not in answer["Location"]
    assert client.get("/sign-in/", {"next": wanted}).status_code == 302
