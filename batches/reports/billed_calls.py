"""Answers the model table's question to the log: was any of these models called since a day?"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time

from django.db import connection


def was_called_since(models: Collection[str], day: date) -> bool:
    """Whether there was any call of these models since the start of `day` (UTC), billed or not: its price was used to reserve.

    By a function of the database, because the calls of all workspaces count, also those that the person may not see.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lorapipe_was_called(%s::text[], %s)", [list(models), datetime.combine(day, time(), UTC)]
        )
        found: bool = cursor.fetchone()[0]
        return found
