"""What the schema of the API says about the reports."""

from analytics.api.reports import ReportQuery
from analytics.reports.registry import REPORTS
from analytics.reports.scope import PERIODS
from analytics.reports.table import Column, Report
from lib.api.operations import Operation, Operations
from lib.api.shapes import ID, MOMENT, NUMBER, TEXT, USD, WHOLE, YES_OR_NO, ListOf, Record, Shape, Word
from lib.wire import to_camel_case

TAG = "Analytics"
DAY = TEXT.like("2026-03-02").means("A day in UTC.")


def describe_column(column: Column) -> Shape:
    """A cell of this column. What may be missing is null: the version of a deleted template, the cost of nothing."""
    if column.key in ("version", "cost_per_approved_usd"):
        return (WHOLE if column.kind == "count" else USD).or_null
    if column.kind == "id":
        return ID.or_null if column.key.endswith("_id") else TEXT
    return {"count": WHOLE, "money": USD, "score": NUMBER.like(8.4), "day": DAY}.get(column.kind, TEXT)


def describe(report: Report) -> Operation:
    row = Record(**{to_camel_case(column.key): describe_column(column) for column in report.columns})
    return Operation(
        tag=TAG,
        summary=report.title,
        about=f"{report.about} The numbers are at most a minute old.",
        query=ReportQuery,
        answers={
            200: Record(
                report=TEXT.like(report.name),
                range=Word(list(PERIODS)),
                simulated=YES_OR_NO,
                since=DAY.or_null.means("None for all days."),
                until=DAY,
                countedAt=MOMENT.or_null.means("When something was last counted anew."),
                rows=ListOf(row),
            )
        },
    )


OPERATIONS: Operations = {
    ("GET", f"api_analytics_{name}"): describe(report) for name, report in REPORTS.items()
}
