"""Jobs for measurements, started in the same way as by the web and the terminal."""

from dataclasses import replace
from decimal import Decimal

from batches.actions.jobs import start_batch
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchJob, limits
from batches.planning.plan import cut, starter_plan
from templates_app.packs.installing import install_pack
from workspaces.models import User

OWNER = "bench"
AMPLE = Decimal(1000)


def start_job(
    *,
    items: int,
    concurrency: int,
    per_minute: int,
    output_per_minute: int | None = None,
    budget_usd: Decimal | None = AMPLE,
) -> BatchJob:
    """Start a job of so many items (the starter plan, repeated) with these limits per minute. `budget_usd` None: as offered.

    Each item has a number in its prompt, so that the simulator answers each with another conversation, as Claude does.
    """
    user = User.objects.filter(username=OWNER).first() or User.objects.create_user(OWNER)
    workspace = user.personal_workspace()
    install_pack(workspace)
    set_limits(pools(), per_minute=per_minute, output_per_minute=output_per_minute or limits.MOST_PER_MINUTE)
    plan = starter_plan(workspace)
    plan = cut(plan * (1 + items // len(plan)), limit=items, seed=None)
    plan = [replace(item, details={**item.details, "Case": str(item.position)}) for item in plan]
    return start_batch(
        workspace=workspace,
        plan=plan,
        by=user,
        name=f"{items} items",
        concurrency=concurrency,
        budget_usd=budget_usd,
    )
