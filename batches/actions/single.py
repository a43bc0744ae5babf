"""One conversation: a job of one item, by the same path as every batch, on the queue that is served first."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from batches.actions.jobs import start_batch
from batches.models import BatchItem, BatchJob
from batches.models.states import JobKind
from batches.planning.estimate.estimate import Estimate, estimate
from batches.planning.plan import PlannedItem
from conversations.details import DetailsError, find_problems
from lib import clock
from templates_app.models import TemplateVersion
from workspaces.models import User


def plan_one(
    version: TemplateVersion,
    values: Mapping[str, Any],
    *,
    details: Mapping[str, str] | None = None,
    tier: str = "",
) -> list[PlannedItem]:
    """The plan of one item; without a tier it is of the template's. Raises DetailsError."""
    if problems := find_problems(details or {}):
        raise DetailsError(problems)
    item = PlannedItem(
        position=1,
        tier=tier or version.template.tier,
        version=version,
        topic=str(values.get("topic") or "")[:500],
        parameters=dict(values),
        details=dict(details or {}),
    )
    return [item]


def price_one(plan: list[PlannedItem]) -> Estimate:
    """What it will cost. Raises what `estimate` raises."""
    return estimate(
        plan,
        model=settings.ENVIRONMENT.anthropic_model,
        max_tokens=settings.ENVIRONMENT.anthropic_max_tokens,
        concurrency=1,
        on=clock.today(),
    )


def start_one(plan: list[PlannedItem], *, by: User, key: str | None = None) -> BatchItem:
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
