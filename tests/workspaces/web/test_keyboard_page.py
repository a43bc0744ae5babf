import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
PAGE = "/settings/keyboard/"


def test_single_keys_are_switched_off_and_on_again(signed_in: Client) -> None:
    assert 'data-keys="on"' in signed_in.get("/").text
    assert signed_in.post(PAGE, {"keys": "off"}).status_code == 302
    assert 'data-keys="off"' in signed_in.get("/conversations/").text
    assert "Switch single keys on" in signed_in.get(PAGE).text
    signed_in.post(PAGE, {"keys": "on"})
    assert 'data-keys="on"' in signed_in.get("/conversations/").text


def test_anything_else_changes_nothing(signed_in: Client) -> None:
    signed_in.cookies["keys"] = "<b>"
    assert 'data-keys="on"' in signed_in.get(PAGE).text
    assert signed_in.post(PAGE, {"keys": "perhaps"}).status_code == 200
