"""The dashboard and the analytics page: numbers, links to the rows behind them, files, and the first steps."""

import csv
import io
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.analytics.support import make_numbers
from tests.factories import make_user
from workspaces.models import User

pytestmark = pytest.mark.django_db
DASHBOARD, ANALYTICS = "/dashboard/", "/analytics/"


@pytest.fixture
def user(client: Client) -> User:
    found = make_user()
    client.force_login(found)
    return found


def test_at_first_there_are_steps_and_no_numbers(client: Client, user: User) -> None:
    page = client.get(DASHBOARD)
    assert page.status_code == 200
    for words in (
        "First steps",
        "Generate one conversation",
        "Export what you approved",
        "Nothing in this period",
    ):
        assert words in page.text
    assert client.get(ANALYTICS).text.count("Nothing in this period") == 8


def test_the_dashboard_counts_and_compares(client: Client, user: User) -> None:
    make_numbers(user)
    page = client.get(DASHBOARD).text
    assert "1 of 3 are approved" in page
    assert "33%" in page
    assert "in the period before" in page
    assert "flagged" not in page
    everything = client.get(DASHBOARD, {"range": "all"}).text
    assert "2 of 4 are approved" in everything
    assert "in the period before" not in everything
    assert client.get(DASHBOARD, {"range": "nonsense", "which": "nonsense"}).status_code == 200


def test_each_number_leads_to_its_rows(client: Client, user: User) -> None:
    make_numbers(user)
    page = client.get(ANALYTICS, {"range": "all"}).text
    cells = re.findall(r'href="(/conversations/\?[^"]+)">(\d+)</a>', page)
    assert len(cells) >= 8
    for href, number in cells:
        listed = client.get(href.replace("&amp;", "&")).text
        found = re.search(r"Conversations, \d+ to \d+ of (\d+)", listed)
        assert found is not None, href
        assert found[1] == number, href


def test_a_table_is_a_file_too(client: Client, user: User) -> None:
    make_numbers(user)
    answer = client.get("/analytics/templates.csv", {"range": "all"})
    assert answer["Content-Type"].startswith("text/csv")
    assert re.search(r'filename="templates-\d{4}-\d\d-\d\d\.csv"', answer["Content-Disposition"])
    header, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert header[:2] == ["Template", "Version"]
    assert row[0] == "Retirement"
    assert client.get("/analytics/nonsense.csv").status_code == 404


def test_somebody_elses_numbers_are_not_shown(client: Client, user: User) -> None:
    make_numbers(make_user())
    assert client.get(ANALYTICS, {"range": "all"}).text.count("Nothing in this period") == 8
    assert "Retirement" not in client.get("/analytics/quality.csv", {"range": "all"}).text


@pytest.mark.parametrize(("path", "most"), [(DASHBOARD, 15), (ANALYTICS, 18)])
def test_queries(client: Client, user: User, path: str, most: int) -> None:
    make_numbers(user)
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        client.get(path)
    assert len(asked) <= most, "\n".join(each["sql"][:200] for each in asked)
