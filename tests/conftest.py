"""Fixtures that every room's tests may use."""

import gc
import io
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from claude import current_models
from claude.shipped import SHIPPED
from lorapipe import sign_in_limits
from provider import table
from provider.account import _Entered
from tests.factories import make_user
from tests.support import migrated
from tests.support.jobs import furnish
from tests.support.once import empty_only_filled_tables, list_static_files_once
from tests.support.simulator import RunningSimulator
from tests.support.web_role import work_as_web
from workspaces import tries
from workspaces.models import User

# A machine is shared with whatever else runs on it: a slow example is no failure of the code.
hypothesis_settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("shared")

# Who else is on the test database when it is about to be dropped: what a killed process or a page left open.
END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000), backend_type, state, left(query, 200) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user
"""


# Whole files go to the processes of xdist one after the other: these folders have the longest ones, and a long file that
# begins last keeps one process busy while the others have nothing left to do.
LONGEST_FIRST = ("faults", "flows", "browser", "stack", "access", "abuse")


@pytest.hookimpl(trylast=True)  # after pytest-django, which has an order of its own
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Django and four thousand tests are in memory until the end: the garbage collector need not look at them again."""
    gc.collect()
    gc.freeze()


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.hookimpl
def pytest_configure(config: pytest.Config) -> None:
    """xdist itself would begin with the files of the most tests, which are short ones."""
    config.option.loadscopereorder = False


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """The test database is a copy of the migrated one, if that has been kept.

    A test's transaction is idle for as long as the test computes, and a busy machine may take its time.
    """
    connection.settings_dict["OPTIONS"]["options"] += " -c idle_in_transaction_session_timeout=0"
    if (dump := migrated.get_dump()) and dump.exists():
        migrated.begin_with(dump)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database; before it is dropped, sessions that are still on it are named and ended.

    DROP DATABASE waits five seconds for them and then fails, at a test that has nothing to do with it.
    """
    if (dump := migrated.get_dump()) and not dump.exists():
        migrated.keep(dump)
    if dump:  # our own PostgreSQL has the roles
        with django_db_blocker.unblock():
            call_command("setup_roles", stdout=io.StringIO())
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(END_OTHERS)
        for _, *session in cursor.fetchall():
            print("still on the test database:", *session, file=sys.stderr)


@pytest.fixture(scope="session", autouse=True)
def done_once() -> Iterator[None]:
    """What is the same for all tests is not done again for each."""
    with pytest.MonkeyPatch.context() as patch:
        # The starter pack takes 0.1 s for each person; the tests that need it copy its rows (tests/support/starter_pack.py).
        patch.setattr(settings, "FURNISH_WORKSPACE", [])
        patch.setattr(sign_in_limits, "MOST_WRONG", 10_000)  # all tests have one address
        for name in ("MOST_OF_ACCOUNT", "MOST_OF_ADDRESS", "MOST_NAMES"):
            patch.setattr(tries, name, 10_000)
        list_static_files_once(patch)
        empty_only_filled_tables(patch)
        yield


@pytest.fixture(autouse=True)
def shipped_models(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The model table in force is this process's: what a test put there ends with it.

    The rows are looked at when a test says so (`refresh(now=True)`), so that queries can be counted.
    """
    monkeypatch.setattr(table, "LOOK_EVERY_S", float("inf"))
    monkeypatch.setattr("provider.table._State.at", 0.0)
    yield
    # Not `list_entered_names()`: it is empty in demo mode, to which the settings are back by now.
    if current_models.get_active() is not SHIPPED or _Entered.keys:
        table.forget()


@pytest.fixture
def set_today(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    """Gives this process a date: what is asserted of a day must not change when the day has come."""

    def set_date(day: date) -> None:
        monkeypatch.setattr("lib.clock.today", lambda: day)

    return set_date


@pytest.fixture(autouse=True)
def as_web_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are made as the web process makes them, under row level security."""
    work_as_web(monkeypatch)


@pytest.fixture
def owner(db: None) -> User:
    """The person in whose workspace a test takes place."""
    return make_user(username="owner")


@pytest.fixture
def starter_pack(owner: User) -> None:
    """The owner has the starter pack, and the installation has no limit."""
    furnish(owner)


@pytest.fixture
def signed_in(client: Client, owner: User) -> Client:
    """The test's client, signed in as the owner. `usefixtures("signed_in")` does so for a whole file."""
    client.force_login(owner)
    return client


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    """One simulator for each xdist worker, with answers at once. Whoever changes its options says so in his test."""
    running = RunningSimulator("--latency", "0").start()
    yield running
    running.stop()
