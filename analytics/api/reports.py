"""The reports over the API: the same rows as on the page, in one answer."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.reports.registry import REPORTS
from analytics.reports.scope import DEFAULT_PERIOD, PERIODS, Scope
from analytics.reports.table import Column
from lib.wire import QueryString, dollars, moment, to_camel_case
from workspaces.people import get_person

NUMBERS = frozenset({"score"})


class ReportQuery(QueryString):
    range = serializers.ChoiceField(choices=list(PERIODS), default=DEFAULT_PERIOD)
    simulated = serializers.BooleanField(default=None, allow_null=True)


@api_view(["GET"])
def show_report(request: Request, report: str) -> Response:
    """The rows of a report about real or about simulated replies (by default what the server has now)."""
    query, asked = ReportQuery.of(request), REPORTS[report]
    simulated = settings.DEMO if query["simulated"] is None else query["simulated"]
    scope = Scope.of(get_person(request), period=query["range"], simulated=simulated)
    as_of = scope.find_as_of()
    return Response(
        {
            "report": report,
            "range": scope.period,
            "simulated": simulated,
            "since": scope.since.isoformat() if scope.since else None,
            "until": scope.until.isoformat(),
            "countedAt": moment(as_of),
            "rows": [
                {to_camel_case(column.key): serialize(row[column.key], column) for column in asked.columns}
                for row in asked.find(scope)
            ],
        }
    )


def serialize(value: Any, column: Column) -> Any:
    """Money as in every answer, a score as a number, a day as `2026-03-01`, an id as text."""
    if value is None:
        return None
    if column.kind == "money":
        return dollars(value)
    if column.kind in NUMBERS:
        return float(value)
    return value if column.kind == "count" else str(value)
