"""What Django does again for each test although its outcome is the same: here it is done once in each process.

Measured on a quiet core: 50 ms for each test client, 100 ms for each test that commits.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase
from whitenoise.middleware import WhiteNoiseMiddleware

# Made by the migrations, the same for all tests.
KEPT = {ContentType._meta.db_table, Permission._meta.db_table}


def list_static_files_once(patch: pytest.MonkeyPatch) -> None:
    """Each client builds the middleware anew, for which WhiteNoise looks at two thousand static files."""
    find: Callable[[Any], None] = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def add_files(middleware: Any) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_files)


def empty_only_filled_tables(patch: pytest.MonkeyPatch) -> None:
    """After a test that commits. Django empties all tables, then makes each content type and each permission again."""
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: empty_tables())


def empty_tables() -> None:
    """TRUNCATE of the tables that have rows. The others stay untouched: each costs a file for each of its indexes."""
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)} - KEPT
    looks = [f"SELECT '{table}' WHERE EXISTS (SELECT FROM \"{table}\")" for table in sorted(tables)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        filled = [f'"{row[0]}"' for row in cursor.fetchall()]
        if filled:
            # CASCADE is for the empty tables that point at these.
            cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")
