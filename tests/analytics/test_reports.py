"""What each report says about known rows, in a period and in all, and of whom."""

from decimal import Decimal
from typing import Any

import pytest

from analytics.reports.registry import REPORTS
from analytics.reports.scope import PERIODS, Scope
from analytics.reports.table import build_cells
from conversations.states import Status
from lib import clock
from tests.analytics.support import make_numbers
from tests.factories import make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    found = make_user()
    make_numbers(found)
    make_numbers(make_user())
    return found


def find(user: User, name: str, period: str = "30d", *, simulated: bool = True) -> list[dict[str, Any]]:
    return REPORTS[name].find(Scope.of(user, period=period, simulated=simulated))


def test_conversations(user: User) -> None:
    rows = [(row["tier"], row["status"], row["conversations"]) for row in find(user, "conversations")]
    assert rows == [
        ("template", Status.APPROVED, 1),
        ("template", Status.REJECTED, 1),
        ("edge_case", Status.GENERATED, 1),
    ]
    assert find(user, "conversations", "all")[0]["conversations"] == 2
    assert find(user, "conversations", "all", simulated=False) == []


def test_scores_have_all_columns(user: User) -> None:
    found = {int(row["score_from"]): row["conversations"] for row in find(user, "scores", "all")}
    assert len(found) == 11
    assert {low for low, count in found.items() if count} == {4, 8, 10}


def test_quality_by_week_and_version(user: User) -> None:
    (row,) = find(user, "quality")
    assert (row["template"], row["version"], row["scored"]) == ("Retirement", 1, 2)
    assert row["mean_score"] == Decimal("6.20")
    assert row["week"].weekday() == 0
    assert row["week"] <= clock.today()
    assert [each["mean_score"] for each in find(user, "quality", "all")] == [Decimal(10), Decimal("6.2")]


def test_coverage_begins_with_the_gaps(user: User) -> None:
    rows = [(row["emotion"], row["conversations"], row["approved"]) for row in find(user, "coverage", "all")]
    assert rows == [("angry", 1, 0), ("calm", 3, 2)]


def test_cost_by_day_or_week(user: User) -> None:
    (row,) = find(user, "cost")
    assert (row["since"], row["calls"], row["cost_usd"]) == (clock.today(), 2, Decimal("0.03"))
    assert (row["template"], row["model"]) == ("Retirement", "claude-sonnet-5-5")
    weeks = find(user, "cost", "90d")
    assert [each["cost_usd"] for each in weeks] == [Decimal("0.04"), Decimal("0.03")]
    assert all(each["since"].weekday() == 0 for each in weeks)


def test_what_became_of_a_version(user: User) -> None:
    (row,) = find(user, "templates", "all")
    assert (row["made"], row["approved"], row["rejected"], row["waiting"]) == (4, 2, 1, 1)
    assert (row["calls"], row["cost_usd"]) == (3, Decimal("0.07"))
    assert row["cost_per_approved_usd"] == Decimal("0.035")


def test_reviewers(user: User) -> None:
    (row,) = find(user, "reviewers")
    assert (row["reviewer"], row["decisions"], row["approved"], row["rejected"]) == (user.username, 1, 1, 0)
    assert [each["rejected"] for each in find(user, "reviewers", "all")] == [0, 1]


def test_errors_come_with_advice(user: User) -> None:
    (row,) = find(user, "errors")
    assert (row["error_kind"], row["failed"], row["cost_usd"]) == ("overloaded", 1, Decimal("0.01"))
    assert row["error"]
    assert row["advice"]


@pytest.mark.parametrize("period", PERIODS)
def test_every_row_has_every_column(user: User, period: str) -> None:
    scope = Scope.of(user, period=period, simulated=True)
    for report in REPORTS.values():
        rows = report.find(scope)
        assert rows, report.name
        assert all(set(row) == {column.key for column in report.columns} for row in rows), report.name
        assert len(build_cells(report, rows, scope)) == len(rows)


def test_the_period_before_has_the_same_length(user: User) -> None:
    scope = Scope.of(user, period="30d", simulated=True)
    before = scope.before
    assert before is not None
    assert scope.since is not None
    assert before.since is not None
    assert (scope.since - before.until).days == 1
    assert before.until - before.since == scope.until - scope.since
    assert Scope.of(user, period="all", simulated=True).before is None
