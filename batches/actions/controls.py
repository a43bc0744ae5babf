"""Controls of a batch that is under way or has ended: change it, try its failures again, copy it, use a paid reply.

Atomic, keyword-only, `by=` the person. Starting, pausing, resuming and cancelling are in `batches.actions.jobs`.
"""

from collections.abc import Sequence
from decimal import ROUND_UP, Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, Value

from batches.actions.jobs import find_concurrency_problems, move_job, start_batch
from batches.engine.stored_replies import use_stored_reply, was_reply_removed
from batches.models import BatchItem, BatchJob, PaidRequest
from batches.models.states import (
    CHANGEABLE,
    RETRYABLE,
    RUNNING,
    ErrorHandling,
    ItemKind,
    ItemStatus,
    JobKind,
    Priority,
)
from batches.planning.estimate.budgets import CENT, room_for_calls
from batches.planning.estimate.estimate import Estimate, estimate_now
from batches.planning.freezing import read_plan
from batches.planning.plan import PlanError, PlannedItem, cut
from conversations.models import Conversation
from lib.amounts import format_usd
from lib.row_problems import RowProblem
from lib.stale_state import StaleState
from workspaces.audit import find_differences, record
from workspaces.models import RequestKey, User
from workspaces.states import Action, TargetKind


class BudgetTooLow(ValueError):
    """A budget below what is spent and set aside for the calls in flight. Answered as HTTP 409."""

    def __init__(self, wanted: Decimal, *, least: Decimal) -> None:
        self.least = least.quantize(CENT, rounding=ROUND_UP)
        super().__init__(
            f"{format_usd(wanted)} is less than what is spent and set aside for the calls in flight: at least ${self.least} is needed."
        )


# --- change ---------------------------------------------------------------------------------------------


def change(
    job: BatchJob,
    *,
    by: User | None,
    concurrency: int | None = None,
    priority: Priority | None = None,
    budget_usd: Decimal | None = None,
) -> BatchJob:
    """Other settings for a batch that has not ended, running or not; what is None stays.

    The next claim goes by them. A lower concurrency lets the calls in flight finish. Raises PlanError for a
    concurrency above the ceiling, BudgetTooLow, StaleState; then nothing is changed.
    """
    if concurrency is not None and (problems := find_concurrency_problems(concurrency)):
        raise PlanError(problems)
    wanted = {"concurrent_processing": concurrency, "priority": priority, "budget_usd": budget_usd}
    fields: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    fits = Q() if budget_usd is None else Q(spent__lte=Value(budget_usd) - F("reserved"))
    moved = fields and move_job(
        job, by=by, action=Action.CHANGE, from_=CHANGEABLE, fits=fits, told=list(fields), **fields
    )
    job.refresh_from_db()
    if fields and not moved:
        if job.status not in CHANGEABLE or budget_usd is None:
            raise StaleState("batch", verb="changed", status=job.status)
        raise BudgetTooLow(budget_usd, least=job.spent + job.reserved)
    return job


# --- retry ----------------------------------------------------------------------------------------------

# Every failed item that is meant, locked in one order. A late reply that comes first takes its item away from here.
REQUEUE = """
WITH failed AS (
    SELECT id FROM batch_items WHERE job_id = %(job)s AND status = 'failed'
       AND (%(kind)s::text IS NULL OR error_kind = %(kind)s) AND (%(items)s::uuid[] IS NULL OR id = ANY(%(items)s))
     ORDER BY id FOR NO KEY UPDATE)
UPDATE batch_items i SET status = 'queued', attempt = 0, crashes = 0, run_after = NULL, rung_at = NULL, ended_at = NULL,
       error_kind = '', error_message = '', retried_at = clock_timestamp()
  FROM failed WHERE i.id = failed.id
"""
REOPEN = """
UPDATE batch_jobs SET status = CASE WHEN status = 'queued' THEN 'queued' ELSE 'processing' END,
       failed_items = failed_items - %(n)s, reason = '', reason_note = '', noticed = '',
       refusals = 0, refusal_name = '',
       budget_usd = greatest(budget_usd, %(budget)s::numeric),
       paused_seconds = paused_seconds
           + coalesce(extract(epoch FROM clock_timestamp() - coalesce(stopped_at, completed_at)), 0),
       stopped_at = NULL, completed_at = NULL, run_id = gen_random_uuid()
 WHERE id = %(job)s AND status = ANY(%(from)s)
"""


