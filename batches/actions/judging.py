"""Let the judge read conversations: those of a selection, or those that a batch has made. It decides nothing about them."""

from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction

from batches.actions.jobs import by_idempotency_key, check_settings, start_facts
from batches.limits.pools import make_missing_limits
from batches.models import BatchJob, PaidRequest, RequestKey
from batches.models.states import ErrorHandling, JobStatus, Priority
from batches.planning.judging import JudgePlan, choose_max_tokens, estimate_judging, freeze_judgements
from workspaces.audit import record
from workspaces.models import User
from workspaces.states import Action, TargetKind


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
