"""Reading several tables as they were at one moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def one_snapshot() -> Iterator[None]:
    """All queries inside see the database as it was at the first of them, so that numbers from several queries agree.

    It is a read-only transaction at the level REPEATABLE READ; nothing waits for it. Inside a transaction that is open
    already it does nothing, because the level can only be set before the first query.
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
