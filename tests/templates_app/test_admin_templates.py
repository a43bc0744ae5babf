"""Templates in the admin: drafts are edited, published versions are not."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lib.stale_state import StaleState
from templates_app.models import NotPublishable, PromptTemplate, TemplateVersion
from tests.factories import make_template, make_user, make_version
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user(superuser=True)


@pytest.fixture
def boss(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def draft(**fields: Any) -> TemplateVersion:
    template = make_template()
    return make_version(template=template, published=False, **{"note": "shorter", **fields})


def path_of(version: TemplateVersion, page: str = "change") -> str:
    return reverse(f"admin:templates_app_templateversion_{page}", args=[version.pk])


def body_of(version: TemplateVersion, **fields: Any) -> dict[str, Any]:
    values = {
        "text": version.text,
        "system_prompt": "",
        "training_system_prompt": "",
        "variables": json.dumps(version.variables),
        "language": "en",
        "model": "",
        "note": version.note,
    }
    return {**values, **fields}


def publish(client: Client, *versions: TemplateVersion) -> list[str]:
    body = {"action": "publish", "_selected_action": [str(version.pk) for version in versions]}
    response = client.post(reverse("admin:templates_app_templateversion_changelist"), body, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_a_template_and_its_next_version_are_made(boss: Client, user: User) -> None:
    workspace = user.personal_workspace()
    body = {"name": "Mine", "tier": "scenario", "workspace": str(workspace.pk)}
    empty = {"versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0}
    assert boss.post(reverse("admin:templates_app_prompttemplate_add"), {**body, **empty}).status_code == 302
    template = PromptTemplate.objects.get(name="Mine")
    assert (template.created_by, template.workspace) == (user, workspace)
    for number in (1, 2):
        variables = json.dumps([{"name": "topic", "type": "text"}])
        body = {
            "template": str(template.pk),
            "text": "On {{topic}}",
            "variables": variables,
            "language": "en",
        }
        assert boss.post(reverse("admin:templates_app_templateversion_add"), body).status_code == 302
        version = template.versions.get(number=number)
        assert (version.workspace, version.created_by) == (workspace, user)
        assert version.published_at is None


def test_a_draft_is_edited(boss: Client) -> None:
    version = draft()
    response = boss.post(path_of(version), body_of(version, text="New {{topic}}", number=99))
    assert response.status_code == 302
    version.refresh_from_db()
    assert (version.text, version.number) == ("New {{topic}}", 2)


@pytest.mark.parametrize(
    "variables", ['{"name": "x"}', '[{"type": "text"}]', '[{"name": "x", "colour": 1}]', "[1]"]
)
def test_bad_variables_are_refused(boss: Client, variables: str) -> None:
    version = draft()
    response = boss.post(path_of(version), body_of(version, variables=variables))
    assert response.status_code == 200
    assert response.context["adminform"].form.errors.keys() == {"variables"}


def test_publishing(boss: Client) -> None:
    version = draft()
    assert publish(boss, version) == ["1 published."]
    version.refresh_from_db()
    assert version.published_at is not None
    assert version.template.published_version() == version


def test_what_cannot_be_published_is_told(boss: Client) -> None:
    unnamed = draft(note=" ")
    undeclared = draft(text="{{nobody}} {{topic}}")
    broken = draft(text="{{")
    published = make_template().versions.get()
    (said,) = publish(boss, unnamed, undeclared, broken, published)
    assert said.startswith("0 published, 4 skipped:")
    assert "needs a note" in said
    assert "{{nobody}} is not among its variables" in said
    assert not TemplateVersion.objects.filter(pk=undeclared.pk, published_at__isnull=False).exists()


def test_publishing_twice_is_stale() -> None:
    version = draft()
    again = TemplateVersion.objects.get(pk=version.pk)
    version.publish(by=None)
    with pytest.raises(StaleState):
        again.publish(by=None)
    with pytest.raises(NotPublishable):
        draft(note="").publish(by=None)


def test_a_published_version_is_only_looked_at(boss: Client) -> None:
    version = make_template().versions.get()
    assert boss.get(path_of(version)).status_code == 200
    assert boss.post(path_of(version), body_of(version, text="Other")).status_code == 403
    assert boss.post(path_of(version, "delete"), {"post": "yes"}).status_code == 403
    version.refresh_from_db()
    assert version.text != "Other"


def test_a_draft_can_be_deleted(boss: Client) -> None:
    version = draft()
    assert boss.post(path_of(version, "delete"), {"post": "yes"}).status_code == 302
    assert not TemplateVersion.objects.filter(pk=version.pk).exists()


def test_a_template_is_archived_not_deleted(boss: Client) -> None:
    template = make_template()
    path = reverse("admin:templates_app_prompttemplate_delete", args=[template.pk])
    assert boss.post(path, {"post": "yes"}).status_code == 403
    shown = boss.get(reverse("admin:templates_app_prompttemplate_changelist")).content.decode()
    assert template.name in shown
