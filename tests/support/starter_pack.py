"""The starter pack and the limiter's rows for tests: the product makes them once in each process, then they are copied.

A thousand tests begin with them. To make them takes 0.1 s of CPU, a copy is one statement.
tests/guards/test_starter_pack.py compares a copy with what the product makes.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Model

from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import ProviderPool, RateLimit
from templates_app.models import EdgeCase, Option, PromptTemplate, Scenario, TemplateVersion
from templates_app.packs.installing import bring_in_pack
from workspaces.models import Workspace

PACK = (PromptTemplate, TemplateVersion, Scenario, EdgeCase, Option)
LIMITS = (RateLimit, ProviderPool)
UNLIMITED = 1_000_000
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Tables = Sequence[type[Model]]


def bring_starter_pack(workspace: Workspace) -> None:
    """The pack's templates, scenarios, edge cases and options, as `bring_in_pack` makes them in an empty workspace."""
    origin, rows = _pack_rows()
    _insert(PACK, rows, ids={origin: str(workspace.pk)})


def lift_limits() -> None:
    """An installation without a limit, as `set_limits` makes it."""
    if RateLimit.objects.exists() or ProviderPool.objects.exists():
        set_limits(pools(), per_minute=UNLIMITED)
    else:
        _insert(LIMITS, _limit_rows(tuple(pools())), ids={})


@cache
def _pack_rows() -> tuple[str, list[str]]:
    """The id of a workspace that is not kept, and the rows in it."""
    workspace = Workspace(name="only to load the pack")

    def make() -> None:
        workspace.save(force_insert=True)
        bring_in_pack(workspace)

    return str(workspace.pk), _rows_made_by(make, PACK, f"workspace_id = '{workspace.pk}'")


@cache
def _limit_rows(pools: Sequence[str]) -> list[str]:
    return _rows_made_by(lambda: set_limits(list(pools), per_minute=UNLIMITED), LIMITS, "true")


def _rows_made_by(make: Callable[[], object], tables: Tables, condition: str) -> list[str]:
    """One JSON text for each table; nothing is kept."""
    with transaction.atomic(), connection.cursor() as cursor:
        make()
        found = []
        for model in tables:
            cursor.execute(f"SELECT json_agg(t)::text FROM {model._meta.db_table} t WHERE {condition}")
            found.append(cursor.fetchone()[0])
        transaction.set_rollback(True)
    return found


def _insert(tables: Tables, rows: Sequence[str], *, ids: dict[str, str]) -> None:
    """All tables in one statement: foreign keys are checked at the end of the transaction. Every id is a new one."""
    renewed = [UUID.sub(lambda found: ids.setdefault(found[0], str(uuid4())), each) for each in rows]
    inserts = [
        f"t{number} AS (INSERT INTO {model._meta.db_table} "
        f"SELECT * FROM json_populate_recordset(NULL::{model._meta.db_table}, %s::json))"
        for number, model in enumerate(tables)
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(inserts)} SELECT", renewed)
