"""A process that dies, or a database connection that is lost, at a chosen SQL statement."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection


class ProcessDied(BaseException):
    """Stands for the death of the process. It is no Exception, so that no code handles it."""


# Django's own statements: they belong to the transaction, not to what is tested.
TRANSACTION_STATEMENTS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


@contextmanager
def fail_at_statement(number: int, problem: Callable[[], BaseException]) -> Iterator[None]:
    """The statement of this number (from 0) is not executed; the problem is raised in its place."""
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
        # No statement has failed in PostgreSQL, so the transaction of the test can still be used.
        connection.needs_rollback = False


def make_connection_lost() -> OperationalError:
    return OperationalError("server closed the connection unexpectedly")
