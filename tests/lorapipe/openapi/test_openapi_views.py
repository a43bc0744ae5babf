"""GET /api/schema and GET /api/docs."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from django.test import Client

from tests.factories import make_token
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})


def test_the_schema_as_json(caller: Client) -> None:
    answer = caller.get("/api/schema")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json()["openapi"] == "3.1.0"
    assert caller.get("/api/schema/").content == answer.content


def test_the_schema_as_yaml(caller: Client) -> None:
    answer = caller.get("/api/schema", headers={"accept": "application/yaml"})
    assert answer["Content-Type"] == "application/yaml"
    assert yaml.safe_load(answer.content) == caller.get("/api/schema").json()


def test_who_has_it_already_gets_304(caller: Client) -> None:
    etag = caller.get("/api/schema")["ETag"]
    again = caller.get("/api/schema", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert caller.get("/api/schema", headers={"if-none-match": '"another"'}).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "application/yaml"])
def test_a_stranger_gets_none(accept: str) -> None:
    answer = Client().get("/api/schema", headers={"accept": accept})
    assert answer.status_code == 401
    assert json.loads(answer.content)["code"] == "not_authenticated"


def test_the_page_for_people(owner: User) -> None:
    client = Client()
    assert client.get("/api/docs")["Location"].startswith("/sign-in/")
    client.force_login(owner)
    page = client.get("/api/docs").text
    assert "/api/conversations/generate-batch" in page
    assert "concurrentProcessing" in page
    assert "<script>" not in page
    assert "style=" not in page
    assert page.count('<details class="api-operation"') == page.count("badge api-method")


def test_a_start_does_not_load_what_makes_it() -> None:
    """The package takes a third of a second; only who asks for the schema waits for it."""
    code = "import django; django.setup(); import lorapipe.urls, sys; print('drf_spectacular' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "lorapipe.settings"},
    )
    assert found.stdout.strip() == "False"
