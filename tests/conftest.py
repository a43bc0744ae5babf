"""Fixtures that every room's tests may use."""

import sys
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from claude import current_models
from claude.shipped import SHIPPED
from provider import table
from tests.support.simulator import RunningSimulator

# Who else is on the test database when it is about to be dropped: what a killed process or a page left open.
END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000), backend_type, state, left(query, 200) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database; before it is dropped, sessions that are still on it are named and ended.

    DROP DATABASE waits five seconds for them and then fails, at a test that has nothing to do with it.
    """
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(END_OTHERS)
        for _, *session in cursor.fetchall():
            print("still on the test database:", *session, file=sys.stderr)


@pytest.fixture(autouse=True)
def shipped_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The model table in force is this process's: what a test put there ends with it.

    The rows are looked at when a test says so (`refresh(now=True)`), so that queries can be counted.
    """
    monkeypatch.setattr(table, "LOOK_EVERY_S", float("inf"))
    monkeypatch.setattr("provider.table._State.at", 0.0)
    yield
    if current_models.get_active() is not SHIPPED:
        table.forget()


@pytest.fixture
def set_today(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    """Gives this process a date: what is asserted of a day must not change when the day has come."""

    def set_date(day: date) -> None:
        monkeypatch.setattr("lib.clock.today", lambda: day)

    return set_date


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    """One simulator for each xdist worker, with answers at once. Whoever changes its options says so in his test."""
    running = RunningSimulator("--latency", "0").start()
    yield running
    running.stop()
