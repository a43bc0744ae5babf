"""The settings page of the rubric: what is judged, and a new version with each change."""

from typing import Any

import pytest
from django.test import Client

from conversations.judging.rubric import find_rubric
from conversations.models import Rubric
from workspaces.models import User

pytestmark = pytest.mark.django_db
PAGE = "/settings/judge/"


@pytest.fixture
def client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


def save(client: Client, owner: User, **changes: Any) -> Any:
    workspace = owner.personal_workspace()
    newest = find_rubric(workspace)
    given = {**newest.criteria, "version": newest.version, "workspace": workspace.pk, **changes}
    return client.post(PAGE, given)


def test_it_shows_the_shipped_rubric(client: Client) -> None:
    page = client.get(PAGE).text
    assert "Rubric, version 1" in page
    assert "Are facts, numbers and calculations right" in page


def test_a_change_is_a_new_version(client: Client, owner: User) -> None:
    assert save(client, owner, accuracy="Only facts.").status_code == 302
    assert find_rubric(owner.personal_workspace()).criteria["accuracy"] == "Only facts."
    assert "Version 2 of the rubric is in force." in client.get(PAGE).text


@pytest.mark.parametrize("text", ["", "x" * 2_001])
def test_what_cannot_be_stored_is_said(client: Client, owner: User, text: str) -> None:
    answer = save(client, owner, accuracy=text)
    assert answer.status_code == 422
    assert Rubric.objects.count() == 1


def test_an_old_page_is_refused(client: Client, owner: User) -> None:
    save(client, owner, accuracy="Only facts.")
    answer = save(client, owner, accuracy="Other facts.", version=1)
    assert answer.status_code == 409
    assert "Somebody has changed this rubric" in answer.text
