"""Jobs for flow tests, made as the web and the terminal make them."""

from decimal import Decimal
from typing import Any

from batches.actions.jobs import start_batch
from batches.models import BatchJob
from batches.planning.plan import cut, starter_plan
from templates_app.states import Tier
from tests.support.starter_pack import bring_starter_pack, lift_limits
from workspaces.models import User

TEMPLATE_ITEMS = 40


def furnish(owner: User) -> None:
    """What a person needs to start batches: the starter pack, in an installation without a limit."""
    bring_starter_pack(owner.personal_workspace())
    lift_limits()


def start_starter_job(
    owner: User, *, limit: int | None = None, concurrency: int = 10, **settings: Any
) -> BatchJob:
    """The starter plan, or its first `limit` items, started; beyond 90 it begins anew."""
    workspace = owner.personal_workspace()
    budget = settings.pop("budget_usd", Decimal(50))
    tiers = [Tier.TEMPLATE] if limit and limit <= TEMPLATE_ITEMS else None  # it begins with them
    plan = cut(starter_plan(workspace, tiers=tiers) * (1 + (limit or 0) // 90), limit=limit or 90, seed=None)
    return start_batch(
        workspace=workspace,
        plan=plan,
        by=owner,
        name="flow",
        concurrency=concurrency,
        budget_usd=budget,
        **settings,
    )
