"""Scenarios in the admin: their parameters are an object of texts, or nothing."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from templates_app.models import Scenario
from tests.factories import make_scenario, make_user

pytestmark = pytest.mark.django_db


def change(entry: Scenario, parameters: str) -> int:
    client = Client()
    client.force_login(make_user(superuser=True))
    given = {
        "name": entry.name,
        "topic": entry.topic,
        "tags": "",
        "parameters": parameters,
        "initial-parameters": json.dumps(entry.parameters),
        "position": entry.position,
        "workspace": str(entry.workspace_id),
    }
    answer = client.post(reverse("admin:templates_app_scenario_change", args=[entry.pk]), given)
    entry.refresh_from_db()
    return answer.status_code


@pytest.mark.parametrize("parameters", ["", "null", " null ", "{}"])
def test_no_parameters(parameters: str) -> None:
    entry = make_scenario(parameters={"age": "41"})
    assert change(entry, parameters) == 302
    assert entry.parameters == {}


@pytest.mark.parametrize("parameters", ["[]", "1", '"a"', '{"age": 41}', '{"age": null}', "nonsense"])
def test_what_is_no_object_of_texts_is_refused(parameters: str) -> None:
    entry = make_scenario(parameters={"age": "41"})
    assert change(entry, parameters) == 200
    assert entry.parameters == {"age": "41"}
