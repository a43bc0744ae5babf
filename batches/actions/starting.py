"""A draft's way into the queue: priced, started once, or tried with its first three. Atomic, keyword-only, `by=`."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from batches.actions.drafts import changing, raise_stale
from batches.actions.jobs import by_idempotency_key, check_settings, start_facts
from batches.models import BatchItem, BatchJob, PaidRequest
from batches.models.month_so_far import this_month
from batches.models.states import ErrorHandling, ItemStatus, JobStatus, Priority
from batches.planning.estimate.estimate import CANNOT_PRICE, estimate_now
from batches.planning.estimate.rates import rates_of
from batches.planning.freezing import read_plan
from batches.planning.plan import PlanError
from claude.current_models import UnknownModel
from conversations.ids import take_ids
from conversations.models import Conversation
from lib import clock
from lib.untrusted.json_bodies import MOST_PROBLEMS
from workspaces.audit import record
from workspaces.models import RequestKey, User
from workspaces.states import Action, TargetKind

TRIED = 3
NAME_THEM = """
UPDATE batch_items i SET conversation_id = n.name
  FROM unnest(%(ids)s::uuid[], %(names)s::text[]) AS n(id, name) WHERE i.id = n.id
"""
TAKE_OVER = """
UPDATE batch_items i SET job_id = %(trial)s, position = n.place
  FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS n(id, place) WHERE i.id = n.id AND i.job_id = %(draft)s
