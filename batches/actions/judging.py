"""Let the judge read conversations: those of a selection, or those that a batch has made. It decides nothing about them."""

import logging
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from batches.actions.jobs import by_idempotency_key, check_settings, move_job, start_facts
from batches.engine.moves import DATABASE_AWAY
from batches.limits.pools import make_missing_limits
from batches.models import BatchJob, PaidRequest
from batches.models.states import CHANGEABLE, ErrorHandling, JobStatus, Priority
from batches.planning.estimate.estimate import CANNOT_PRICE
from batches.planning.judging import (
    JudgePlan,
    choose_max_tokens,
    estimate_judging,
    freeze_judgements,
    plan_judging,
)
from batches.planning.plan import PlanError
from conversations.judging.rubric import find_rubric
from conversations.models import Conversation
from lib.row_problems import RowProblem
from lib.stale_state import StaleState
from workspaces.audit import record
from workspaces.models import RequestKey, User
from workspaces.states import Action, TargetKind

logger = logging.getLogger(__name__)

# A batch in these states can still be given a judge that follows it.
ORDERABLE = (*CHANGEABLE, JobStatus.DRAFT)


def start_judging(
    plan: JudgePlan,
    *,
    by: User | None,
    name: str = "",
    concurrency: int | None = None,
    budget_usd: Decimal | None = None,
    key: RequestKey | None = None,
    follows: BatchJob | None = None,
) -> BatchJob:
    """Start a batch of judgements, one for each conversation of the plan.

    The same key of the same person gives the same batch. `follows`: the batch whose conversations they are, if it was
    started with the judge. Raises PlanError, UnknownModel, UnknownPrice or KeyUsed; then nothing is stored.
    """
    if (earlier := by_idempotency_key(by, key)) is not None:
        return earlier
    at_once = settings.ENVIRONMENT.max_concurrency if concurrency is None else concurrency
    priced = estimate_judging(plan, concurrency=at_once, budget_usd=budget_usd)
    budget = priced.default_budget if budget_usd is None else budget_usd
    check_settings(at_once, budget, worst=priced.worst_item)
    count = len(plan.conversations)
    job = BatchJob(
        workspace=plan.workspace,
        created_by=by,
        name=name.strip()[:200] or f"Judge {count} conversation{'' if count == 1 else 's'}",
        status=JobStatus.QUEUED,
        priority=Priority.NORMAL,
        error_handling=ErrorHandling.CONTINUE,
        model=priced.model,
        max_tokens=choose_max_tokens(),
        concurrent_processing=at_once,
        idempotency_key=key.key if key else None,
        estimate=priced.as_json(),
        total_items=count,
        budget_usd=budget,
        worst_item_usd=priced.worst_item,
        rubric=plan.rubric,
        follows=follows,
    )
    make_missing_limits()
    try:
        _freeze(job, plan, by=by, key=key)
    except IntegrityError:
        earlier = by_idempotency_key(by, key)
        if earlier is None:
            raise
        return earlier
    return job


@transaction.atomic
def _freeze(job: BatchJob, plan: JudgePlan, *, by: User | None, key: RequestKey | None) -> None:
    job.save(force_insert=True)
    PaidRequest.objects.remember(job, by=by, sent=key)
    freeze_judgements(job, plan)
    after = {**start_facts(job), "judged": job.total_items, "rubric": plan.rubric.version}
    record(action=Action.START, kind=TargetKind.BATCH, target=job, by=by, after=after)


# --- the judge that follows a batch -----------------------------------------------------------------------


def order_judge(job: BatchJob, *, budget_usd: Decimal | None, by: User | None) -> BatchJob:
    """Let the judge read the conversations of this batch once it is completed, for at most so many USD; None: no judge.

    Raises StaleState for a batch that has ended, and PlanError for one that makes no conversations.
    """
    if job.rubric_id is not None:
        problem = "This batch judges conversations. It makes none that could be judged."
        raise PlanError([RowProblem(None, "", problem)])
    fields: dict[str, Any] = {"judge_budget_usd": budget_usd}
    moved = move_job(job, by=by, action=Action.CHANGE, from_=ORDERABLE, told=tuple(fields), **fields)
    job.refresh_from_db()
    if not moved:
        raise StaleState("batch", verb="given a judge", status=job.status)
    return job


def start_due_judging() -> int:
    """Start the judge of each completed batch that was to be followed by it. Returns how many. Safe to run twice at once."""
    due = BatchJob.objects.filter(
        status=JobStatus.COMPLETED, judge_budget_usd__isnull=False, judged_by__isnull=True
    )
    return sum(map(_start_following, due.select_related("workspace", "created_by")))


def _start_following(job: BatchJob) -> bool:
    made = Conversation.objects.heads().filter(batch_item__job=job, turn_count__gt=0)
    found = list(made.order_by("batch_item__position"))
    try:
        plan = plan_judging(job.workspace, find_rubric(job.workspace), found)
        name = f"Judge: {job.name}"[:200]
        start_judging(plan, by=job.created_by, name=name, budget_usd=job.judge_budget_usd, follows=job)
    except IntegrityError:  # another process has started it at the same moment
        return False
    except CANNOT_PRICE as problem:
        _call_off(job, str(problem))
        return False
    except DATABASE_AWAY:
        raise
    except Exception as bug:  # else it would be tried for ever, and keep the other batches from their judge
        logger.exception("The judge of batch %s could not be started", job.pk)
        _call_off(job, f"this is a defect of LoRAPipe ({type(bug).__name__}).")
        return False
    return True


@transaction.atomic
def _call_off(job: BatchJob, why: str) -> None:
    """The judge cannot follow. The history of the batch says why, and nobody tries again by himself."""
    before = {"judge_budget_usd": job.judge_budget_usd}
    if BatchJob.objects.filter(pk=job.pk, judge_budget_usd__isnull=False).update(judge_budget_usd=None):
        after = {"judge_budget_usd": None, "judge": f"not started: {why}"[:500]}
        record(action=Action.CHANGE, kind=TargetKind.BATCH, target=job, by=None, before=before, after=after)