def retry_failed(
    job: BatchJob,
    *,
    by: User | None,
    kind: str | None = None,
    items: Sequence[UUID] | None = None,
    budget_usd: Decimal | None = None,
    key: RequestKey | None = None,
) -> int:
    """Put failed items back into the queue: all, those of one error kind, or these; returns how many.

    The batch goes on, wherever it stood. `budget_usd` raises its budget, and never lowers it. The same key of the same
    person is carried out once. A reply of an item that is paid and kept is read before another is bought. Raises
    PlanError for items that the batch does not have, StaleState when nothing of it has failed or the batch is cancelled.
    """
    if (earlier := PaidRequest.objects.find_earlier(by, key)) is not None:
        return int(earlier.items)
    _check_items(job, items)
    try:
        return _retried(job, by=by, kind=kind, items=items, budget_usd=budget_usd, key=key)
    except IntegrityError:  # the same request at the same moment
        if (earlier := PaidRequest.objects.find_earlier(by, key)) is not None:
            return int(earlier.items)
        raise
    finally:
        job.refresh_from_db()


@transaction.atomic
def _retried(
    job: BatchJob,
    *,
    by: User | None,
    kind: str | None,
    items: Sequence[UUID] | None,
    budget_usd: Decimal | None,
    key: RequestKey | None,
) -> int:
    """The key first: who sends it again waits here and finds it. Then the items, and the job last."""
    sent = PaidRequest.objects.remember(job, by=by, sent=key)
    with connection.cursor() as cursor:
        meant: dict[str, Any] = {"job": job.pk, "kind": kind, "items": items and list(items)}
        cursor.execute(REQUEUE, meant)
        n = int(cursor.rowcount)
        if n == 0:
            return _nothing_failed(job, kind=kind, items=items)
        row = BatchJob.objects.filter(pk=job.pk)
        stored = row.select_for_update(no_key=True).values("status", "budget_usd").get()
        values: dict[str, Any] = {
            "job": job.pk,
            "n": n,
            "budget": budget_usd,
            "from": [each.value for each in RETRYABLE],
        }
        cursor.execute(REOPEN, values)
        if cursor.rowcount == 0:
            raise _stale(job, verb="tried again")
    if sent:
        PaidRequest.objects.filter(pk=sent.pk).update(items=n)
    before, after = find_differences(stored, row.values("status", "budget_usd").get())
    after = {"items": n, **({"error_kind": kind} if kind else {}), **after}
    record(action=Action.RETRY, kind=TargetKind.BATCH, target=job, by=by, before=before, after=after)
    return n


def _check_items(job: BatchJob, items: Sequence[UUID] | None) -> None:
    """Raises PlanError for items of another batch, and for those that are not there."""
    known = set(job.items.filter(pk__in=items).values_list("pk", flat=True)) if items else set()
    problems = [
        RowProblem(row, "itemIds", f"This batch has no item {key}.")
        for row, key in enumerate(items or (), start=1)
        if key not in known
    ]
    if problems:
        raise PlanError(problems)


def _nothing_failed(job: BatchJob, *, kind: str | None, items: Sequence[UUID] | None) -> int:
    """A retry that is under way already is no error."""
    if BatchJob.objects.filter(pk=job.pk, status__in=RUNNING).exists():
        return 0
    which = "none of these items" if items else "nothing of it"
    how = f" with the error kind {kind}" if kind else ""
    raise _stale(job, verb=f"tried again, because {which} has failed{how}")


def _stale(job: BatchJob, *, verb: str) -> StaleState:
    status = BatchJob.objects.values_list("status", flat=True).get(pk=job.pk)
    return StaleState("batch", verb=verb, status=status)


def retry_cost(job: BatchJob, n: int) -> Decimal:
    """About what `n` of its items cost: the mean of those that were paid, else of its estimate."""
    if job.completed_items and job.spent:
        return job.spent / (job.completed_items + job.failed_items) * n
    return Decimal(str(job.estimate.get("cost") or job.worst_item_usd)) / max(1, job.total_items) * n


