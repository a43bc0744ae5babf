"""Make a conversation anew: one at once, or many as a batch. The old version is replaced when the new one is stored, not before."""

from collections.abc import Sequence
from decimal import Decimal

from batches.actions.jobs import by_idempotency_key, start_batch
from batches.actions.single import item_of
from batches.models import BatchItem, BatchJob
from batches.models.states import OPEN_ITEMS, ErrorHandling, JobKind, Priority
from batches.planning.plan import PlanError, PlannedItem
from conversations.models import Conversation
from conversations.states import Status
from lib.row_problems import RowProblem
from workspaces.models import RequestKey, User


def regenerate_one(plan: Sequence[PlannedItem], *, by: User, key: RequestKey | None = None) -> BatchItem:
    """Start the plan of `plan_again` for one conversation, before all batches; the item becomes its new version.

    The same key of the same person gives the same item. Raises what `start_batch` raises; then nothing is stored.
    """
    (item,) = plan
    again = item.regeneration
    assert again is not None, "a plan of plan_again"
    job = start_batch(
        workspace=item.version.workspace,
        plan=plan,
        by=by,
        name=f"{again.conversation_id}: regenerate version {again.version}",
        concurrency=1,
        idempotency_key=key,
        tier=item.tier,
        kind=JobKind.SINGLE,
    )
    return item_of(job)


def regenerate_many(
    plan: Sequence[PlannedItem],
    *,
    by: User,
    name: str = "",
    concurrency: int | None = None,
    budget_usd: Decimal | None = None,
    error_handling: ErrorHandling = ErrorHandling.CONTINUE,
    priority: Priority = Priority.NORMAL,
    key: RequestKey | None = None,
) -> BatchJob:
    """Start a batch of new versions, by the plan of `plan_again`. All conversations are of one workspace.

    The same key of the same person gives the same batch. Raises what `start_batch` raises; then nothing is stored.
    """
    if (earlier := by_idempotency_key(by, key)) is not None:
        return earlier
    if not plan:
        raise PlanError([RowProblem(None, "", "No conversation is chosen: choose at least one.")])
    workspaces = {item.version.workspace_id for item in plan}
    if len(workspaces) > 1:
        problem = "They belong to different workspaces. Regenerate those of one workspace at a time."
        raise PlanError([RowProblem(None, "", problem)])
    return start_batch(
        workspace=plan[0].version.workspace,
        plan=plan,
        by=by,
        name=name or f"Regenerate {len(plan)} conversations",
        concurrency=concurrency,
        error_handling=error_handling,
        priority=priority,
        budget_usd=budget_usd,
        idempotency_key=key,
    )


def count_approved(conversations: Sequence[Conversation]) -> int:
    """How many would leave the dataset: their new version awaits a decision."""
    return sum(each.status == Status.APPROVED for each in conversations)


def find_running(conversation: Conversation) -> BatchItem | None:
    """The item that regenerates this version at the moment, if one does."""
    rows = BatchItem.objects.filter(regenerates=conversation, status__in=OPEN_ITEMS)
    return rows.order_by("-created_at").first()