"""


def price(job: BatchJob) -> dict[str, Any]:
    """The draft's estimate as JSON, or `problems` that keep it from starting; kept on its row while it is still true.

    It is made anew when the plan, the concurrency, the day or what the month has left has changed, when refusals have slowed
    the provider, or when one of its trials has got further.
    """
    mark, found = _mark(job), dict(job.estimate)
    if found.get("mark") == mark:
        return found
    try:
        found = estimate_now(read_plan(job), concurrency=job.concurrent_processing).as_json()
    except PlanError as wrong:
        shown = [[each.row, each.column, each.message] for each in wrong.problems[:MOST_PROBLEMS]]
        found = {"problems": shown, "problem_count": len(wrong.problems)}
    except CANNOT_PRICE as wrong:
        found = {"problems": [[None, "", str(wrong)]], "problem_count": 1}
    found["mark"] = mark
    rows = BatchJob.objects.filter(pk=job.pk, status=JobStatus.DRAFT, plan_revision=job.plan_revision)
    rows.update(estimate=found)
    job.estimate = found
    return found


def _mark(job: BatchJob) -> str:
    tried = job.trials.values_list("completed_items", flat=True)
    environment = settings.ENVIRONMENT
    room = this_month(job.workspace).room
    parts = (
        job.plan_revision,
        job.concurrent_processing,
        clock.today(),
        room,
        sum(tried),
        _describe_pace(job),
    )
    return " ".join(map(str, (*parts, environment.anthropic_model, environment.anthropic_max_tokens)))


def _describe_pace(job: BatchJob) -> str:
    try:
        pace = rates_of(settings.ENVIRONMENT.anthropic_model, job.workspace.provider_key).pace
    except UnknownModel:
        return ""
    return f"{pace.share:.1f} {pace.wait_s > 0}"


def start_draft(
    job: BatchJob,
    *,
    revision: int,
    by: User,
    name: str,
    concurrency: int,
    error_handling: ErrorHandling,
    priority: Priority,
    budget_usd: Decimal | None,
    judge_budget_usd: Decimal | None = None,
) -> BatchJob:
    """`draft -> queued`, with human ids for its items. A draft starts once: pressed again it is the same batch.

    With `judge_budget_usd` the judge reads what it has made once it is completed, for at most so much.

    Raises PlanError with all problems, UnknownModel, RetiredModel or UnknownPrice, PlanMoved for another revision,
    StaleState for a discarded draft; then nothing is changed.
    """
    if job.status not in (JobStatus.DRAFT, JobStatus.CANCELLED):
        return job
    priced = estimate_now(read_plan(job), concurrency=concurrency, budget_usd=budget_usd)
    budget = priced.default_budget if budget_usd is None else budget_usd
    check_settings(concurrency, budget, worst=priced.worst_item)
    with transaction.atomic():
        moved = BatchJob.objects.filter(pk=job.pk, status=JobStatus.DRAFT, plan_revision=revision).update(
            status=JobStatus.QUEUED,
            plan_revision=F("plan_revision") + 1,
            name=name.strip()[:200] or job.name,
            priority=priority,
            error_handling=error_handling,
            concurrent_processing=concurrency,
            model=priced.model,
            max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
            estimate=priced.as_json(),
            budget_usd=budget,
            worst_item_usd=priced.worst_item,
            judge_budget_usd=judge_budget_usd,
        )
        if moved:
            name_items(job)
        job.refresh_from_db()
        if moved:
            before, after = {"status": JobStatus.DRAFT}, {"status": job.status, **start_facts(job)}
            record(action=Action.START, kind=TargetKind.BATCH, target=job, by=by, before=before, after=after)
    if not moved and job.status in (JobStatus.DRAFT, JobStatus.CANCELLED):
        raise_stale(job, verb="started")
    return job


def name_items(job: BatchJob) -> None:
    """Human ids for all items, in the order of the plan: new ones, and those of the drafts that they fill."""
    rows = list(
        BatchItem.objects.filter(job=job)
        .order_by("position")
        .values_list("pk", "parameters__persona", "fills")
    )
    drafts = Conversation.objects.filter(pk__in=[fills for *_, fills in rows if fills])
    there = dict(drafts.values_list("pk", "conversation_id")) if any(fills for *_, fills in rows) else {}
    personas = [str(persona or "") for _, persona, fills in rows if fills not in there]
    new = iter(take_ids(job.workspace, personas))
    names = [there.get(fills) or next(new) for *_, fills in rows]
    with connection.cursor() as cursor:
        cursor.execute(NAME_THEM, {"ids": [key for key, *_ in rows], "names": names})


def try_first(
    job: BatchJob, *, revision: int, by: User, idempotency_key: RequestKey | None = None
) -> BatchJob:
    """Three items of the draft as a batch of their own, started at once; the draft keeps the others.

    They leave the plan, so that nothing is paid twice. The same key gives the same trial. Raises as `start_draft`.
    """
    earlier = by_idempotency_key(by, idempotency_key)
    if earlier is not None:
        return earlier
    plan = read_plan(job)
    if len(plan) <= TRIED:
        raise PlanError([])
    places = spread([item.tier for item in plan], TRIED)
    chosen = [plan[place] for place in places]
    priced = estimate_now(chosen, concurrency=min(TRIED, job.concurrent_processing))
    trial = BatchJob(
        workspace=job.workspace,
        created_by=by,
        name=f"{job.name[:180]}, first {TRIED}",
        status=JobStatus.QUEUED,
        priority=Priority.HIGH,
        model=priced.model,
        max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
        seed=job.seed,
        concurrent_processing=priced.concurrency,
        estimate=priced.as_json(),
        total_items=TRIED,
        budget_usd=priced.default_budget,
        worst_item_usd=priced.worst_item,
        trial_of=job,
        idempotency_key=idempotency_key.key if idempotency_key else None,
    )
    try:
        with changing(job, revision=revision):
            ids = _ids_at(job, [item.position for item in chosen])
            trial.save(force_insert=True)
            PaidRequest.objects.remember(trial, by=by, sent=idempotency_key)
            with connection.cursor() as cursor:
                cursor.execute(TAKE_OVER, {"trial": trial.pk, "draft": job.pk, "ids": ids})
            name_items(trial)
            after = {**start_facts(trial), "trial_of": job.name, "trial_of_id": job.pk}
            record(action=Action.TRY_FIRST, kind=TargetKind.BATCH, target=trial, by=by, after=after)
    except IntegrityError:
        earlier = by_idempotency_key(by, idempotency_key)
        if earlier is None:
            raise
        return earlier
    return trial


def _ids_at(job: BatchJob, positions: Sequence[int]) -> list[UUID]:
    rows = BatchItem.objects.filter(job=job, status=ItemStatus.QUEUED, position__in=positions)
    return list(rows.order_by("position").values_list("pk", flat=True))


def spread(tiers: Iterable[str], count: int) -> list[int]:
    """The places of the first items, one of each tier in turn; in the order of the plan."""
    by_tier: dict[str, list[int]] = {}
    for place, tier in enumerate(tiers):
        by_tier.setdefault(tier, []).append(place)
    queues, chosen = list(by_tier.values()), list[int]()
    while queues and len(chosen) < count:
        for places in queues:
            if places and len(chosen) < count:
                chosen.append(places.pop(0))
        queues = [places for places in queues if places]
    return sorted(chosen)
