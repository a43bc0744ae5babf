"""Pages of other origins: only those that the operator lists, only the API, and never with cookies."""

import pytest
from django.test import Client, override_settings

from tests.factories import make_token
from workspaces.models import User

LISTED, OTHER = "https://app.example.com", "https://evil.example.com"
PATH = "/api/templates"
pytestmark = pytest.mark.django_db


def ask_first(origin: str) -> Client:
    return Client(headers={"origin": origin, "access-control-request-method": "POST"})


@override_settings(CORS_ALLOWED_ORIGINS=[LISTED])
def test_a_listed_origin_may_call_the_api_with_a_token(owner: User) -> None:
    before = ask_first(LISTED).options(PATH)
    assert (before.status_code, before["Access-Control-Allow-Origin"]) == (200, LISTED)
    allowed = before["Access-Control-Allow-Headers"]
    assert {"authorization", "idempotency-key", "if-match"} <= set(allowed.split(", "))
    assert "Access-Control-Allow-Credentials" not in before
    caller = Client(headers={"origin": LISTED, "authorization": f"Bearer {make_token(user=owner)}"})
    answer = caller.get(PATH)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, LISTED)
    assert "retry-after" in answer["Access-Control-Expose-Headers"]
    assert "origin" in answer["Vary"].lower()


@override_settings(CORS_ALLOWED_ORIGINS=[LISTED])
def test_refusals_can_be_read_too() -> None:
    answer = Client(headers={"origin": LISTED}).get(PATH)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (401, LISTED)
    too_large = Client(headers={"origin": LISTED, "content-length": str(10**10)})
    assert too_large.post(PATH)["Access-Control-Allow-Origin"] == LISTED


@override_settings(CORS_ALLOWED_ORIGINS=[LISTED])
@pytest.mark.parametrize(
    "origin", [OTHER, "null", "http://app.example.com", f"{LISTED}.evil.com", "https://[::"]
)
def test_another_origin_may_not(origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in ask_first(origin).options(PATH)
    assert "Access-Control-Allow-Origin" not in Client(headers={"origin": origin}).get(PATH)


@override_settings(CORS_ALLOWED_ORIGINS=[LISTED])
def test_pages_are_for_nobody_else() -> None:
    assert "Access-Control-Allow-Origin" not in Client(headers={"origin": LISTED}).get("/sign-in/")


def test_by_default_there_is_none() -> None:
    assert "Access-Control-Allow-Origin" not in ask_first(LISTED).options(PATH)
