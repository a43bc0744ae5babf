"""The details of an item have one bound, whichever way they come: wizard, CSV, API, "Generate one"."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from batches.models import BatchItem
from conversations.details import LONGEST_TEXT
from templates_app.models import PromptTemplate
from tests.factories import make_template, make_token
from workspaces.models import User

pytestmark = pytest.mark.django_db
Send = Callable[[Client, PromptTemplate, str], Any]
VALUES = {"topic": "rent", "persona": "Nurse", "emotion": "calm"}


@pytest.fixture
def template(owner: User) -> PromptTemplate:
    return make_template(workspace=owner.personal_workspace(), name="Plain")


@pytest.fixture
def caller(owner: User) -> Client:
    """Signed in for the pages, and with a token for the API."""
    client = Client(headers={"authorization": f"Bearer {make_token(user=owner)}"})
    client.force_login(owner)
    return client


def send_to_wizard(caller: Client, template: PromptTemplate, text: str) -> Any:
    lists = {f"list-{name}": value for name, value in VALUES.items()}
    given = {**lists, "list-persona": "Nurse\nFarmer", "how": "cell", "count": "1"}
    return caller.post(
        "/batches/new/matrix/", {**given, "template": str(template.pk), "details": f"setting: {text}"}
    )


def send_as_csv(caller: Client, template: PromptTemplate, text: str) -> Any:
    rows = SimpleUploadedFile("plan.csv", b"topic,persona,emotion\nrent,Nurse,calm\n", "text/csv")
    given = {"file": rows, "tier": "template", "csv_template": "Plain", "details": f"setting: {text}"}
    return caller.post("/batches/new/csv/", given)


def send_to_batch_api(caller: Client, template: PromptTemplate, text: str) -> Any:
    item = {"topic": "rent", "parameters": {"persona": "Nurse", "emotion": "calm"}}
    body = {"name": "n", "templateId": str(template.pk), "items": [item], "details": {"setting": text}}
    return post_json(caller, "/api/conversations/generate-batch", body)


def send_item_to_batch_api(caller: Client, template: PromptTemplate, text: str) -> Any:
    parameters = {"persona": "Nurse", "emotion": "calm"}
    item = {"topic": "rent", "parameters": parameters, "details": {"setting": text}}
    body = {"name": "n", "templateId": str(template.pk), "items": [item]}
    return post_json(caller, "/api/conversations/generate-batch", body)


def send_to_single_api(caller: Client, template: PromptTemplate, text: str) -> Any:
    body = {"templateId": str(template.pk), "parameters": VALUES, "details": {"setting": text}}
    return post_json(caller, "/api/conversations/generate", body)


def send_to_generate_one(caller: Client, template: PromptTemplate, text: str) -> Any:
    values = {f"value-{name}": value for name, value in VALUES.items()}
    given = {**values, "template": str(template.pk), "action": "generate", "details": f"setting: {text}"}
    return caller.post("/generate/", given)


def post_json(caller: Client, path: str, body: Any) -> Any:
    headers = {"prefer": "wait=0"}
    return caller.post(path, json.dumps(body), content_type="application/json", headers=headers)


WAYS: tuple[Send, ...] = (
    *(send_to_wizard, send_as_csv, send_to_generate_one),
    *(send_to_batch_api, send_item_to_batch_api, send_to_single_api),
)


@pytest.mark.parametrize("send", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("length", [3_000, LONGEST_TEXT])
def test_a_long_detail_is_stored_whole(
    send: Send, length: int, caller: Client, template: PromptTemplate
) -> None:
    text = "x" * length
    assert send(caller, template, text).status_code in (202, 302)
    items = list(BatchItem.objects.all())
    assert items
    assert {item.details["setting"] for item in items} == {text}


@pytest.mark.parametrize("send", WAYS, ids=lambda way: way.__name__)
def test_a_detail_beyond_the_bound_is_refused_in_the_same_words(
    send: Send, caller: Client, template: PromptTemplate
) -> None:
    answer = send(caller, template, "x" * (LONGEST_TEXT + 1))
    assert answer.status_code in (400, 422)
    assert "setting" in answer.text
    assert f"{LONGEST_TEXT + 1} characters" in answer.text.replace(",", "")
    assert not BatchItem.objects.exists()


@pytest.mark.parametrize("send", WAYS, ids=lambda way: way.__name__)
def test_a_control_character_is_refused_everywhere(
    send: Send, caller: Client, template: PromptTemplate
) -> None:
    assert send(caller, template, "x\u0001y").status_code in (400, 422)
    assert not BatchItem.objects.exists()
