"""What a token may do: a scope for each operation of the API, in one table.

- `read` looks: every GET, and the few POSTs that only compute.
- `run` also makes, changes, decides and starts what costs money.
- `admin` also deletes for good, gives content to another server, and changes settings of a workspace.

A scope takes away, it never gives: what the person's role in a workspace does not allow, no token allows. A session has every scope.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from workspaces.models import ApiToken
from workspaces.states import Scope

# By the method and the name of the address (lorapipe/api_urls.py); a third word is what the body or the query asks for.
# Every operation that is no GET stands here (tests/workspaces/test_token_scopes.py): one that is missing needs `admin`.
SCOPES: Mapping[str, Scope] = {
    **dict.fromkeys(
        (
            "POST api_batch_estimate",
            "POST api_judge_estimate",
            "POST api_template_resolve",
            *(f"{method} api_unknown" for method in ("POST", "PUT", "PATCH", "DELETE")),
        ),
        Scope.READ,
    ),
    **dict.fromkeys(
        (
            "POST api_generate",
            "POST api_generate_batch",
            "PATCH api_batch",
            "POST api_batch_duplicate",
            "POST api_item_retry",
            "POST api_item_use",
            "POST api_regenerate",
            "POST api_judge",
            "POST api_rescore",
            "PATCH api_conversation",
            "DELETE api_conversation",
            "POST api_bulk",
            "POST api_imports",
            "POST api_background_job_cancel",
            "POST api_templates",
            "PATCH api_template",
            "POST api_template_versions",
            "POST api_scenarios",
            "PATCH api_scenario",
            "POST api_edge_cases",
            "PATCH api_edge_case",
            "POST api_options",
            "PATCH api_option",
            "POST api_exports",
            "POST api_export_write",
            "POST api_export_recreate",
            "POST api_export_cancel",
        ),
        Scope.RUN,
    ),
    **dict.fromkeys(
        (
            "DELETE api_conversation hard",
            "POST api_bulk delete",
            "DELETE api_export",
            "POST api_export_push",
            "PATCH api_rubric",
        ),
        Scope.ADMIN,
    ),
}
# What each scope lets a token do, in the words of the page and of the command.
MEANINGS: Mapping[Scope, str] = {
    Scope.READ: "reads everything, estimates costs, changes nothing",
    Scope.RUN: "also makes, changes and reviews, and starts what costs money",
    Scope.ADMIN: "also deletes for good, pushes to the Hub, and changes settings of a workspace",
}
RANK = {scope: rank for rank, scope in enumerate(Scope)}


class ScopeTooSmall(APIException):
    """The token may not do this; `needed` is the scope that may."""

    status_code = 403
    default_code = "insufficient_scope"

    def __init__(self, *, has: Scope, needed: Scope) -> None:
        super().__init__(
            f"This token has the scope {has.value}, and this needs the scope {needed.value}. "
            "Make a token with it under Settings, Tokens."
        )
        self.needed = needed
        self.auth_header = f'Bearer error="insufficient_scope", scope="{needed.value}"'


class TokenScope(BasePermission):
    """Refuses what the token's scope does not hold. A method that the address does not know is answered 405 as always."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in view.allowed_methods:
            require_scope(request)
        return True


def require_scope(request: Request, asked: str = "") -> None:
    """Raises ScopeTooSmall unless the token may do this; `asked` is what the body asks for, a third word of the table."""
    token = request.auth
    if not isinstance(token, ApiToken):
        return
    needed = find_scope(request, asked)
    if RANK[Scope(token.scope)] < RANK[needed]:
        raise ScopeTooSmall(has=Scope(token.scope), needed=needed)


def find_scope(request: Request, asked: str = "") -> Scope:
    """The scope that this operation needs."""
    if request.method in SAFE_METHODS:
        return Scope.READ
    match = request.resolver_match
    name = f"{request.method} {match.url_name if match else ''} {asked}".strip()
    return SCOPES.get(name, Scope.ADMIN)
