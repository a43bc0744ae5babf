"""Whether row level security holds is said at the start, and can be required."""

import logging

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from lorapipe.isolation import enforcement
from lorapipe.isolation.policies import list_isolated
from stack.postgres import WEB, WORKER
from tests.support.web_role import can_be_web

pytestmark = pytest.mark.django_db


def test_the_owner_of_the_tables_is_above_the_policies(caplog: pytest.LogCaptureFixture) -> None:
    assert "owns the tables" in enforcement.find_gap()
    with pytest.raises(ImproperlyConfigured, match="LORAPIPE_REQUIRE_RLS=1"):
        enforcement.check(required=True)
    with caplog.at_level(logging.WARNING):
        enforcement.check(required=False)
    assert "Row level security is off" in caplog.text


@pytest.mark.parametrize("role", [WEB, WORKER])
def test_the_roles_of_the_processes_are_under_them(role: str) -> None:
    connection.ensure_connection()
    if not can_be_web():
        pytest.skip("this PostgreSQL is not ours: the roles are not there")
    found = dict(enforcement._make_parameters())
    found["options"] = f"{found['options']} -c role={role}"
    with psycopg.connect(**found) as asking:
        assert enforcement.ask(asking) == ""


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("postgres", True, 0, 0, False), "superuser"),
        (("someone", False, 0, 3, False), "owns the tables"),
        (("someone", False, 2, 0, False), "2 tables have no policy"),
        (("lorapipe_worker", False, 0, 0, True), "sees all workspaces"),
        (("lorapipe_web", False, 0, 0, False), ""),
    ],
)
def test_each_gap_has_its_words(row: tuple[str, bool, int, int, bool], words: str) -> None:
    found = enforcement.describe_gap(*row, is_web=True)
    assert words in found
    assert bool(words) == bool(found)


def test_a_database_that_is_away_stops_only_who_requires_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {"host": "127.0.0.1", "port": "1", "dbname": "none", "user": "nobody", "connect_timeout": 1}
    monkeypatch.setattr(enforcement, "_make_parameters", lambda: nowhere)
    enforcement.check(required=False)
    with pytest.raises(ImproperlyConfigured, match="does not answer"):
        enforcement.check(required=True)


def test_there_is_something_to_look_at() -> None:
    assert len(list_isolated()) > 30
