"""The starter pack for tests: the product loads it once in each process, then the database copies the rows.

Loading compares each of the pack's rows with those that are there, and a thousand tests begin with it. A copy is one
statement. tests/guards/test_starter_pack.py compares a copy with what the product loads.
"""

import re
from functools import cache
from uuid import uuid4

from django.db import connection, transaction

from templates_app.models import EdgeCase, Option, PromptTemplate, Scenario, TemplateVersion
from templates_app.packs.installing import bring_in_pack
from workspaces.models import Workspace

TABLES = [model._meta.db_table for model in (PromptTemplate, TemplateVersion, Scenario, EdgeCase, Option)]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def bring_starter_pack(workspace: Workspace) -> None:
    """The pack's templates, scenarios, edge cases and options, as `bring_in_pack` makes them in an empty workspace."""
    origin, rows = _load_once()
    ids = {origin: str(workspace.pk)}
    renewed = [UUID.sub(lambda found: ids.setdefault(found[0], str(uuid4())), each) for each in rows]
    with connection.cursor() as cursor:
        cursor.execute(_copy_statement(), renewed)


@cache
def _load_once() -> tuple[str, list[str]]:
    """The id of a workspace that is not kept, and its rows as JSON, one text for each table."""
    with transaction.atomic():
        workspace = Workspace.objects.create(name="only to load the pack", personal=False)
        bring_in_pack(workspace)
        rows = [_read(table, workspace) for table in TABLES]
        transaction.set_rollback(True)
    return str(workspace.pk), rows


def _read(table: str, workspace: Workspace) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT json_agg(t)::text FROM {table} t WHERE workspace_id = %s", [workspace.pk])
        [rows] = cursor.fetchone()
    return str(rows)


@cache
def _copy_statement() -> str:
    """All tables at once: foreign keys are checked at the end of the transaction."""
    inserts = [
        f"copied_{table} AS (INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, %s::json))"
        for table in TABLES
    ]
    return f"WITH {', '.join(inserts)} SELECT 1"
