"""The starter pack and the limiter's rows for tests: the product makes them once in each process, then they are copied.

A thousand tests begin with them. To make them takes 0.1 s of CPU, a copy is one statement.
tests/guards/test_starter_pack.py compares a copy with what the product makes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Model

from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import ProviderPool, RateLimit
from templates_app.models import EdgeCase, Option, PromptTemplate, Scenario, TemplateVersion
from templates_app.packs.installing import install_pack
from templates_app.packs.pack import STARTER_PACK
from workspaces.audit import record
from workspaces.models import Workspace
from workspaces.states import Action, TargetKind

PACK = (PromptTemplate, TemplateVersion, Scenario, EdgeCase, Option)
LIMITS = (RateLimit, ProviderPool)
UNLIMITED = 1_000_000
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FINGERPRINT = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
STAMP = re.compile(r'"(created_at|updated_at)":"[^"]*"')
Tables = Sequence[type[Model]]


def bring_starter_pack(workspace: Workspace) -> None:
    """The pack's templates, scenarios, edge cases and options, as `install_pack` makes them in an empty workspace."""
    origin, rows, fingerprinted, count = _pack_rows()
    ids = {origin: str(workspace.pk)}
    # A situation's fingerprint is of the id of its template, too.
    prints = {old: _sha256(_renew_ids(text, ids)) for old, text in fingerprinted.items()}
    rows = [FINGERPRINT.sub(lambda found: prints.get(found[0], found[0]), each) for each in rows]
    with transaction.atomic():
        _insert(PACK, rows, ids=ids)
        record(
            action=Action.IMPORT,
            kind=TargetKind.PACK,
            name=STARTER_PACK,
            workspace=workspace.pk,
            by=None,
            after={"rows": count},
        )


def lift_limits() -> None:
    """An installation without a limit, as `set_limits` makes it."""
    if RateLimit.objects.exists() or ProviderPool.objects.exists():
        set_limits(pools(), per_minute=UNLIMITED)
    else:
        _insert(LIMITS, _limit_rows(tuple(pools())), ids={})


@cache
def _pack_rows() -> tuple[str, list[str], dict[str, str], int]:
    """The id of a workspace that is not kept, the rows in it, the text behind each fingerprint of a situation, and how many rows the product counts."""
    workspace, texts, counted = Workspace(name="only to load the pack"), {}, []

    def make() -> None:
        workspace.save(force_insert=True)
        counted.append(install_pack(workspace))
        for model in (Scenario, EdgeCase):
            for row in model.objects.filter(workspace=workspace):
                said = {name: getattr(row, name) for name in row.CONTENT_FIELDS}
                texts[row.pack_print] = json.dumps(said, sort_keys=True, default=str)

    rows = _rows_made_by(make, PACK, f"workspace_id = '{workspace.pk}'")
    assert all(_sha256(text) == old for old, text in texts.items()), "as the model makes a fingerprint"
    return str(workspace.pk), rows, texts, counted[0]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _renew_ids(text: str, ids: dict[str, str]) -> str:
    return UUID.sub(lambda found: ids.setdefault(found[0], str(uuid4())), text)


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
    inserts = [
        f"t{number} AS (INSERT INTO {model._meta.db_table} "
        f"SELECT * FROM json_populate_recordset(NULL::{model._meta.db_table}, %s::json))"
        for number, model in enumerate(tables)
    ]
    now = rf'"\1":"{datetime.now(UTC).isoformat()}"'  # a copy is as young as what the product would make here
    renewed = [STAMP.sub(now, _renew_ids(each, ids)) for each in rows]
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(inserts)} SELECT", renewed)
