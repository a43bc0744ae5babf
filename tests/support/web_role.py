"""Requests as the web process makes them: as its role of the database, under row level security, with its kind of cursor.

A test makes its rows as the owner of the tables; what a request does, it does as `lorapipe_web`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql.base import Cursor
from psycopg.pq import TransactionStatus

from stack.postgres import WEB
from workspaces.isolation import reach


@contextmanager
def web_role(role: str = WEB) -> Iterator[None]:
    """This thread's connection works as the web process, or as another role, until this ends. Queries are not counted for it."""
    if not can_be_web():
        yield
        return
    before = connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"], connection.connection.cursor_factory
    earlier = _read_role()
    connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = True
    connection.connection.cursor_factory = Cursor
    _become(role)
    try:
        yield
    finally:
        connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] = before[0]
        if connection.connection is not None:
            connection.connection.cursor_factory = before[1]
            _become(earlier)


@contextmanager
def owner_role() -> Iterator[None]:
    """Inside `web_role`: as the owner of the tables, for the rows of a test."""
    earlier = _read_role()
    _become("NONE")
    try:
        yield
    finally:
        _become(earlier)


def _read_role() -> str:
    """NONE for the one that logged in."""
    raw = connection.connection
    if raw.info.transaction_status == TransactionStatus.INERROR:
        return "NONE"
    found = psycopg.Cursor(raw).execute("SELECT current_setting('role')").fetchone()
    return str(found[0]) if found else "NONE"


def _become(role: str) -> None:
    """A failed transaction takes no command, and forgets the role when it is rolled back."""
    raw = connection.connection
    if raw.info.transaction_status != TransactionStatus.INERROR:
        psycopg.Cursor(raw).execute(f"SET ROLE {role}")


def work_as_web(patch: pytest.MonkeyPatch) -> None:
    """Each request of a test client, and each part of a streamed answer, is made as the web role."""
    enter = reach.enter

    @contextmanager
    def enter_as_web(of: reach.Reach) -> Iterator[None]:
        with web_role(), enter(of):
            yield

    patch.setattr(reach, "enter", enter_as_web)


def can_be_web() -> bool:
    """Whether this test may ask the database, and its role become the web's: in our own PostgreSQL it may."""
    try:
        connection.ensure_connection()
    except RuntimeError:  # pytest-django: this test has no database
        return False
    return _may_become_web()


@cache
def _may_become_web() -> bool:
    look = "SELECT 1 FROM pg_roles WHERE rolname = %s AND pg_has_role(rolname, 'SET')"
    return psycopg.Cursor(connection.connection).execute(look, [WEB]).fetchone() is not None
