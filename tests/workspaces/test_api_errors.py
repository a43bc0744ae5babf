"""Every error of the API has one form, and none shows its inside."""

import json
import logging
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client
from rest_framework.exceptions import Throttled

from lorapipe.api_errors import explain
from tests.factories import make_job, make_token, make_user
from workspaces.models import ApiToken, User

START = "/api/conversations/generate-batch"
FORM = {"success", "error", "code", "details"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user(password="correct horse battery")


@pytest.fixture
def caller(user: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(user=user)}"})


def check_form(response: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    assert body.keys() == FORM
    assert body["success"] is False
    assert isinstance(body["error"], str)
    assert body["error"]
    assert all(each.keys() == {"row", "column", "message"} for each in body["details"])
    assert response["Content-Type"] == "application/json"
    return body


def test_401_without_and_with_a_wrong_token() -> None:
    response = Client().get("/api/conversations")
    check_form(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"
    for text in ("Bearer lp_wrong", "Bearer", "Token a b", "Bearer \xff"):
        response = Client(headers={"authorization": text}).get("/api/conversations")
        check_form(response, 401, "authentication_failed")


def test_401_for_a_revoked_token_and_a_person_who_left(caller: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    check_form(caller.get("/api/conversations"), 401, "authentication_failed")
    User.objects.filter(pk=user.pk).update(is_active=True)
    assert caller.get("/api/conversations").status_code == 200
    ApiToken.objects.update(revoked_at="2026-01-01T00:00:00Z")
    check_form(caller.get("/api/conversations"), 401, "authentication_failed")


def test_a_session_needs_the_csrf_token(user: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.get("/api/conversations").status_code == 200
    job = make_job(by=user)
    path, body = f"/api/conversations/batch/{job.pk}", {"action": "pause"}
    response = browser.patch(path, json.dumps(body), content_type="application/json")
    assert "CSRF" in check_form(response, 403, "permission_denied")["error"]
    browser.get("/")  # a page gives the cookie
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    response = browser.patch(path, json.dumps(body), content_type="application/json", headers=token)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/", "/api/nothing", "/api/conversations/nothing/at/all", "/api/v1/users/"]
)
def test_404_for_unknown_paths(caller: Client, path: str) -> None:
    check_form(caller.get(path), 404, "not_found")
    check_form(caller.post(path, {}, content_type="application/json"), 404, "not_found")
    check_form(Client().get(path), 401, "not_authenticated")


def test_405_names_what_is_allowed(caller: Client) -> None:
    response = caller.delete("/api/conversations")
    check_form(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


def test_406_and_415(caller: Client) -> None:
    check_form(caller.get("/api/conversations", headers={"accept": "text/csv"}), 406, "not_acceptable")
    check_form(caller.post(START, {"name": "x"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"{'a': 1}", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}"],
)
def test_malformed_json_is_400(caller: Client, body: bytes) -> None:
    response = caller.post(START, body, content_type="application/json")
    assert response.status_code == 400
    assert response.json().keys() == FORM


def test_an_odd_charset_is_400(caller: Client) -> None:
    response = caller.generic("POST", START, b"{}", content_type="application/json; charset=hex")
    check_form(response, 400, "parse_error")


def test_413_for_a_huge_body(caller: Client, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = caller.post(START, {"name": "x" * 2000}, content_type="application/json")
    check_form(response, 413, "too_large")


def test_429_carries_when_to_come_back() -> None:
    refusal = explain(Throttled(wait=7))
    assert (refusal.status, refusal.code) == (429, "throttled")


def test_500_is_logged_and_tells_nothing(
    caller: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret inside")

    monkeypatch.setattr("conversations.api.conversations.fetch_slice", broken)
    with caplog.at_level(logging.ERROR, logger="lorapipe.api_errors"):
        response = caller.get("/api/conversations")
    body = check_form(response, 500, "internal")
    assert body["details"][0]["message"] == response["X-Request-Id"]
    assert "secret" not in response.content.decode()
    assert "a secret inside" in caplog.text


def test_503_when_the_database_does_not_answer(caller: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr("conversations.api.conversations.fetch_slice", away)
    response = caller.get("/api/conversations")
    check_form(response, 503, "unavailable")
    assert response["Retry-After"] == "5"


def test_what_is_hidden_and_what_is_missing_take_the_same_form(caller: Client) -> None:
    check_form(caller.get(f"/api/conversations/{uuid4()}"), 404, "not_found")
