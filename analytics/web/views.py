"""The dashboard, the page of all reports, and a report as a file."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analytics.reports.registry import REPORTS
from analytics.reports.scope import DEFAULT_PERIOD, PERIOD_WORDS, PERIODS, Scope
from analytics.reports.table import build_cells
from analytics.web import dashboard, drawing
from lib.tables.guarded_csv import BYTE_ORDER_MARK, encode_rows
from workspaces.people import get_person

REPLIES = {"real": False, "simulated": True}
MOST_SHOWN = 100  # rows of a table on the page; the file has all of them


def read_scope(request: HttpRequest) -> Scope:
    """`?range=` and `?which=` of the address. What is no period or no kind of replies is answered as the usual one."""
    period, which = request.GET.get("range", ""), request.GET.get("which", "")
    return Scope.of(
        get_person(request),
        period=period if period in PERIODS else DEFAULT_PERIOD,
        simulated=REPLIES.get(which, settings.DEMO),
    )


def describe_scope(scope: Scope) -> dict[str, Any]:
    """What the head of a page of numbers needs: the choices, and the query string of each period."""
    which = "simulated" if scope.simulated else "real"
    return {
        "scope": scope,
        "which": which,
        "replies": list(REPLIES),
        "periods": [
            {"words": words, "query": f"range={key}&which={which}", "on": key == scope.period}
            for key, words in PERIOD_WORDS.items()
        ],
        "query": f"range={scope.period}&which={which}",
    }


@require_safe
@login_required
def show_dashboard(request: HttpRequest) -> HttpResponse:
    """Where one's work stands, in one page: totals, charts, running batches and what needs attention."""
    scope = read_scope(request)
    context = {**describe_scope(scope), **dashboard.build_dashboard(scope)}
    return render(request, "analytics/dashboard.html", context)


@require_safe
@login_required
def show_analytics(request: HttpRequest) -> HttpResponse:
    """All reports, each with its chart where it has one, its table and its file."""
    scope = read_scope(request)
    sections = []
    for report in REPORTS.values():
        rows = report.find(scope)
        sections.append(
            {
                "report": report,
                "chart": drawing.draw(report.name, rows, scope),
                "rows": build_cells(report, rows[:MOST_SHOWN], scope),
                "count": len(rows),
                "more": max(0, len(rows) - MOST_SHOWN),
                "grid": drawing.arrange_coverage(rows, scope) if report.name == "coverage" else None,
            }
        )
    return render(
        request,
        "analytics/analytics.html",
        {**describe_scope(scope), "as_of": scope.find_as_of(), "sections": sections},
    )


@require_safe
@login_required
def download_report(request: HttpRequest, name: str) -> HttpResponse:
    """All rows of a report as CSV for spreadsheets."""
    report, scope = REPORTS[name], read_scope(request)
    rows = report.find(scope)
    header = [column.label for column in report.columns]
    cells = [
        ["" if (value := row[column.key]) is None else value for column in report.columns] for row in rows
    ]
    content = encode_rows([header, *cells], first=BYTE_ORDER_MARK)
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{scope.until.isoformat()}.csv"'
    return response
