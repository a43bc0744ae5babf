"""What people do with a plan before it starts: keep it as a draft, and change it. Atomic, keyword-only, `by=` the person.

Every change begins with one conditional UPDATE of the job's row: still a draft, still the revision that the person saw.
No claim holds an item of a draft, so here the job may come before its items.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from batches.actions.jobs import by_idempotency_key, move_job, sweep_cancelled
from batches.models import BatchItem, BatchJob, PaidRequest
from batches.models.states import ErrorHandling, JobStatus, Priority
from batches.planning.checking import size_problems
from batches.planning.freezing import count_stored_characters, freeze_items
from batches.planning.plan import LARGEST_PLAN, PlanError, PlannedItem
from lib.row_problems import RowProblem
from lib.stale_state import StaleState
from workspaces.audit import record
from workspaces.models import ClockTimestamp, RequestKey, User, Workspace
from workspaces.states import Action, TargetKind

RENUMBER = """
UPDATE batch_items i SET position = n.place
  FROM (SELECT id, row_number() OVER (ORDER BY position) AS place FROM batch_items WHERE job_id = %(job)s) n
 WHERE n.id = i.id AND i.position <> n.place
"""
REORDER = """
UPDATE batch_items i SET position = n.place
  FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS n(id, place)
 WHERE i.id = n.id AND i.job_id = %(job)s AND i.position <> n.place
"""
MOVE = """
UPDATE batch_items
   SET position = CASE WHEN position = %(from)s THEN %(to)s WHEN %(from)s < %(to)s THEN position - 1 ELSE position + 1 END
 WHERE job_id = %(job)s AND position BETWEEN least(%(from)s, %(to)s) AND greatest(%(from)s, %(to)s)
