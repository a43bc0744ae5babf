"""Moments that programs send: dates and times as texts, and a 400 for everything else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.serializers import ValidationError

from lib.wire import MomentField


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T10:30:00Z", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
        ("2026-11-22T10:30:00+02:00", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("2026-11-22T10:30", datetime(2026, 11, 22, 10, 30, tzinfo=UTC)),
    ],
)
def test_dates_and_times(given: str, expected: datetime) -> None:
    assert MomentField().run_validation(given) == expected


def test_the_end_of_a_day() -> None:
    assert MomentField(end=True).run_validation("2026-11-22") == datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        3,
        20261122,
        1.5,
        True,
        ["2026-11-22"],
        ["x"] * 10,
        {"a": 1},
        "",
        "tomorrow",
        "9999-12-31T23:59:59-23:00",
    ],
)
def test_what_is_none(given: Any) -> None:
    with pytest.raises(ValidationError):
        MomentField().run_validation(given)
