"""Turns every error of the API into one form: `{success: false, error, code, details}`, never a stack trace.

The renderer adds `success`. `details` is a list of `{row, column, message}`: one entry for each problem that was found, for the
first twenty of them. The message says how many there are.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import singledispatch
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from batches.actions.controls import BudgetTooLow
from batches.actions.jobs import WouldPauseAgain
from batches.planning.plan import PlanError, TemplateProblem
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from conversations.api.conflicts import Conflict
from lib.api.etags import StaleETag
from lib.count_changed import CountChanged
from lib.stale_state import StaleRevision, StaleState, Superseded
from lib.untrusted.json_bodies import MOST_PROBLEMS
from lorapipe.limits.requests import limit_unknown
from templates_app.api.library_serializers import OUR_NAMES
from templates_app.api.template_serializers import WIRE, NoVersion
from templates_app.library.checks import WrongEntry
from templates_app.models import NotPublishable
from templates_app.prompts.checks import WrongContent
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError
from workspaces.models import KeyUsed
from workspaces.tokens.scopes import ScopeTooSmall

logger = logging.getLogger(__name__)

NOT_FOUND = "There is nothing here, or it belongs to somebody else."
LONGEST_REFUSAL = 300  # characters
# The other reasons why a change comes too late: StaleState itself is that the state does not allow it.
STALE_CODES: dict[type[StaleState], str] = {
    StaleRevision: "stale_revision",
    Superseded: "superseded",
    StaleETag: "stale_etag",
}
NO_FIELD = ("non_field_errors", "")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The answer to the caller for an exception."""

    status: int
    code: str
    message: str
    details: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    also: dict[str, Any] = field(default_factory=dict)  # further fields of the answer


def build_error_response(exc: Exception, context: Mapping[str, Any]) -> Response:
    """REST framework's exception handler. An unexpected error is logged, and the caller gets no internal details."""
    refusal = explain(limit_unknown(exc, context.get("request")))
    details = refusal.details
    if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        request_id = getattr(context.get("request"), "request_id", "")
        logger.error("The API failed, request %s", request_id, exc_info=exc)
        details = [make_detail("requestId", str(request_id))]
    body = {"error": refusal.message, "code": refusal.code, "details": details, **refusal.also}
    return Response(body, status=refusal.status, headers=refusal.headers)


@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
def refuse_unknown_path(request: Request) -> Response:
    """An unknown path below /api/ is answered with JSON too."""
    raise Http404


def make_detail(column: str, message: str, row: int | None = None) -> dict[str, Any]:
    return {"row": row, "column": column, "message": message}


@singledispatch
def explain(exc: Exception) -> Refusal:
    return Refusal(status=500, code="internal", message="Something went wrong here. It has been logged.")


@explain.register
def _(exc: Http404) -> Refusal:
    return Refusal(status=404, code="not_found", message=NOT_FOUND)


@explain.register
def _(exc: NoVersion) -> Refusal:
    return Refusal(
        status=404, code="not_found", message=str(exc), details=[make_detail(exc.column, str(exc))]
    )


@explain.register
def _(exc: exceptions.NotFound) -> Refusal:
    return Refusal(status=404, code="not_found", message=NOT_FOUND)


@explain.register
def _(exc: PermissionDenied) -> Refusal:
    return Refusal(
        status=403, code="permission_denied", message="Your role in this workspace may see, but not do this."
    )


@explain.register
def _(exc: exceptions.APIException) -> Refusal:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Refusal(
        status=exc.status_code, code=exc.default_code, message=find_first_text(exc.detail), headers=headers
    )


@explain.register
def _(exc: ScopeTooSmall) -> Refusal:
    return Refusal(
        status=exc.status_code,
        code=exc.default_code,
        message=find_first_text(exc.detail),
        details=[make_detail("scope", exc.needed.value)],
        headers={"WWW-Authenticate": exc.auth_header},
    )


@explain.register
def _(exc: exceptions.ValidationError) -> Refusal:
    return _refuse_problems(list(flatten_problems(exc.detail)), code="invalid", noun="request")


@explain.register
def _(exc: PlanError) -> Refusal:
    problems = [
        make_detail(each.column, each.message, each.row)
        | ({"templateId": str(each.template_id)} if isinstance(each, TemplateProblem) else {})
        for each in exc.problems
    ]
    return _refuse_problems(problems, code="invalid_plan", noun="plan")


@explain.register
def _(exc: WrongContent) -> Refusal:
    problems = [make_detail(WIRE.get(each.name, each.name), each.message) for each in exc.problems]
    return _refuse_problems(problems, code="invalid_template", noun="template")


@explain.register
def _(exc: WrongEntry) -> Refusal:
    problems = [make_detail(OUR_NAMES.get(each.name, each.name), each.message) for each in exc.problems]
    return _refuse_problems(problems, code="invalid_row", noun="entry")


@explain.register
def _(exc: ValuesError) -> Refusal:
    problems = [make_detail(f"parameters.{each.name}", each.message) for each in exc.problems]
    return _refuse_problems(problems, code="invalid_values", noun="request")


