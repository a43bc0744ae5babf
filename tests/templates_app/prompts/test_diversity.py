"""A template's word on diversity: from its page and over the API, by those who may change it."""

import pytest
from django.test import Client

from tests.factories import make_member, make_template, make_user
from workspaces.models import Membership

pytestmark = pytest.mark.django_db


def test_on_and_off(client: Client) -> None:
    user = make_user()
    template = make_template(workspace=user.personal_workspace())
    client.force_login(user)
    address = f"/templates/{template.pk}/"
    assert "Stop varying its prompts" in client.get(address).text
    page = client.post(f"{address}diversity/", {"diversity": "off"}, follow=True)
    assert "Plans do not vary its prompts." in page.text
    api = f"/api/templates/{template.pk}"
    answer = client.patch(api, {"diversity": True}, content_type="application/json")
    assert answer.json()["template"]["diversity"] is True
    assert client.get(api).json()["template"]["diversity"] is True


def test_who_may_only_look_may_not(client: Client) -> None:
    template = make_template()
    member = make_member(workspace=template.workspace, role=Membership.Role.VIEWER)
    client.force_login(member.user)
    assert client.post(f"/templates/{template.pk}/diversity/", {"diversity": "off"}).status_code == 403
    template.refresh_from_db()
    assert template.diversity
