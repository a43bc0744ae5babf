"""A process that dies, or a database that breaks off, at a chosen statement of a move."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection


class ProcessDied(BaseException):
    """The process is gone: nobody handles this."""


# Django's own: they belong to the transaction, not to the move.
TRANSACTION_STATEMENTS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


@contextmanager
def fail_at_statement(number: int, problem: Callable[[], BaseException]) -> Iterator[None]:
    """The so-manieth statement (from 0) is not carried out: the problem is raised instead of it."""
    seen = 0

    def wrap(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        if str(sql).startswith(TRANSACTION_STATEMENTS):
            return execute(sql, params, many, context)
        seen += 1
        if seen == number + 1:
            raise problem()
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(wrap):
            yield
    finally:
        # Whoever is in a transaction of the test: no statement has failed in it, it was only not carried out.
        connection.needs_rollback = False


def make_connection_lost() -> OperationalError:
    return OperationalError("server closed the connection unexpectedly")
