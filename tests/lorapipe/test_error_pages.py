import pytest
from django.test import Client, RequestFactory

from lorapipe import views


@pytest.mark.django_db
def test_an_unknown_address_answers_in_the_look_of_the_product(client: Client) -> None:
    answer = client.get("/nowhere/", headers={"X-Request-Id": "request-4711"})
    assert answer.status_code == 404
    assert "Nothing here" in answer.text
    assert "request-4711" in answer.text


def test_the_500_page_asks_neither_database_nor_anything_else(rf: RequestFactory) -> None:
    """No database fixture here: a query would fail this test."""
    request = rf.get("/")
    request.request_id = "request-4712"  # type: ignore[attr-defined]
    answer = views.show_error(request)
    assert answer.status_code == 500
    assert b"Something broke" in answer.content
    assert b"request-4712" in answer.content


@pytest.mark.django_db
def test_every_page_carries_the_strict_content_policy(client: Client) -> None:
    policy = client.get("/sign-in/")["Content-Security-Policy"]
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert (
        rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["form-action"] == "'self'"
    )
    assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert "unsafe" not in policy
