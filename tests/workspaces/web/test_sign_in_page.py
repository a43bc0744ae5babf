from datetime import timedelta

import pytest
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from tests.factories import make_user
from workspaces.actions import create_sign_in_link
from workspaces.management.commands.sign_in_link import make_sign_in_path
from workspaces.models import SignInLink

pytestmark = pytest.mark.django_db
SECRET = "correct horse battery"


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("path", ["/", "/batches/", "/conversations/"])
def test_a_stranger_is_sent_to_the_sign_in_page_and_back(client: Client, path: str) -> None:
    make_user(username="owner", password=SECRET)
    answer = client.get(path, follow=True)
    assert answer.status_code == 200
    assert "Sign in" in answer.text
    answer = client.post("/sign-in/", {"name": "owner", "password": SECRET, "next": path})
    assert answer["Location"] == path


def test_the_page_says_how_to_get_a_link(client: Client) -> None:
    assert "./run manage sign_in_link" in client.get("/sign-in/").text


def test_the_link_of_the_command_leads_to_the_page(client: Client) -> None:
    path = make_sign_in_path(make_user())
    assert resolve(path).view_name == "sign_in_link"
    client.post(path)
    assert signed_in(client)


def test_a_mail_address_is_as_good_as_the_name(client: Client) -> None:
    make_user(username="maria", email="maria@example.org", password=SECRET)
    client.post("/sign-in/", {"name": "Maria@example.org", "password": SECRET})
    assert signed_in(client)


def test_an_address_that_two_people_share_signs_nobody_in(client: Client) -> None:
    for name in ("one", "two"):
        make_user(username=name, email="shared@example.org", password=SECRET)
    client.post("/sign-in/", {"name": "shared@example.org", "password": SECRET})
    assert not signed_in(client)


@pytest.mark.parametrize("name", ["owner", "nobody"])
def test_a_wrong_password_and_an_unknown_name_read_the_same(client: Client, name: str) -> None:
    make_user(username="owner", password=SECRET)
    answer = client.post("/sign-in/", {"name": name, "password": "wrong"})
    assert answer.status_code == 422
    assert "The name or the password is wrong" in answer.text
    assert "wrong" not in answer.text.replace("is wrong.</", "")
    assert not signed_in(client)


def test_nobody_signs_in_without_a_password(client: Client) -> None:
    make_user(username="owner")
    assert client.post("/sign-in/", {"name": "owner", "password": ""}).status_code == 422
    assert not signed_in(client)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "foo", "foo.bar"]
)
def test_one_is_never_sent_to_another_site(client: Client, target: str) -> None:
    make_user(username="owner", password=SECRET)
    answer = client.post("/sign-in/", {"name": "owner", "password": SECRET, "next": target})
    assert answer["Location"] == reverse("generate_all")


def test_a_link_is_used_up_by_its_button_not_by_a_preview(client: Client) -> None:
    link = f"/sign-in/{create_sign_in_link(make_user(username='owner'))}/"
    for _ in range(2):
        preview = client.get(link)
        assert preview.status_code == 200
        assert "Sign in as owner" in preview.text
    assert not signed_in(client)
    assert client.post(link)["Location"] == reverse("generate_all")
    assert signed_in(client)


def test_a_link_works_once(client: Client) -> None:
    link = f"/sign-in/{create_sign_in_link(make_user())}/"
    client.post(link)
    another = Client()
    assert another.post(link).status_code == 410
    assert another.get(link).status_code == 410
    assert not signed_in(another)


def test_a_link_works_for_fifteen_minutes(client: Client) -> None:
    link = f"/sign-in/{create_sign_in_link(make_user())}/"
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = client.post(link)
    assert answer.status_code == 410
    assert "no longer works" in answer.text
    assert not signed_in(client)


def test_the_link_of_somebody_who_may_not_come_in_any_more(client: Client) -> None:
    link = f"/sign-in/{create_sign_in_link(make_user(is_active=False))}/"
    assert client.post(link).status_code == 410
    assert not signed_in(client)


def test_signing_out_needs_a_post(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/sign-out/").status_code == 405
    assert signed_in(client)
    client.post("/sign-out/")
    assert not signed_in(client)


def test_a_form_of_another_site_cannot_sign_in_or_out() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/sign-in/", {"name": "owner", "password": SECRET})
    assert answer.status_code == 403
    assert "too old" in answer.text


def test_the_theme_is_kept_in_a_cookie_and_shown_without_script(client: Client) -> None:
    answer = client.post("/theme/", {"theme": "dark", "next": "/sign-in/"}, follow=True)
    assert '<html lang="en" data-theme="dark">' in answer.text
    client.post("/theme/", {"theme": "<script>"})
    assert client.cookies["theme"].value == "dark"


def test_a_fragment_for_somebody_signed_out_is_not_the_sign_in_page(client: Client) -> None:
    answer = client.get("/conversations/", headers={"HX-Request": "true", "HX-Target": "section#table"})
    assert answer.status_code == 401
    assert answer.content == b""
