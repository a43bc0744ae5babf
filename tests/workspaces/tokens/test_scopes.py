"""What each scope of a token may do: one table for all operations of the API."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.permissions import SAFE_METHODS

from lorapipe import api_urls
from tests.factories import make_conversation, make_token
from tests.lorapipe.test_api_answers import build_path
from workspaces.models import User
from workspaces.states import Scope
from workspaces.tokens.scopes import RANK, SCOPES

METHODS = ("POST", "PUT", "PATCH", "DELETE")
ASKED = {"hard": "?hard=true"}  # what makes a query ask for the third word of an operation


class AnyRow:
    """A row that is not there: who may do something to it is asked before it is looked for."""

    pk = uuid4()


class AnyRows(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return AnyRow


def call(user: User, scope: Scope, method: str, path: str, body: Any = None) -> Any:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=user, scope=scope)}"})
    return caller.generic(method, path, json.dumps(body or {}), content_type="application/json")


def list_operations() -> dict[str, tuple[str, str]]:
    """Each operation that is no GET, as the table names it, with its method and its address."""
    found = {}
    for route in api_urls.urlpatterns:
        path = "/api/nothing" if route.name == "api_unknown" else build_path(route, AnyRows())
        allowed = getattr(route.callback, "cls", None)
        for method in METHODS:
            if allowed and method.lower() in allowed.http_method_names and hasattr(allowed, method.lower()):
                found[f"{method} {route.name}"] = (method, path)
    return found


def test_the_table_has_every_operation_and_no_other() -> None:
    operations = list_operations()
    named = {" ".join(name.split()[:2]) for name in SCOPES}
    assert named == operations.keys(), "say in workspaces/tokens/scopes.py which scope it needs"


@pytest.mark.django_db
@pytest.mark.parametrize("scope", [Scope.READ, Scope.RUN])
def test_what_needs_a_larger_scope_is_refused_by_name(owner: User, scope: Scope) -> None:
    text = make_token(user=owner, scope=scope)
    caller = Client(headers={"authorization": f"Bearer {text}"})
    for name, (method, path) in list_operations().items():
        answer = caller.generic(method, path, "{}", content_type="application/json")
        needed = SCOPES[name]
        if RANK[needed] <= RANK[scope]:
            assert answer.status_code != 403, f"{name} with {scope}"
            continue
        body = answer.json()
        assert (answer.status_code, body["code"]) == (403, "insufficient_scope"), name
        assert f"this needs the scope {needed.value}" in body["error"]
        assert body["details"] == [{"row": None, "column": "scope", "message": needed.value}]
        assert body["success"] is False
        assert f'scope="{needed.value}"' in answer["WWW-Authenticate"]


@pytest.mark.django_db
def test_reading_needs_no_more_than_read(owner: User) -> None:
    caller = Client(headers={"authorization": f"Bearer {make_token(user=owner, scope=Scope.READ)}"})
    for route in api_urls.urlpatterns:
        if route.name != "api_unknown":
            assert caller.get(build_path(route, AnyRows())).status_code in (200, 404, 405), route.name
    assert set(SAFE_METHODS) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.django_db
def test_what_is_deleted_for_good_needs_everything(owner: User) -> None:
    kept = make_conversation(workspace=owner.personal_workspace())
    path = f"/api/conversations/{kept.pk}"
    body = {"action": "Delete", "ids": [str(kept.pk)]}
    assert call(owner, Scope.RUN, "DELETE", f"{path}?hard=true").json()["code"] == "insufficient_scope"
    refused = call(owner, Scope.RUN, "POST", "/api/conversations/bulk", body)
    assert refused.json()["details"][0]["message"] == "admin"
    assert call(owner, Scope.RUN, "DELETE", path).status_code == 200, "the archive is no deletion"
    assert call(owner, Scope.ADMIN, "DELETE", f"{path}?hard=true").status_code == 200


@pytest.mark.django_db
def test_a_session_has_every_scope(signed_in: Client, owner: User) -> None:
    kept = make_conversation(workspace=owner.personal_workspace())
    assert signed_in.delete(f"/api/conversations/{kept.pk}?hard=true").status_code == 200


@pytest.mark.django_db
def test_a_method_that_is_not_there_is_405_for_every_scope(owner: User) -> None:
    assert call(owner, Scope.READ, "DELETE", "/api/conversations").status_code == 405
    assert call(owner, Scope.READ, "POST", "/api/nothing").status_code == 404
