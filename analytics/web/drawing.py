"""The chart of each report that has one, from its rows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from analytics.charts import Chart, draw_columns, draw_lines, draw_rows
from analytics.reports.registry import link_combination, link_score, link_status
from analytics.reports.scope import Scope
from analytics.reports.table import Row
from conversations.states import Status
from templates_app.states import Tier

MOST_LINES = 6  # as many as there are colours; the others are in the table
HIGHEST_SCORE = 10.0
MOST_IN_GRID = 12


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A chart, what it is called, and what it says in a sentence."""

    chart: Chart
    title: str
    takeaway: str
    legend: Sequence[tuple[str, str]] = ()  # of a chart of rows: each tone, and its word


def draw(name: str, rows: Sequence[Row], scope: Scope) -> Drawn | None:
    """None for a report without a chart, and where there is nothing to draw."""
    makers = {
        "conversations": draw_conversations,
        "scores": draw_scores,
        "quality": draw_quality,
        "cost": draw_cost,
    }
    return makers[name](rows, scope) if name in makers and rows else None


def draw_conversations(rows: Sequence[Row], scope: Scope) -> Drawn | None:
    """A bar for each tier, of its statuses."""
    tiers: dict[str, list[tuple[str, int, str, str]]] = defaultdict(list)
    for row in rows:
        title = f"{name_tier(row['tier'])}, {name_status(row['status']).lower()}: {row['conversations']:,}"
        tiers[row["tier"]].append((row["status"], row["conversations"], title, link_status(row, scope)))
    approved = sum(row["conversations"] for row in rows if row["status"] == "approved")
    total = sum(row["conversations"] for row in rows)
    shown = {row["status"] for row in rows}
    return Drawn(
        chart=draw_rows([(name_tier(tier), parts) for tier, parts in tiers.items()]),
        title="Conversations by tier and status",
        takeaway=f"{approved:,} of {total:,} are approved.",
        legend=[(status, name_status(status)) for status in Status.values if status in shown],
    )


def draw_scores(rows: Sequence[Row], scope: Scope, *, threshold: Decimal | None = None) -> Drawn | None:
    """A column for each whole score. `threshold`: below it conversations need revision."""
    if not any(row["conversations"] for row in rows):
        return None
    columns = []
    for row in rows:
        low = int(row["score_from"])
        words = "10" if low == HIGHEST_SCORE else f"{low} to {low}.9"
        title = f"Score {words}: {row['conversations']:,}"
        columns.append((str(low), row["conversations"], title, link_score(row, scope)))
    most = max(rows, key=lambda row: row["conversations"])
    return Drawn(
        chart=draw_columns(
            columns,
            mark_at=float(threshold) if threshold is not None else None,
            mark=f"revision below {threshold:f}" if threshold is not None else "",
        ),
        title="How many conversations have which structure score",
        takeaway=f"The most frequent score is {int(most['score_from'])}, with {most['conversations']:,} conversations.",
    )


def draw_quality(rows: Sequence[Row], scope: Scope) -> Drawn | None:
    """A line for each template version over the weeks, for those with the most conversations."""
    weeks = sorted({row["week"] for row in rows})
    versions: dict[tuple[str, Any], dict[Any, Row]] = defaultdict(dict)
    for row in rows:
        versions[row["template"], row["version"]][row["week"]] = row
    largest = sorted(versions, key=lambda key: -sum(row["scored"] for row in versions[key].values()))[
        :MOST_LINES
    ]
    series = []
    for key in largest:
        name = f"{key[0]}, version {key[1]}" if key[1] else key[0]
        found = [versions[key].get(week) for week in weeks]
        titles = [
            f"{name}, week from {week:%-d %b}: {row['mean_score']:.1f}" if row else ""
            for week, row in zip(weeks, found, strict=True)
        ]
        series.append((name, [row["mean_score"] if row else None for row in found], titles))
    last = [row for row in rows if row["week"] == weeks[-1]]
    count = sum(row["scored"] for row in last)
    mean = sum(row["mean_score"] * row["scored"] for row in last) / count
    return Drawn(
        chart=draw_lines([f"{week:%-d %b}" for week in weeks], series, top=HIGHEST_SCORE),
        title="Mean structure score by week and template version",
        takeaway=f"In the week from {weeks[-1]:%-d %B} the mean is {mean:.1f} over {count:,} conversations.",
    )


def draw_cost(rows: Sequence[Row], scope: Scope) -> Drawn | None:
    """A line for each model over the days or weeks."""
    days = sorted({row["since"] for row in rows})
    sums: dict[str, dict[Any, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        sums[row["model"]][row["since"]] += row["cost_usd"]
    largest = sorted(sums, key=lambda model: -sum(sums[model].values()))[:MOST_LINES]
    series = [
        (
            model or "no model",
            [sums[model].get(day, Decimal(0)) for day in days],
            [
                f"{model or 'No model'}, {day:%-d %b}: ${sums[model].get(day, Decimal(0)):,.2f}"
                for day in days
            ],
        )
        for model in largest
    ]
    total = sum((row["cost_usd"] for row in rows), Decimal(0))
    return Drawn(
        chart=draw_lines([f"{day:%-d %b}" for day in days], series, unit="$"),
        title=f"Cost by {'week' if scope.by_week else 'day'} and model",
        takeaway=f"${total:,.2f} in all.",
    )


class Grid(NamedTuple):
    """Emotions as columns, and for each persona the number with each of them, with the address of the rows."""

    emotions: list[str]
    lines: list[tuple[str, list[tuple[int, str]]]]
    gaps: int


def arrange_coverage(rows: Sequence[Row], scope: Scope) -> Grid | None:
    """The most frequent personas and emotions as a grid; the whole is in the table. None where there is nothing."""
    if not rows:
        return None
    cells = {(row["persona"], row["emotion"]): row for row in rows}
    emotions, personas = (rank(rows, name)[:MOST_IN_GRID] for name in ("emotion", "persona"))
    lines = [
        (
            persona,
            [
                (cells[persona, emotion]["conversations"], link_combination(cells[persona, emotion], scope))
                for emotion in emotions
            ],
        )
        for persona in personas
    ]
    return Grid(emotions, lines, sum(not row["conversations"] for row in rows))


def rank(rows: Sequence[Row], name: str) -> list[str]:
    """The values of this column, those with the most conversations first."""
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        totals[row[name]] += row["conversations"]
    return sorted(totals, key=lambda each: (-totals[each], each))


def name_status(status: str) -> str:
    return str(Status(status).label).capitalize()


def name_tier(tier: str) -> str:
    return str(Tier(tier).label) if tier in Tier.values else "No tier"
