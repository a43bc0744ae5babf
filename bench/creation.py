"""How long it takes to start a batch of 10,000: `python -m bench.creation [--items N]`.

From the plan to the commit, as the web does it: render, check, price, give ids, store. It starts a PostgreSQL of its own with
durable commits. There are two plans: the starter plan repeated (13 personas), and one with a different persona for each item. The
goal is 3 s; the time of the status query on the new batch is printed below.
"""

import argparse
import cProfile
import pstats
import statistics
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from bench.support.database import start_own_database

if TYPE_CHECKING:
    from batches.planning.plan import PlannedItem
    from workspaces.models import User

RUNS = 3
GOAL_S, GOAL_STATUS_MS = 3.0, 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with start_own_database():
        measure(given.items, profile=given.profile)


def measure(items: int, *, profile: bool) -> None:
    from django.core.management import call_command  # noqa: PLC0415

    from batches.planning.plan import cut, starter_plan  # noqa: PLC0415
    from templates_app.packs.installing import install_pack  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    user: User = User.objects.create_user("bench")
    install_pack(user.personal_workspace())
    starter = starter_plan(user.personal_workspace())
    plan = cut(starter * (1 + items // len(starter)), limit=items, seed=None)
    other = [
        replace(item, parameters={**item.parameters, "persona": f"Person {item.position}"}) for item in plan
    ]
    for name, each in (("starter plan, over and over", plan), ("every persona another", other)):
        times = [time_start(user, each) for _ in range(RUNS)]
        typical = statistics.median(times)
        print(
            f"{items} items, {name:30} {typical:6.2f} s  ({', '.join(f'{run:.2f}' for run in times)})"
            f"{'' if typical < GOAL_S else '  OVER'}"
        )
    status(user)
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(time_start, user, plan)
        pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)


def time_start(user: "User", plan: "list[PlannedItem]") -> float:
    """Seconds of one start."""
    from batches.actions.jobs import start_batch  # noqa: PLC0415

    began = time.perf_counter()
    start_batch(
        workspace=user.personal_workspace(),
        plan=plan,
        by=user,
        name="bench",
        concurrency=10,
        budget_usd=Decimal(10_000),
    )
    return time.perf_counter() - began


def status(user: "User") -> None:
    from batches.models import BatchJob  # noqa: PLC0415
    from batches.reports.progress import progress  # noqa: PLC0415
    from bench.support.cases import database_ms  # noqa: PLC0415

    job = BatchJob.objects.visible_to(user).newest_first()[0]
    times = [database_ms(lambda: progress(job)) for _ in range(30)]
    typical = statistics.median(times)
    print(f"status query of it: {typical:.2f} ms{'' if typical < GOAL_STATUS_MS else '  OVER'}")


if __name__ == "__main__":
    main()