def budget_for_retry(job: BatchJob, n: int) -> Decimal:
    """The budget that lets `n` more items be made, as many at once as the batch may: never below the one that is set."""
    in_flight = min(n, job.concurrent_processing)
    needed = job.spent + job.reserved + retry_cost(job, n) * Decimal("1.5")
    needed += room_for_calls(job.worst_item_usd, in_flight=in_flight)
    return max(job.budget_usd, needed.quantize(CENT, rounding=ROUND_UP))


def budget_for_rest(job: BatchJob) -> Decimal:
    """The budget that lets everything be made that is still in the queue."""
    return budget_for_retry(job, max(1, job.total_items - job.ended_items - job.in_flight))


# --- copy -----------------------------------------------------------------------------------------------


def _plan_of(job: BatchJob) -> list[PlannedItem]:
    """The items of a batch as the plan of another: the same versions, values and details in the same order."""
    return cut(read_plan(job), limit=None, seed=None)


def price_copy(job: BatchJob, *, concurrency: int, budget_usd: Decimal | None = None) -> Estimate:
    """What a copy would cost today. Raises one of CANNOT_PRICE."""
    return estimate_now(_plan_of(job), concurrency=concurrency, budget_usd=budget_usd)


def copied_name(job: BatchJob) -> str:
    return f"{job.name[:190]} (copy)"


def duplicate(
    job: BatchJob,
    *,
    by: User,
    name: str | None = None,
    concurrency: int | None = None,
    budget_usd: Decimal | None = None,
    priority: Priority | None = None,
    error_handling: ErrorHandling | None = None,
    key: RequestKey | None = None,
) -> BatchJob:
    """Start a batch of the same items, as new ones with ids of their own. What is None is taken from the old one.

    The budget is the default of today's estimate. Raises what `start_batch` raises.
    """
    return start_batch(
        workspace=job.workspace,
        plan=_plan_of(job),
        by=by,
        name=name or copied_name(job),
        concurrency=concurrency or min(job.concurrent_processing, settings.ENVIRONMENT.max_concurrency),
        error_handling=error_handling or ErrorHandling(job.error_handling),
        priority=priority or Priority(job.priority),
        budget_usd=budget_usd,
        idempotency_key=key,
        tier=job.tier,
        seed=job.seed,
        shared_parameters=job.shared_parameters,
        kind=JobKind(job.kind),
        copy_of=job,
    )


# --- use it ---------------------------------------------------------------------------------------------


def find_conversation_of(item: BatchItem) -> Conversation | None:
    """The conversation that an item has made or judged; None before that, and once it is deleted."""
    how = "judgements__batch_item" if item.kind == ItemKind.JUDGEMENT else "batch_item"
    found: Conversation | None = Conversation.objects.filter(**{how: item}).first()
    return found


def use_reply(item: BatchItem, *, by: User | None) -> Conversation:
    """Make the result of a cancelled or failed item from a reply that is paid and kept. It costs nothing.

    Returns its conversation. Made already is no error. Raises StaleState where no kept reply can be read.
    """
    if item.status == ItemStatus.COMPLETED or _use_reply(item, by=by):
        made = find_conversation_of(item)
        if made is not None:
            return made
    item.refresh_from_db()
    why = "it was removed because of its age" if was_reply_removed(item.pk) else "none can be read"
    raise StaleState("item", verb=f"completed by a kept reply: {why}", status=item.status)


@transaction.atomic
def _use_reply(item: BatchItem, *, by: User | None) -> bool:
    """Under the item's lock: of two people who ask at once only the first is recorded."""
    open_items = BatchItem.objects.exclude(status=ItemStatus.COMPLETED).filter(pk=item.pk)
    was_open = bool(open_items.select_for_update(no_key=True).values_list("pk"))
    used = use_stored_reply(item)
    if was_open and used:
        after = {"conversation": item.conversation_id, "item_id": item.pk}
        record(action=Action.USE_REPLY, kind=TargetKind.BATCH, target=item.job, by=by, after=after)
    return used
