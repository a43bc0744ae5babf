"""What people do with batches: start, pause, resume, cancel. Atomic, keyword-only, `by=` the person."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_UP, Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import IntegrityError, transaction
from django.db.models import Case, DurationField, ExpressionWrapper, F, Q, Value, When
from django.db.models.functions import Coalesce, Extract, Greatest

from batches.engine.calls import prepare_item
from batches.engine.kinds.kind import TargetDeleted
from batches.engine.moves import cancel_items, record_outcome
from batches.limits.pools import UnknownKey, make_missing_limits
from batches.models import BatchItem, BatchJob, PaidRequest
from batches.models.month_so_far import this_month
from batches.models.states import (
    CANCELLABLE,
    PAUSABLE,
    RESUMABLE,
    RUNNING,
    ErrorHandling,
    ItemStatus,
    JobKind,
    JobStatus,
    Priority,
    Reason,
)
from batches.planning.estimate.budgets import CENT
from batches.planning.estimate.estimate import estimate_now
from batches.planning.freezing import freeze_items
from batches.planning.plan import PlanError, PlannedItem
from claude.current_models import UnknownModel, UnknownPrice
from conversations.ids import take_ids
from lib.amounts import format_usd
from lib.row_problems import RowProblem
from lib.stale_state import StaleState
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError
from workspaces.audit import find_differences, record
from workspaces.models import ClockTimestamp, RequestKey, User, Workspace
from workspaces.states import Action, TargetKind


def start_batch(
    *,
    workspace: Workspace,
    plan: Sequence[PlannedItem],
    by: User,
    name: str,
    concurrency: int | None = None,
    error_handling: ErrorHandling = ErrorHandling.CONTINUE,
    priority: Priority = Priority.NORMAL,
    budget_usd: Decimal | None = None,
    idempotency_key: RequestKey | None = None,
    tier: str = "",
    seed: int | None = None,
    shared_parameters: Mapping[str, Any] | None = None,
    kind: JobKind = JobKind.BATCH,
    copy_of: BatchJob | None = None,
    judge_budget_usd: Decimal | None = None,
) -> BatchJob:
    """Freeze a plan as a job with its items; the dispatcher sees it within half a second.

    With `judge_budget_usd` the judge reads what it has made once it is completed, for at most so much. The same idempotency key of the same person gives the same job. Raises PlanError with all problems,
    UnknownModel, UnknownPrice or KeyUsed; then nothing is stored. `copy_of` is the batch whose plan it is, for the audit log.
    """
    earlier = by_idempotency_key(by, idempotency_key)
    if earlier is not None:
        return earlier
    concurrency = settings.ENVIRONMENT.max_concurrency if concurrency is None else concurrency
    priced = estimate_now(plan, concurrency=concurrency, budget_usd=budget_usd)
    budget = priced.default_budget if budget_usd is None else budget_usd
    check_settings(concurrency, budget, worst=priced.worst_item)
    job = BatchJob(
        workspace=workspace,
        created_by=by,
        name=name.strip()[:200] or f"Batch of {len(plan)}",
        kind=kind,
        status=JobStatus.QUEUED,
        priority=priority,
        error_handling=error_handling,
        tier=tier,
        model=priced.model,
        max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
        seed=seed,
        shared_parameters=dict(shared_parameters or {}),
        concurrent_processing=concurrency,
        idempotency_key=idempotency_key.key if idempotency_key else None,
        estimate=priced.as_json(),
        total_items=len(plan),
        budget_usd=budget,
        worst_item_usd=priced.worst_item,
        judge_budget_usd=judge_budget_usd,
    )
    make_missing_limits()
    try:
        _freeze(job, plan, by=by, copy_of=copy_of, sent=idempotency_key)
    except IntegrityError:
        earlier = by_idempotency_key(by, idempotency_key)
        if earlier is None:
            raise
        return earlier
    return job


def by_idempotency_key(by: User | None, key: RequestKey | None) -> BatchJob | None:
    """The job of an earlier request with this key. Raises Http404 or KeyUsed, as `PaidRequest.objects.find_earlier`."""
    earlier = PaidRequest.objects.find_earlier(by, key)
    return earlier.job if earlier else None


def check_settings(concurrency: int, budget: Decimal, *, worst: Decimal) -> None:
    """Raises PlanError for a concurrency above the ceiling and for a budget that does not cover one call."""
    problems = find_concurrency_problems(concurrency)
    if budget < worst:
        problems.append(
            RowProblem(
                None,
                "budget",
                f"{format_usd(budget)} does not cover one call: its worst case is ${worst:.4f}. Raise the budget.",
            )
        )
    if problems:
        raise PlanError(problems)


def find_concurrency_problems(concurrency: int) -> list[RowProblem]:
    """One problem for a concurrency that the settings do not allow, else none."""
    ceiling = settings.ENVIRONMENT.max_concurrency
    if 1 <= concurrency <= ceiling:
        return []
    problem = f"{concurrency} at once is not possible: choose 1 to {ceiling} (LORAPIPE_MAX_CONCURRENCY)."
    return [RowProblem(None, "concurrency", problem)]


@transaction.atomic
def _freeze(
    job: BatchJob,
    plan: Sequence[PlannedItem],
    *,
    by: User,
    copy_of: BatchJob | None,
    sent: RequestKey | None,
) -> None:
    ids = _name_items(job.workspace, plan)
    job.save(force_insert=True)
    PaidRequest.objects.remember(job, by=by, sent=sent)
    freeze_items(job, plan, ids)
    copied = {"copy_of": copy_of.name, "copy_of_id": copy_of.pk} if copy_of else {}
    action = Action.DUPLICATE if copy_of else Action.START
    versions = sum(item.regeneration is not None for item in plan)
    regenerated = {"regenerated": versions} if versions else {}
    facts = {**start_facts(job), **copied, **regenerated}
    record(action=action, kind=TargetKind.BATCH, target=job, by=by, after=facts)


def _name_items(workspace: Workspace, plan: Sequence[PlannedItem]) -> list[str]:
    """The human id of each item, in order: a new one, or that of the conversation which it regenerates or fills."""
    there = [item.regeneration or item.fills for item in plan]
    new = iter(take_ids(workspace, [item.persona for item, old in zip(plan, there, strict=True) if not old]))
    return [old.conversation_id if old else next(new) for old in there]


def start_facts(job: BatchJob) -> dict[str, Any]:
    """What the audit log keeps of a start."""
    return {
        "items": job.total_items,
        "budget_usd": job.budget_usd,
        "concurrency": job.concurrent_processing,
        "model": job.model,
        **({} if job.judge_budget_usd is None else {"judge_budget_usd": job.judge_budget_usd}),
    }


# --- moves of a job: one conditional UPDATE each; a move already done is no error -------------------


def pause(job: BatchJob, *, by: User | None) -> BatchJob:
    """Nothing new starts; what is in flight finishes and is kept."""
    moved = move_job(
        job,
        by=by,
        action=Action.PAUSE,
        from_=PAUSABLE,
        status=JobStatus.PAUSED,
        reason=Reason.PERSON,
        reason_note="",
        stopped_at=ClockTimestamp(),
    )
    return _done(job, moved, to=JobStatus.PAUSED, verb="paused")


class WouldPauseAgain(StaleState):
    """A budget does not cover the next call, so a resumed batch would pause again at once. `least` would do, in USD.

    `budget`: the one that is too low, `budget` of the batch or `month` of its workspace.
    """

    def __init__(self, job: BatchJob, *, budget: str, least: Decimal, next_call: Decimal) -> None:
        super().__init__("batch", verb="resumed", status=job.status)
        self.budget, self.least = budget, least.quantize(CENT, rounding=ROUND_UP)
        self.remedy = REMEDIES[budget].format(least=self.least, next_call=next_call)

    def __str__(self) -> str:
        return self.remedy


REMEDIES = {
    "budget": (
        "The budget does not cover the next call, which can cost up to ${next_call:.2f}. "
        "Raise it to ${least} or more, and resume."
    ),
    "month": (
        "What is left of the month’s budget does not cover the next call, which can cost up to ${next_call:.2f}. Raise the "
        "month’s budget to ${least} or more under Settings, Budget, or resume when the next month has begun."
    ),
}


def resume(job: BatchJob, *, by: User | None, budget_usd: Decimal | None = None) -> BatchJob:
    """Go on after a pause or a repair; with nothing left to do the job is completed at once.

    `budget_usd` raises its budget, and never lowers it. Raises StaleState, or WouldPauseAgain where a budget does not cover
    the next call; then nothing is changed.
    """
    raised: dict[str, Any] = (
        {"budget_usd": Greatest("budget_usd", Value(budget_usd))} if budget_usd is not None else {}
    )
    job.refresh_from_db()
    if job.status in RESUMABLE and not job.in_flight:
        _check_next_call(job, budget=max(job.budget_usd, budget_usd or job.budget_usd))
    nothing_left = Q(total_items=F("completed_items") + F("failed_items"), in_flight=0)
    stood_still = Extract(
        ExpressionWrapper(ClockTimestamp() - F("stopped_at"), output_field=DurationField()), "epoch"
    )
    moved = move_job(
        job,
        by=by,
        action=Action.RESUME,
        from_=RESUMABLE,
        told=("status", *raised),
        **raised,
        status=Case(When(nothing_left, then=Value(JobStatus.COMPLETED)), default=Value(JobStatus.PROCESSING)),
        completed_at=Case(When(nothing_left, then=ClockTimestamp()), default=None),
        paused_seconds=F("paused_seconds") + Coalesce(stood_still, 0.0),
        stopped_at=None,
        run_id=RandomUUID(),
        noticed="",
        reason=Reason.NONE,
        reason_note="",
        refusals=0,
        refusal_name="",
    )
    record_outcome(job.pk)
    return _done(job, moved, to=JobStatus.PROCESSING, verb="resumed", also=(*RUNNING, JobStatus.COMPLETED))


def _check_next_call(job: BatchJob, *, budget: Decimal) -> None:
    """Raise WouldPauseAgain if the budget or the month does not cover the call that would be made next."""
    worst = _find_next_reservation(job)
    if worst is None:
        return
    if job.spent + job.reserved + worst > budget:
        raise WouldPauseAgain(job, budget="budget", least=job.spent + job.reserved + worst, next_call=worst)
    month = this_month(Workspace.objects.get(pk=job.workspace_id))  # its budget may just have been raised
    # While something of the workspace is in flight, its reply may give back enough.
    if month.budget is not None and not month.reserved and month.spent + worst > month.budget:
        raise WouldPauseAgain(job, budget="month", least=month.spent + worst, next_call=worst)


def _find_next_reservation(job: BatchJob) -> Decimal | None:
    """What the next call reserves, in USD. None when no item waits, or its call cannot be prepared: the engine says why."""
    waiting = BatchItem.objects.filter(job=job, status=ItemStatus.QUEUED).order_by("crashes", "position")
    item_id = waiting.values_list("pk", flat=True).first()
    try:
        call = prepare_item(item_id) if item_id else None
    except (
        UnknownKey,
        UnknownModel,
        UnknownPrice,
        ValuesError,
        TemplateSyntax,
        VariableError,
        TargetDeleted,
    ):
        return None
    return call.reservation if call else None


def change_budget(job: BatchJob, *, budget_usd: Decimal, by: User | None) -> BatchJob:
    """Another limit for a job that stands still. Raises PlanError unless it covers what is spent and one call more."""
    fits = Q(spent__lte=Value(budget_usd) - F("reserved") - F("worst_item_usd"))
    moved = move_job(
        job,
        by=by,
        action=Action.CHANGE_BUDGET,
        from_=RESUMABLE,
        fits=fits,
        told=["budget_usd"],
        budget_usd=budget_usd,
    )
    job.refresh_from_db()
    if moved:
        return job
    if job.status not in RESUMABLE:
        raise StaleState("batch", verb="given another budget", status=job.status)
    least = (job.spent + job.reserved + job.worst_item_usd).quantize(CENT, rounding=ROUND_UP)
    problem = f"{format_usd(budget_usd)} does not cover what is spent and the worst case of one call more: at least ${least} does."
    raise PlanError([RowProblem(None, "budget", problem)])


def cancel(job: BatchJob, *, by: User | None) -> BatchJob:
    """Final: what is in flight finishes and is kept, the rest is cancelled.

    The job first and committed, then the sweep in a transaction of its own: together they deadlock with a claim.
    """
    moved = move_job(
        job,
        by=by,
        action=Action.CANCEL,
        from_=(*CANCELLABLE, JobStatus.DRAFT),
        status=JobStatus.CANCELLED,
        stopped_at=Coalesce(F("stopped_at"), ClockTimestamp()),
    )
    done = _done(job, moved, to=JobStatus.CANCELLED, verb="cancelled")
    sweep_cancelled(job.pk)
    return done


def sweep_cancelled(job_id: UUID | None = None) -> int:
    """Cancel what cancelled jobs still have in the queue; returns how many items."""
    swept = BatchItem.objects.filter(job__status=JobStatus.CANCELLED, status=ItemStatus.QUEUED)
    if job_id is not None:
        swept = swept.filter(job_id=job_id)
    return cancel_items(swept)


@transaction.atomic
def move_job(
    job: BatchJob,
    *,
    by: User | None,
    action: Action,
    from_: Sequence[JobStatus],
    fits: Q | None = None,
    told: Sequence[str] = ("status",),
    **fields: Any,
) -> bool:
    """Set these fields of a job that is in one of these states; False where it is not.

    The job's row is locked first, so that the audit log tells exactly what `told` was before.
    """
    rows = BatchJob.objects.filter(pk=job.pk)
    before = rows.select_for_update(no_key=True).values(*told).first()
    if before is None or not rows.filter(fits or Q(), status__in=from_).update(**fields):
        return False
    job.refresh_from_db(fields=told)
    earlier, now = find_differences(_in_words(before), _in_words({name: getattr(job, name) for name in told}))
    if now:
        record(action=action, kind=TargetKind.BATCH, target=job, by=by, before=earlier, after=now)
    return True


def _in_words(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A priority by its word: its number says nothing to who reads the history."""
    return {name: Priority(value).label if name == "priority" else value for name, value in fields.items()}


def _done(
    job: BatchJob, moved: bool, *, to: JobStatus, verb: str, also: Sequence[JobStatus] = ()
) -> BatchJob:
    job.refresh_from_db()
    if not moved and job.status not in (to, *also):
        raise StaleState("batch", verb=verb, status=job.status)
    return job
