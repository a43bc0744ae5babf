"""Jobs for flow tests, made as the web and the terminal make them."""

from decimal import Decimal
from typing import Any

from batches.actions.jobs import start_batch
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchJob
from batches.planning.plan import cut, starter_plan
from tests.support.starter_pack import bring_starter_pack
from workspaces.models import User

UNLIMITED = 1_000_000


def furnish(owner: User) -> None:
    """What a person needs to start batches: the starter pack, in an installation without a limit."""
    bring_starter_pack(owner.personal_workspace())
    set_limits(pools(), per_minute=UNLIMITED)


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
