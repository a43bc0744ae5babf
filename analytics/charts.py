"""The geometry of charts that the server draws as SVG. Lengths are in units of the view box; pure functions of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, HEIGHT = 640.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 632.0, 12.0, 192.0
MOST_LABELS = 8
GRID_LINES = 4
BAR_GAP = 0.2  # of the width of a bar
SEGMENT_HEIGHT = 22.0
ROW_HEIGHT = 36.0
ROW_LABEL = 96.0

Number = int | float | Decimal


class GridLine(NamedTuple):
    y: float
    label: str


class AxisLabel(NamedTuple):
    x: float
    text: str


class Bar(NamedTuple):
    """`title` is the whole sentence of the bar, `href` the rows that it counts."""

    x: float
    y: float
    width: float
    height: float
    title: str
    href: str


class Segment(NamedTuple):
    """A part of a row. `tone` chooses its colour."""

    x: float
    width: float
    tone: str
    title: str
    href: str


class StackedRow(NamedTuple):
    label: str
    y: float
    total: int
    total_x: float
    segments: list[Segment]


class Series(NamedTuple):
    """`points` is what the attribute of a polyline takes; `dots` are the same places, with a title each."""

    name: str
    tone: str
    points: str
    dots: list[tuple[float, float, str]]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """`level`: a line across the chart, with its label, such as a threshold or a budget."""

    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    bottom: float = BOTTOM
    grid: Sequence[GridLine] = ()
    labels: Sequence[AxisLabel] = ()
    bars: Sequence[Bar] = ()
    series: Sequence[Series] = ()
    rows: Sequence[StackedRow] = ()
    mark: AxisLabel | None = None


def find_top(largest: Number) -> float:
    """A round number that is not below the largest one: 1, 2, 2.5, 5 or 10 times a power of ten. 1 where there is nothing."""
    value = float(largest)
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(
        (step * power for step in (1, 2, 2.5, 5, 10) if value <= step * power * (1 + 1e-9)), 10 * power
    )


def draw_grid(top: float, *, unit: str = "") -> list[GridLine]:
    """Horizontal lines from 0 to `top` with their numbers."""
    return [
        GridLine(place(share, BOTTOM, TOP), f"{unit}{top * share:,.10g}")
        for share in (number / GRID_LINES for number in range(GRID_LINES + 1))
    ]


def place(share: float, start: float, end: float) -> float:
    """The place between two ends at this share of the way, to a tenth of a unit."""
    return round(start + (end - start) * share, 1)


def draw_columns(
    values: Sequence[tuple[str, int, str, str]], *, mark_at: float | None = None, mark: str = ""
) -> Chart:
    """A column for each (label, number, title, address). `mark_at`: a vertical line at this place, counted in columns."""
    top = find_top(max((number for _, number, _, _ in values), default=0))
    step = (RIGHT - LEFT) / max(1, len(values))
    bars, labels = [], []
    for position, (label, number, title, href) in enumerate(values):
        x, height = LEFT + position * step, (BOTTOM - TOP) * number / top
        width = step * (1 - BAR_GAP)
        bars.append(
            Bar(
                round(x + step * BAR_GAP / 2, 1),
                round(BOTTOM - height, 1),
                round(width, 1),
                round(height, 1),
                title,
                href,
            )
        )
        labels.append(AxisLabel(round(x + step / 2, 1), label))
    line = AxisLabel(round(LEFT + mark_at * step, 1), mark) if mark_at is not None else None
    return Chart(grid=draw_grid(top), labels=labels, bars=bars, mark=line)


def draw_rows(rows: Sequence[tuple[str, Sequence[tuple[str, int, str, str]]]]) -> Chart:
    """A bar for each (label, parts); a part is (tone, number, title, address). The longest bar takes the whole width."""
    largest = max((sum(number for _, number, _, _ in parts) for _, parts in rows), default=0) or 1
    room = RIGHT - ROW_LABEL - LEFT  # for the total behind the bar
    found = []
    for position, (label, parts) in enumerate(rows):
        x, segments = ROW_LABEL, []
        for tone, number, title, href in parts:
            width = room * number / largest
            segments.append(Segment(round(x, 1), round(width, 1), tone, title, href))
            x += width
        total = sum(number for _, number, _, _ in parts)
        found.append(StackedRow(label, position * ROW_HEIGHT + 6, total, round(x + 8, 1), segments))
    return Chart(height=max(1, len(rows)) * ROW_HEIGHT, rows=found)


def draw_lines(
    places: Sequence[str],
    series: Sequence[tuple[str, Sequence[Number | None], Sequence[str]]],
    *,
    unit: str = "",
    top: float | None = None,
) -> Chart:
    """A line for each (name, numbers, titles) over the same places from left to right. None: no number there, and no dot."""
    largest = max(
        (float(number) for _, numbers, _ in series for number in numbers if number is not None), default=0.0
    )
    highest = find_top(largest) if top is None else top
    xs = [place((index + 0.5) / max(1, len(places)), LEFT, RIGHT) for index in range(len(places))]
    drawn = []
    for number, (name, values, titles) in enumerate(series):
        dots = [
            (x, place(float(value) / highest, BOTTOM, TOP), title)
            for x, value, title in zip(xs, values, titles, strict=True)
            if value is not None
        ]
        drawn.append(Series(name, f"s{number + 1}", " ".join(f"{x},{y}" for x, y, _ in dots), dots))
    every = max(1, ceil(len(places) / MOST_LABELS))
    labels = [
        AxisLabel(x, text)
        for index, (x, text) in enumerate(zip(xs, places, strict=True))
        if index % every == 0
    ]
    return Chart(grid=draw_grid(highest, unit=unit), labels=labels, series=drawn)
