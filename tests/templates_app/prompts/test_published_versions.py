"""A published version stays as it is, whichever way it is tried: pages, API, admin, and SQL below all of them.

The ORM's ways are in `test_editing.py`, column by column.
"""

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from templates_app.models import TemplateVersion
from tests.access.urls import every_url
from tests.factories import make_template, make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db
OTHER = {
    "action": "save",
    "name": "Other",
    "tier": "scenario",
    "text": "Other",
    "system_prompt": "Other",
    "training_system_prompt": "Other",
    "language": "de",
    "model": "other",
    "turns_min": "4",
    "turns_max": "6",
    "note": "Other",
    "variables": "[]",
    "number": "1",
}


@pytest.fixture
def boss() -> User:
    return make_user(superuser=True)


@pytest.fixture
def version(boss: User) -> TemplateVersion:
    return make_template(workspace=boss.personal_workspace()).versions.get()


def row(version: TemplateVersion) -> dict[str, Any]:
    return dict(TemplateVersion.objects.filter(pk=version.pk).values().get())


def test_no_url_of_a_template_changes_it(boss: User, version: TemplateVersion) -> None:
    client, before, tried = Client(), row(version), 0
    client.force_login(boss)
    places = {"template_id": version.template_id, "number": 1, "old": 1, "new": 1, "object_id": version.pk}
    for url in every_url():
        of_admin = url.name.startswith("admin:templates_app_templateversion_")
        if not (of_admin or "template_id" in url.parameters) or not set(url.parameters) <= places.keys():
            continue
        path = url.path(places)
        for method in ("post", "put", "patch", "delete"):
            if path.startswith("/api/"):
                body = json.dumps({"text": "Other", "language": "de", "note": "Other", "publish": True})
                client.generic(method.upper(), path, body, content_type="application/json")
            elif method == "post":
                client.post(path, OTHER)
            tried += 1
            assert row(version) == before, f"{method} {path}"
    assert tried > 40


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE templates_app_templateversion SET text = 'Other' WHERE id = %s",
        "UPDATE templates_app_templateversion SET turns_max = 4 WHERE id = %s",
        "UPDATE templates_app_templateversion SET published_at = NULL WHERE id = %s",
        "DELETE FROM templates_app_templateversion WHERE id = %s",
    ],
)
def test_the_database_itself_refuses(version: TemplateVersion, statement: str) -> None:
    before = row(version)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [version.pk])
    assert row(version) == before
