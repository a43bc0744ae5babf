"""The items of a plan as rows, and rows as the items of a plan."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import uuid4

from django.db import connection
from django.db.models import NOT_PROVIDED, Sum, TextField
from django.db.models.functions import Cast, Length

from batches.models import BatchItem, BatchJob
from batches.models.states import ItemKind
from batches.planning.plan import PlanError, PlannedItem
from lib.row_problems import RowProblem
from templates_app.models import TemplateVersion
from templates_app.states import LONGEST_TOPIC

AT_ONCE = 1_000  # items in one statement: a JSON text has a limit, and so has the time of a statement
FIELDS = {field.name: field for field in BatchItem._meta.concrete_fields if not field.generated}


def freeze_items(job: BatchJob, plan: Sequence[PlannedItem], ids: Sequence[str]) -> None:
    """Store the items of a stored job under these human ids, queued. The caller owns the transaction.

    The items travel as one JSON text, which PostgreSQL reads as rows: as many INSERTs take six times as long, and COPY is
    refused to a role under row level security.
    """
    values = [_values(item, human_id) for item, human_id in zip(plan, ids, strict=True)]
    same = _same_of_all(job, varying=values[0].keys())
    fixed, varying = ([f'"{FIELDS[name].column}"' for name in names] for names in (same, values[0]))
    given = [f"%s::{FIELDS[name].db_type(connection)}" for name in same]
    statement = (
        f"INSERT INTO batch_items ({', '.join([*fixed, *varying])})"  # noqa: S608 (names of our own columns)
        f" SELECT {', '.join([*given, *varying])} FROM jsonb_populate_recordset(NULL::batch_items, %s::jsonb)"
    )
    with connection.cursor() as cursor:
        for start in range(0, len(values), AT_ONCE):
            rows = [
                {FIELDS[name].column: value for name, value in each.items()}
                for each in values[start : start + AT_ONCE]
            ]
            cursor.execute(statement, [*same.values(), json.dumps(rows)])


def _values(item: PlannedItem, human_id: str) -> dict[str, Any]:
    """By field, as JSON has it."""
    again = item.regeneration
    return {
        "id": str(uuid4()),
        "position": item.position,
        "conversation_id": human_id,
        "template_version": str(item.version.pk),
        "topic": item.topic[:LONGEST_TOPIC],
        "tier": str(item.tier),
        "category": list(item.category),
        "parameters": dict(item.parameters),
        "details": dict(item.details),
        "kind": str(ItemKind.REGENERATE if again else ItemKind.GENERATE),
        "fills": str(item.fills.pk) if item.fills else None,
        "regenerates": str(again.key) if again else None,
        "instruction": again.instruction if again else "",
        "from_turn": again.from_turn if again else None,
    }


def _same_of_all(job: BatchJob, *, varying: Collection[str]) -> dict[str, Any]:
    """The columns that are equal for all items and that PostgreSQL does not fill itself, with a new item's values."""
    item = BatchItem(workspace=job.workspace, created_by=job.created_by, job=job)
    found = {
        name: field.get_db_prep_save(getattr(item, field.attname), connection)
        for name, field in FIELDS.items()
        if name not in varying and field.db_default is NOT_PROVIDED
    }
    return {name: value for name, value in found.items() if value is not None}


def read_plan(job: BatchJob, *, position: int | None = None) -> list[PlannedItem]:
    """The plan as it is stored, in order, or only the item at one position. Each template version is read once.

    Its items make new conversations, also where the stored ones were regenerations. Raises PlanError for judgements.
    """
    items = BatchItem.objects.filter(job=job, **({} if position is None else {"position": position}))
    columns = ("position", "tier", "template_version_id", "topic", "parameters", "category", "details")
    rows = list(items.in_plan_order().values_list(*columns))
    keys = {row[2] for row in rows}
    if any(row[2] is None for row in rows):
        problem = "A batch of judgements cannot be copied. Choose its conversations in the list and judge them again."
        raise PlanError([RowProblem(None, "", problem)])
    versions = TemplateVersion.objects.select_related("template", "workspace").in_bulk(keys)
    return [
        PlannedItem(
            position=position,
            tier=tier,
            version=versions[version_id],
            topic=topic,
            parameters=parameters,
            category=tuple(category),
            details=details,
        )
        for position, tier, version_id, topic, parameters, category, details in rows
    ]


def count_stored_characters(job: BatchJob) -> int:
    """The characters of the values and details that the items of a job have, as JSON: a little more than they have as text."""
    texts = [Length(Cast(name, TextField())) for name in ("parameters", "details")]
    found = BatchItem.objects.filter(job=job).order_by().aggregate(characters=Sum(texts[0] + texts[1]))
    return int(found["characters"] or 0)
