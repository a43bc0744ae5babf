"""The connection pool of a worker and of the web: what it hands out must be alive."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from pytest_django import Settings

from lorapipe import settings as lorapipe_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[DatabaseWrapper]:
    """A connection of a process that pools, on the test's own database."""
    monkeypatch.setattr(lorapipe_settings, "POOLED_PROCESS", True)
    found = lorapipe_settings.make_database_settings(lorapipe_settings.DATABASE_URL)
    like_ours = {name: value for name, value in connection.settings_dict.items() if name != "OPTIONS"}
    wrapper = DatabaseWrapper(
        {
            **like_ours,
            "OPTIONS": found["OPTIONS"],
            "CONN_HEALTH_CHECKS": found.get("CONN_HEALTH_CHECKS", False),
        },
        alias="default",
    )
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def backend(wrapper: DatabaseWrapper) -> int:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_connection_that_died_in_the_pool_is_replaced(pooled: DatabaseWrapper) -> None:
    """After a restart of the database every one of them is dead: each would cost a task or a page."""
    dead = backend(pooled)
    pooled.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [dead])
    assert backend(pooled) != dead