@explain.register(NotPublishable)
@explain.register(TemplateSyntax)
@explain.register(VariableError)
def _(exc: Exception) -> Refusal:
    return Refusal(status=422, code="broken_template", message=str(exc))


@explain.register
def _(exc: StaleState) -> Refusal:
    code = next((code for kind, code in STALE_CODES.items() if isinstance(exc, kind)), "stale_state")
    return Refusal(status=409, code=code, message=str(exc), details=[make_detail("status", str(exc.status))])


@explain.register
def _(exc: Conflict) -> Refusal:
    return replace(explain(exc.refused), also={"current": exc.current})


@explain.register
def _(exc: CountChanged) -> Refusal:
    problems = [make_detail("count", str(exc))]
    return Refusal(
        status=409, code="count_changed", message=str(exc), details=problems, also={"count": exc.count}
    )


@explain.register
def _(exc: KeyUsed) -> Refusal:
    problems = [make_detail("Idempotency-Key", str(exc))]
    return Refusal(status=409, code="idempotency_key_used", message=str(exc), details=problems)


@explain.register
def _(exc: WouldPauseAgain) -> Refusal:
    """No field of the request is wrong when it is the month's budget that is too low."""
    code, column = ("month_budget", "status") if exc.budget == "month" else ("budget_too_low", "budgetUsd")
    return Refusal(status=409, code=code, message=str(exc), details=[make_detail(column, str(exc))])


@explain.register
def _(exc: BudgetTooLow) -> Refusal:
    problems = [make_detail("budgetUsd", str(exc))]
    return Refusal(status=409, code="budget_too_low", message=str(exc), details=problems)


@explain.register
def _(exc: UnknownModel) -> Refusal:
    return Refusal(status=422, code="unknown_model", message=str(exc))


@explain.register
def _(exc: RetiredModel) -> Refusal:
    return Refusal(status=422, code="retired_model", message=str(exc))


@explain.register
def _(exc: UnknownPrice) -> Refusal:
    return Refusal(status=422, code="unknown_price", message=str(exc))


@explain.register
def _(exc: RequestDataTooBig) -> Refusal:
    return Refusal(status=413, code="too_large", message="The body is too large. Split it.")


@explain.register(SuspiciousOperation)
@explain.register(UnreadablePostError)
def _(exc: Exception) -> Refusal:
    return Refusal(status=400, code="bad_request", message="The request cannot be read.")


@explain.register
def _(exc: ValidationError) -> Refusal:
    """A value that no field could take, and that no serializer has looked at."""
    problems = [make_detail("", message[:LONGEST_REFUSAL]) for message in exc.messages]
    return _refuse_problems(problems, code="invalid", noun="request")


@explain.register
def _(exc: DataError) -> Refusal:
    logger.warning("The database refused a value: %s", exc)
    return Refusal(
        status=400,
        code="invalid",
        message="A value cannot be stored: a NUL in a text, or a number too large.",
    )


@explain.register(OperationalError)
@explain.register(InterfaceError)
def _(exc: Exception) -> Refusal:
    logger.warning("The database did not answer: %s", exc)
    headers = {"Retry-After": "5"}
    return Refusal(
        status=503,
        code="unavailable",
        message="The database did not answer in time. Try again.",
        headers=headers,
    )


def _refuse_problems(problems: list[dict[str, Any]], *, code: str, noun: str) -> Refusal:
    """The message is the first problem, followed by the number of the others."""
    first = format_problem(problems[0]) if problems else f"The {noun} is not valid."
    more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
    return Refusal(status=400, code=code, message=f"{first}{more}", details=problems[:MOST_PROBLEMS])


def format_problem(problem: Mapping[str, Any]) -> str:
    row = f"row {problem['row']}" if problem["row"] else ""
    place = ", ".join(part for part in (row, problem["column"]) if part)
    return f"{place}: {problem['message']}" if place else str(problem["message"])


def flatten_problems(found: Any, *, row: int | None = None, column: str = "") -> Iterator[dict[str, Any]]:
    """REST framework's nested errors as a flat list. The first list of objects gives the row, counted from 1."""
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from _flatten_named(name, inner, row=row, column=column)
    elif isinstance(found, list):
        for number, inner in enumerate(found, start=1):
            if isinstance(inner, dict):
                yield from flatten_problems(inner, row=row or number)
            else:
                yield from flatten_problems(inner, row=row, column=column)
    else:
        yield make_detail(column, str(found), row)


def _flatten_named(name: Any, inner: Any, *, row: int | None, column: str) -> Iterator[dict[str, Any]]:
    """A number is an index and gives the row. After the first index, the column is the field inside that row."""
    if isinstance(name, int) and row is None:
        return flatten_problems(inner, row=name + 1, column="" if isinstance(inner, dict) else column)
    path = column if name in NO_FIELD else f"{column}.{name}" if column else str(name)
    return flatten_problems(inner, row=row, column=path)


def find_first_text(found: Any) -> str:
    while isinstance(found, dict | list):
        found = next(iter(found.values() if isinstance(found, dict) else found), "")
    return str(found)
