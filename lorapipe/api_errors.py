"""Every error of the API in one form: `{success: false, error, code, details}`, never a stack trace.

`details` is a list of `{row, column, message}`: one entry for each problem that was found.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from batches.actions.controls import BudgetTooLow
from batches.planning.plan import PlanError
from claude.current_models import RetiredModel, UnknownModel, UnknownPrice
from lib.stale_state import StaleState
from templates_app.api.library_serializers import OUR_NAMES
from templates_app.api.template_serializers import WIRE
from templates_app.library.checks import WrongEntry
from templates_app.models import NotPublishable
from templates_app.prompts.checks import WrongContent
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError

logger = logging.getLogger(__name__)

NOT_FOUND = "There is nothing here, or it belongs to somebody else."
NO_FIELD = ("non_field_errors", "")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What an exception means to who called."""

    status: int
    code: str
    message: str
    details: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


def answer(exc: Exception, context: Mapping[str, Any]) -> Response:
    """REST framework's exception handler. Whatever is not expected is logged, and told without its inside."""
    refusal = meaning(exc)
    details = refusal.details
    if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        request_id = getattr(context.get("request"), "request_id", "")
        logger.error("The API failed, request %s", request_id, exc_info=exc)
        details = [detail("requestId", str(request_id))]
    body = {"success": False, "error": refusal.message, "code": refusal.code, "details": details}
    return Response(body, status=refusal.status, headers=refusal.headers)


@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
def unknown_path(request: Request) -> Response:
    """Below /api/ an unknown path answers as JSON too."""
    raise Http404


def detail(column: str, message: str, row: int | None = None) -> dict[str, Any]:
    return {"row": row, "column": column, "message": message}


@singledispatch
def meaning(exc: Exception) -> Refusal:
    return Refusal(status=500, code="internal", message="Something went wrong here. It has been logged.")


@meaning.register
def _(exc: Http404) -> Refusal:
    return Refusal(status=404, code="not_found", message=NOT_FOUND)


@meaning.register
def _(exc: exceptions.NotFound) -> Refusal:
    return Refusal(status=404, code="not_found", message=NOT_FOUND)


@meaning.register
def _(exc: PermissionDenied) -> Refusal:
    return Refusal(
        status=403, code="permission_denied", message="Your role in this workspace may see, but not do this."
    )


@meaning.register
def _(exc: exceptions.APIException) -> Refusal:
    headers = {}
    if auth_header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Refusal(
        status=exc.status_code, code=exc.default_code, message=first_text(exc.detail), headers=headers
    )


@meaning.register
def _(exc: exceptions.ValidationError) -> Refusal:
    return _several(list(problems_in(exc.detail)), code="invalid", noun="request")


@meaning.register
def _(exc: PlanError) -> Refusal:
    problems = [detail(each.column, each.message, each.row) for each in exc.problems]
    return _several(problems, code="invalid_plan", noun="plan")


@meaning.register
def _(exc: WrongContent) -> Refusal:
    problems = [detail(WIRE.get(each.name, each.name), each.message) for each in exc.problems]
    return _several(problems, code="invalid_template", noun="template")


@meaning.register
def _(exc: WrongEntry) -> Refusal:
    problems = [detail(OUR_NAMES.get(each.name, each.name), each.message) for each in exc.problems]
    return _several(problems, code="invalid_row", noun="row")


@meaning.register
def _(exc: ValuesError) -> Refusal:
    problems = [detail(f"parameters.{each.name}", each.message) for each in exc.problems]
    return _several(problems, code="invalid_values", noun="request")


@meaning.register(NotPublishable)
@meaning.register(TemplateSyntax)
@meaning.register(VariableError)
def _(exc: Exception) -> Refusal:
    return Refusal(status=422, code="broken_template", message=str(exc))


@meaning.register
def _(exc: StaleState) -> Refusal:
    return Refusal(
        status=409, code="stale_state", message=str(exc), details=[detail("status", str(exc.status))]
    )


@meaning.register
def _(exc: BudgetTooLow) -> Refusal:
    problems = [detail("budgetUsd", str(exc))]
    return Refusal(status=409, code="budget_too_low", message=str(exc), details=problems)


@meaning.register
def _(exc: UnknownModel) -> Refusal:
    return Refusal(status=422, code="unknown_model", message=str(exc))


@meaning.register
def _(exc: RetiredModel) -> Refusal:
    return Refusal(status=422, code="retired_model", message=str(exc))


@meaning.register
def _(exc: UnknownPrice) -> Refusal:
    return Refusal(status=422, code="unknown_price", message=str(exc))


@meaning.register
def _(exc: RequestDataTooBig) -> Refusal:
    return Refusal(status=413, code="too_large", message="The body is too large. Split it.")


@meaning.register(SuspiciousOperation)
@meaning.register(UnreadablePostError)
def _(exc: Exception) -> Refusal:
    return Refusal(status=400, code="bad_request", message="The request cannot be read.")


@meaning.register(OperationalError)
@meaning.register(InterfaceError)
def _(exc: Exception) -> Refusal:
    logger.warning("The database did not answer: %s", exc)
    headers = {"Retry-After": "5"}
    return Refusal(
        status=503,
        code="unavailable",
        message="The database did not answer in time. Try again.",
        headers=headers,
    )


def _several(problems: list[dict[str, Any]], *, code: str, noun: str) -> Refusal:
    """One problem speaks for itself; of several the first one and their number."""
    first = words_of(problems[0]) if problems else f"The {noun} is not valid."
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return Refusal(status=400, code=code, message=f"{first}{more}", details=problems)


def words_of(problem: Mapping[str, Any]) -> str:
    row = f"row {problem['row']}" if problem["row"] else ""
    place = ", ".join(part for part in (row, problem["column"]) if part)
    return f"{place}: {problem['message']}" if place else str(problem["message"])


def problems_in(found: Any, *, row: int | None = None, column: str = "") -> Iterator[dict[str, Any]]:
    """REST framework's nested errors, flat. The first list of objects on the way gives the row, counted from 1."""
    if isinstance(found, dict):
        for name, inner in found.items():
            yield from _named(name, inner, row=row, column=column)
    elif isinstance(found, list):
        for number, inner in enumerate(found, start=1):
            if isinstance(inner, dict):
                yield from problems_in(inner, row=row or number)
            else:
                yield from problems_in(inner, row=row, column=column)
    else:
        yield detail(column, str(found), row)


def _named(name: Any, inner: Any, *, row: int | None, column: str) -> Iterator[dict[str, Any]]:
    """A number is an index; from the first index on the column is the field inside that row."""
    if isinstance(name, int) and row is None:
        return problems_in(inner, row=name + 1, column="" if isinstance(inner, dict) else column)
    path = column if name in NO_FIELD else f"{column}.{name}" if column else str(name)
    return problems_in(inner, row=row, column=path)


def first_text(found: Any) -> str:
    while isinstance(found, dict | list):
        found = next(iter(found.values() if isinstance(found, dict) else found), "")
    return str(found)
