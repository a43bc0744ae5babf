"""How accurate the estimates of completed batches were, as numbers and as the geometry of a chart. Only one query."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import Exists, OuterRef

from batches.models import BatchJob, GenerationLog
from batches.models.states import REPLIED, JobStatus
from batches.reports.estimate_accuracy import EstimateAccuracy, measure_accuracy
from workspaces.models import User

LAST = 100
WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 10
# The chart shows at least this much above and below zero, and never more than twice the estimate.
LEAST_SHOWN, MOST_SHOWN = 0.25, 1.0
REPLIES = GenerationLog.objects.filter(job=OuterRef("pk"), state__in=REPLIED)


class JobAccuracy(NamedTuple):
    job: BatchJob
    accuracy: EstimateAccuracy


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The accuracy of some batches. Errors are medians of absolute values; `holds`: the share whose cost was in the range."""

    name: str
    count: int
    holds: float
    cost_error: float
    time_error: float


@dataclass(frozen=True, kw_only=True)
class Point:
    """One batch in the chart, in whole pixels: its mark at (x, y), and its range as a bar of `height` pixels from `top`."""

    x: int
    y: int
    top: int
    height: int
    inside: bool
    judged: JobAccuracy


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The errors over time, the oldest on the left. `lines`: the grid lines, each as its height and its label."""

    points: Sequence[Point]
    lines: Sequence[tuple[int, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = field(default=WIDTH - RIGHT)


def list_finished(user: User, *, simulated: bool, model: str = "") -> list[JobAccuracy]:
    """The last 100 completed batches that the user may see and that had an estimate, the newest first."""
    jobs = (
        BatchJob.objects.visible_to(user)
        .listed()
        .filter(status=JobStatus.COMPLETED, actual_seconds__isnull=False, simulated=simulated)
        # Without one reply it says nothing about an estimate, and nobody knows whether it was a real or a simulated batch.
        .exclude(~Exists(REPLIES), completed_items=0, failed_items__gt=0)
    )
    if model:
        jobs = jobs.filter(model=model)
    rows = jobs.order_by("-completed_at", "-id").only(
        *("name", "model", "simulated", "status", "estimate", "spent", "completed_at", "actual_seconds")
    )[:LAST]
    judged = ((job, measure_accuracy(job)) for job in rows)
    return [JobAccuracy(job, found) for job, found in judged if found is not None]


def summarize(judged: Iterable[JobAccuracy], *, name: str = "") -> Summary | None:
    found = [each.accuracy for each in judged]
    if not found:
        return None
    return Summary(
        name=name,
        count=len(found),
        holds=statistics.fmean(each.holds for each in found),
        cost_error=statistics.median(abs(each.cost_error) for each in found),
        time_error=statistics.median(abs(each.time_error) for each in found),
    )


def summarize_by_model(judged: Iterable[JobAccuracy]) -> list[Summary]:
    groups: dict[str, list[JobAccuracy]] = defaultdict(list)
    for each in judged:
        groups[each.job.model].append(each)
    found = [summarize(group, name=model) for model, group in sorted(groups.items())]
    return [each for each in found if each is not None]


def draw_chart(judged: Sequence[JobAccuracy]) -> Chart:
    """The chart of a list that has the newest batch first."""
    ordered = list(reversed(judged))
    errors = [abs(each.accuracy.cost_error) for each in ordered]
    shown = min(MOST_SHOWN, max([LEAST_SHOWN, *(error * 1.1 for error in errors)]))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(ordered))
    points = [
        _point(each, x=round(LEFT + step * (place + 0.5)), shown=shown) for place, each in enumerate(ordered)
    ]
    shares = (shown, shown / 2, 0.0, -shown / 2, -shown)
    return Chart(points=points, lines=[(_height(share, shown), format_share(share)) for share in shares])


def _point(each: JobAccuracy, *, x: int, shown: float) -> Point:
    found = each.accuracy
    low, high = (float(bound / found.said) - 1 if found.said else 0.0 for bound in (found.low, found.high))
    top = _height(high, shown)
    return Point(
        x=x,
        y=_height(found.cost_error, shown),
        top=top,
        height=max(2, _height(low, shown) - top),
        inside=found.holds,
        judged=each,
    )


def _height(share: float, shown: float) -> int:
    """Pixels from the top. A value beyond the scale is drawn at its edge."""
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    return round(middle - max(-1.0, min(1.0, share / shown)) * (middle - TOP))


def format_share(share: float) -> str:
    """A share with its sign: `+12%`, `−3%`, `0%`."""
    percent = round(100 * share)
    return f"{'+' if percent > 0 else '−' if percent < 0 else ''}{abs(percent)}%"
