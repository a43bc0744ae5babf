"""The reports over the API."""

import pytest
from django.test import Client

from analytics.reports.registry import REPORTS
from tests.analytics.support import make_numbers
from tests.factories import make_token, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller() -> Client:
    user = make_user()
    make_numbers(user)
    return Client(headers={"Authorization": f"Bearer {make_token(user=user)}"})


@pytest.mark.parametrize("name", REPORTS)
def test_each_report(caller: Client, name: str) -> None:
    answer = caller.get(f"/api/analytics/{name}", {"range": "all"}).json()
    assert (answer["report"], answer["range"], answer["simulated"], answer["since"]) == (
        name,
        "all",
        True,
        None,
    )
    assert answer["rows"]
    assert answer["countedAt"]


def test_values_are_written_as_everywhere(caller: Client) -> None:
    (row,) = caller.get("/api/analytics/templates", {"range": "all"}).json()["rows"]
    assert (row["template"], row["version"], row["made"]) == ("Retirement", 1, 4)
    assert row["costUsd"] == "0.07"
    assert row["costPerApprovedUsd"] == "0.035"
    (quality,) = caller.get("/api/analytics/quality").json()["rows"]
    assert quality["meanScore"] == 6.2


def test_what_cannot_be_read_is_refused(caller: Client) -> None:
    assert caller.get("/api/analytics/cost", {"range": "1y"}).status_code == 400
    assert caller.get("/api/analytics/nonsense").status_code == 404
    assert Client().get("/api/analytics/cost").status_code == 401
