"""The geometry of the charts: what is drawn lies inside the view box, and in proportion."""

from decimal import Decimal

import pytest

from analytics.charts import BOTTOM, LEFT, RIGHT, TOP, draw_columns, draw_lines, draw_rows, find_top


@pytest.mark.parametrize(
    ("largest", "top"),
    [(0, 1), (1, 1), (3, 5), (7, 10), (10, 10), (11, 20), (240, 250), (0.003, 0.005), (99_999, 100_000)],
)
def test_the_scale_ends_at_a_round_number(largest: float, top: float) -> None:
    assert find_top(largest) == pytest.approx(top)


def test_columns_are_in_proportion() -> None:
    chart = draw_columns(
        [("a", 0, "A: 0", "/a"), ("b", 5, "B: 5", "/b"), ("c", 10, "C: 10", "/c")], mark_at=1.5
    )
    heights = [bar.height for bar in chart.bars]
    assert heights == [0, (BOTTOM - TOP) / 2, BOTTOM - TOP]
    assert [bar.y + bar.height for bar in chart.bars] == [BOTTOM] * 3
    assert LEFT <= chart.bars[0].x < chart.bars[1].x < chart.bars[2].x
    assert chart.bars[2].x + chart.bars[2].width <= RIGHT
    assert chart.mark is not None
    assert chart.mark.x == (LEFT + RIGHT) / 2
    assert [line.label for line in chart.grid] == ["0", "2.5", "5", "7.5", "10"]


def test_nothing_to_draw() -> None:
    assert draw_columns([]).bars == []
    assert draw_rows([]).rows == []
    assert draw_lines([], []).series == []


def test_the_parts_of_a_row_follow_each_other() -> None:
    chart = draw_rows([("A", [("ok", 30, "", ""), ("bad", 10, "", "")]), ("B", [("ok", 20, "", "")])])
    first, second = chart.rows
    assert (first.total, second.total) == (40, 20)
    assert first.segments[0].x + first.segments[0].width == pytest.approx(first.segments[1].x)
    assert sum(part.width for part in second.segments) * 2 == pytest.approx(
        sum(part.width for part in first.segments)
    )
    assert first.total_x < RIGHT


def test_a_line_leaves_out_what_is_missing() -> None:
    chart = draw_lines(["1", "2", "3"], [("A", [Decimal(0), None, Decimal(10)], ["a", "", "c"])], top=10)
    (series,) = chart.series
    assert [(y, title) for _, y, title in series.dots] == [(BOTTOM, "a"), (TOP, "c")]
    assert series.points == " ".join(f"{x},{y}" for x, y, _ in series.dots)


def test_many_places_have_few_labels() -> None:
    chart = draw_lines([str(number) for number in range(90)], [])
    assert len(chart.labels) <= 8