"""


class PlanMoved(StaleState):
    """The plan has another revision than the page that the person changed it on."""

    def __init__(self, revision: int) -> None:
        super().__init__("plan", verb="changed", status="changed meanwhile")
        self.revision = revision
        self.args = (
            "This plan has been changed since the page was opened, in another tab or by somebody else.",
        )

    def __str__(self) -> str:
        return str(self.args[0])


def save_draft(
    *,
    workspace: Workspace,
    plan: Sequence[PlannedItem],
    by: User,
    name: str,
    recipe: Mapping[str, Any],
    concurrency: int | None = None,
    error_handling: ErrorHandling = ErrorHandling.CONTINUE,
    priority: Priority = Priority.NORMAL,
    shared_parameters: Mapping[str, Any] | None = None,
    idempotency_key: RequestKey | None = None,
) -> BatchJob:
    """A new draft with its plan. Nothing is priced yet, and its items may have problems. Raises PlanError for its size."""
    if problems := size_problems(plan):
        raise PlanError(problems)
    job = BatchJob(
        workspace=workspace,
        created_by=by,
        name=name.strip()[:200] or f"Plan of {len(plan)}",
        status=JobStatus.DRAFT,
        priority=priority,
        error_handling=error_handling,
        tier=tier_of(plan),
        model=settings.ENVIRONMENT.anthropic_model,
        max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
        seed=recipe.get("seed"),
        shared_parameters=dict(shared_parameters or {}),
        concurrent_processing=concurrency or settings.ENVIRONMENT.max_concurrency,
        idempotency_key=idempotency_key.key if idempotency_key else None,
        recipe=dict(recipe),
        total_items=len(plan),
        budget_usd=0,
        plan_revision=1,
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            PaidRequest.objects.remember(job, by=by, sent=idempotency_key)
            add_items(job, plan)
            after = {"items": len(plan), "revision": 1}
            record(action=Action.SAVE_DRAFT, kind=TargetKind.BATCH, target=job, by=by, after=after)
    except IntegrityError:
        earlier = by_idempotency_key(by, idempotency_key)
        if earlier is None:
            raise
        return earlier
    return job


def tier_of(plan: Sequence[PlannedItem]) -> str:
    """The tier of all of them; empty when there are several."""
    tiers = {item.tier for item in plan}
    return tiers.pop() if len(tiers) == 1 else ""


def add_items(job: BatchJob, plan: Sequence[PlannedItem], *, after: int = 0) -> None:
    """Rows for these items, behind the `after` that are there. The caller owns the transaction."""
    if plan:
        placed = [replace(item, position=place) for place, item in enumerate(plan, start=after + 1)]
        freeze_items(job, placed, [""] * len(placed))


@contextmanager
def changing(job: BatchJob, *, revision: int, **fields: Any) -> Iterator[None]:
    """A transaction in which the plan is ours; afterwards its items are counted and numbered anew.

    Raises StaleState when it is no draft any more, PlanMoved when it has another revision; then nothing is changed.
    """
    with transaction.atomic():
        rows = BatchJob.objects.filter(pk=job.pk, status=JobStatus.DRAFT, plan_revision=revision)
        if not rows.update(plan_revision=F("plan_revision") + 1, **fields):
            job.refresh_from_db()
            raise_stale(job, verb="changed")
        yield
        _run(RENUMBER, job=job.pk)
        BatchJob.objects.filter(pk=job.pk).update(total_items=BatchItem.objects.filter(job=job).count())
    job.refresh_from_db()


@contextmanager
def recorded_change(
    job: BatchJob, *, by: User | None, action: Action, revision: int, **fields: Any
) -> Iterator[dict[str, Any]]:
    """`changing`, with its audit entry; the block adds to the dictionary what the entry tells."""
    after: dict[str, Any] = {"revision": revision + 1}
    with changing(job, revision=revision, **fields):
        yield after
        before = {"revision": revision}
        record(action=action, kind=TargetKind.BATCH, target=job, by=by, before=before, after=after)


def raise_stale(job: BatchJob, *, verb: str) -> None:
    if job.status != JobStatus.DRAFT:
        raise StaleState("batch", verb=verb, status=job.status)
    raise PlanMoved(job.plan_revision)


def _run(sql: str, **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


# --- changes ----------------------------------------------------------------------------------------------


def replace_plan(
    job: BatchJob, *, revision: int, plan: Sequence[PlannedItem], recipe: Mapping[str, Any], by: User | None
) -> None:
    """Another plan in place of this one."""
    if problems := size_problems(plan):
        raise PlanError(problems)
    fields = {"recipe": dict(recipe), "seed": recipe.get("seed"), "tier": tier_of(plan)}
    with recorded_change(job, by=by, action=Action.REPLACE_PLAN, revision=revision, **fields) as told:
        BatchItem.objects.filter(job=job).delete()
        add_items(job, plan)
        told["items"] = len(plan)


def remove_items(job: BatchJob, *, revision: int, ids: Collection[UUID], by: User | None) -> int:
    """How many are gone; ids that the plan does not have are no error."""
    with recorded_change(job, by=by, action=Action.REMOVE_ITEMS, revision=revision) as told:
        told["removed"] = gone = BatchItem.objects.filter(job=job, pk__in=ids).delete()[0]
    return gone


def remove_repeats(job: BatchJob, *, revision: int, by: User | None) -> int:
    """Of items with equal prompts the first stays."""
    with recorded_change(job, by=by, action=Action.REMOVE_REPEATS, revision=revision) as told:
        rows = BatchItem.objects.filter(job=job)
        first = rows.order_by("prompt_hash", "position").distinct("prompt_hash").values("pk")
        told["removed"] = gone = rows.exclude(pk__in=list(first.values_list("pk", flat=True))).delete()[0]
    return gone


def move_item(job: BatchJob, *, revision: int, item_id: UUID, to: int, by: User | None) -> None:
    """To that place; a place beyond either end is the end. BatchItem.DoesNotExist for an item of another plan."""
    with recorded_change(job, by=by, action=Action.MOVE_ITEM, revision=revision) as told:
        item = BatchItem.objects.get(job=job, pk=item_id)
        last = BatchItem.objects.filter(job=job).count()
        place = min(max(1, to), last)
        _run(MOVE, **{"job": job.pk, "from": item.position, "to": place})
        told |= {"from": item.position, "to": place}


def shuffle(job: BatchJob, *, revision: int, seed: int, by: User | None) -> None:
    """Another order; the same seed on the same order gives the same one."""
    with recorded_change(job, by=by, action=Action.SHUFFLE, revision=revision, seed=seed) as told:
        told["seed"] = seed
        ids = list(BatchItem.objects.filter(job=job).order_by("position").values_list("pk", flat=True))
        random.Random(seed).shuffle(ids)  # noqa: S311
        _run(REORDER, job=job.pk, ids=ids)


def append(job: BatchJob, *, revision: int, items: Sequence[PlannedItem], by: User | None) -> None:
    """More items at the end. Raises PlanError when they do not fit."""
    if job.total_items + len(items) > LARGEST_PLAN:
        problem = (
            f"With {len(items):,} more it would have more than {LARGEST_PLAN:,} items: that is the most."
        )
        raise PlanError([RowProblem(None, "", problem)])
    if items and (problems := size_problems(items, characters=count_stored_characters(job))):
        raise PlanError(problems)
    with recorded_change(job, by=by, action=Action.ADD_ITEMS, revision=revision) as told:
        add_items(job, items, after=BatchItem.objects.filter(job=job).count())
        told["added"] = len(items)


def edit_item(
    job: BatchJob, *, revision: int, item_id: UUID, fields: Mapping[str, Any], by: User | None
) -> None:
    """Other values for one item; `fields` are columns. BatchItem.DoesNotExist when it is gone."""
    with recorded_change(job, by=by, action=Action.EDIT_ITEM, revision=revision) as told:
        if not BatchItem.objects.filter(job=job, pk=item_id).update(**fields):
            raise BatchItem.DoesNotExist
        told |= {"fields": sorted(fields), "item_id": item_id}


def discard(job: BatchJob, *, by: User | None) -> BatchJob:
    """Final: the draft is cancelled, and its items with it. What was tried of it stays."""
    moved = move_job(
        job,
        by=by,
        action=Action.DISCARD,
        from_=(JobStatus.DRAFT,),
        status=JobStatus.CANCELLED,
        stopped_at=ClockTimestamp(),
    )
    job.refresh_from_db()
    if not moved and job.status != JobStatus.CANCELLED:
        raise StaleState("batch", verb="discarded", status=job.status)
    sweep_cancelled(job.pk)
    return job
