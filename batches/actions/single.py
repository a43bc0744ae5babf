"""One conversation: a job of one item, by the same path as every batch, on the queue that is served first."""

from collections.abc import Mapping
from typing import Any

from batches.actions.jobs import start_batch
from batches.models import BatchItem, BatchJob
from batches.models.states import JobKind
from batches.planning.estimate.estimate import Estimate, estimate_now
from batches.planning.plan import PlannedItem
from conversations.details import DetailsError, find_detail_problems
from templates_app.models import TemplateVersion
from templates_app.states import LONGEST_TOPIC
from workspaces.models import RequestKey, User


def plan_one(
    version: TemplateVersion,
    values: Mapping[str, Any],
    *,
    details: Mapping[str, str] | None = None,
    tier: str = "",
) -> list[PlannedItem]:
    """The plan of one item; without a tier it is of the template's. Raises DetailsError."""
    if problems := find_detail_problems(details or {}):
        raise DetailsError(problems)
    item = PlannedItem(
        position=1,
        tier=tier or version.template.tier,
        version=version,
        topic=str(values.get("topic") or "")[:LONGEST_TOPIC],
        parameters=dict(values),
        details=dict(details or {}),
    )
    return [item]


def price_one(plan: list[PlannedItem]) -> Estimate:
    """What it will cost. Raises one of CANNOT_PRICE."""
    return estimate_now(plan, concurrency=1)


def start_one(plan: list[PlannedItem], *, by: User, key: RequestKey | None = None) -> BatchItem:
    """Start it; the item becomes the conversation. The same key of the same person gives the same item.

    Raises what `start_batch` raises; then nothing is stored.
    """
    (item,) = plan
    job = start_batch(
        workspace=item.version.workspace,
        plan=plan,
        by=by,
        name=": ".join(part for part in (item.version.template.name, item.topic) if part),
        concurrency=1,
        idempotency_key=key,
        tier=item.tier,
        kind=JobKind.SINGLE,
    )
    return item_of(job)


def item_of(job: BatchJob) -> BatchItem:
    """The first item of a job: of a single one, the only one."""
    found: BatchItem = job.items.select_related("job").order_by("position")[0]
    return found
