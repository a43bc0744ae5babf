"""Jobs for flow tests, made as the web and the terminal make them."""

from decimal import Decimal
from typing import Any

from batches.actions.jobs import start_batch
from batches.models import BatchJob
from batches.planning.plan import cut, starter_plan
from workspaces.models import User


def start_starter_job(
    owner: User, *, limit: int | None = None, concurrency: int = 10, **settings: Any
) -> BatchJob:
    """The starter plan, or its first `limit` items, started; beyond 90 it begins anew."""
    workspace = owner.personal_workspace()
    budget = settings.pop("budget_usd", Decimal(50))
    plan = cut(starter_plan(workspace) * (1 + (limit or 0) // 90), limit=limit or 90, seed=None)
    return start_batch(
        workspace=workspace,
        plan=plan,
        by=owner,
        name="flow",
        concurrency=concurrency,
        budget_usd=budget,
        **settings,
    )
