"""What is looked at before any page or endpoint sees it: texts that cannot be stored, and what may be kept by a cache."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_form_with_a_nul_is_refused_by_the_name_of_its_field(client: Client) -> None:
    answer = client.post("/sign-in/", {"username": "a\x00b", "password": "x"})
    assert answer.status_code == 400
    assert "username: contains U+0000 at character 2; remove it." in answer.text


def test_a_nul_in_the_name_of_a_field(client: Client) -> None:
    answer = client.post("/sign-in/", {"user\x00name": "x"})
    assert answer.status_code == 400
    assert "user?name: contains U+0000" in answer.text


def test_a_nul_in_an_address_is_left_out(client: Client) -> None:
    answer = client.get("/sign-in/?next=/batches/%00&%00a=1")
    assert answer.status_code == 200
    assert answer.wsgi_request.GET.dict() == {"next": "/batches/", "a": "1"}


def test_what_is_private_is_kept_by_no_cache(client: Client, signed_in: Client) -> None:
    for path in ("/", "/batches/", "/api/conversations", "/sign-in/"):
        assert client.get(path)["Cache-Control"].split(", ").count("no-store") == 1, path
        assert "private" in client.get(path)["Cache-Control"]
