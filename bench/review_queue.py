"""Database time of the review queue, and the time of bulk decisions: `python -m bench.review_queue [--rows N] [--waiting N]`.

It starts a PostgreSQL of its own and fills it with 100,000 conversations, 20,000 of which wait. For each order it prints the
median and the 95th percentile of 30 runs of the first page, of next and of previous, and of the count, with `SELECT 1`
for comparison; then the seconds that 1,000 and 10,000 decisions at once take, audit entry and all, and 1,000 and 5,000 by a job.
The goals: 10 ms, and 3 s for 1,000.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

from bench.support.database import start_own_database

RUNS = 30
GOAL_MS = 10.0
GOAL_S = 3.0  # for 1,000 decisions
PAGE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--waiting", type=int, default=20_000)
    given = parser.parse_args()
    with start_own_database():
        measure(given.rows, given.waiting)


def measure(rows: int, waiting: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415  Django is set up only now

    from bench.support.seeding import seed_queue  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("bench")
    seed_queue(user.personal_workspace(), size=rows, waiting=waiting)
    print(f"{rows} conversations, {waiting} waiting; median and p95 of {RUNS} runs in ms")
    for name, case in make_cases(user).items():
        times = time_case(case)
        median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(f"{name:32} {median:8.2f} {p95:8.2f} {'' if median < GOAL_MS else '  OVER'}")
    for count in (1_000, 10_000):
        seconds = time_decisions(user, count)
        over = "  OVER" if count == 1_000 and seconds > GOAL_S else ""
        print(f"{count:,} decisions at once: {seconds:.2f} s{over}")
    for count in (1_000, 5_000):
        print(f"{count:,} decisions by a background job: {time_job(user, count):.2f} s")


def make_cases(user: Any) -> dict[str, Callable[[], Any]]:
    from conversations.models import Conversation  # noqa: PLC0415
    from conversations.queue import QueueOrder, list_after, list_before, order_queue  # noqa: PLC0415
    from lib.paging import fetch_part  # noqa: PLC0415

    rows = Conversation.objects.visible_to(user).undecided()
    cases: dict[str, Callable[[], Any]] = {"floor: SELECT 1": select_one, "count": rows.count}
    for order in QueueOrder:
        ordered = order_queue(rows, order)
        middle = ordered[7_000]
        cases[f"{order}: first page"] = partial(fetch, ordered)
        cases[f"{order}: page and bounded count"] = partial(fetch_part, ordered, 0, PAGE, searched=False)
        cases[f"{order}: next"] = partial(list_after, rows, order, middle)
        cases[f"{order}: previous"] = partial(list_before, rows, order, middle)
    return cases


def time_case(case: Callable[[], Any]) -> list[float]:
    from bench.support.cases import database_ms  # noqa: PLC0415

    case()
    return [database_ms(case) for _ in range(RUNS)]


def time_decisions(user: Any, count: int) -> float:
    from conversations.bulk import decide_matching  # noqa: PLC0415
    from conversations.models import Conversation  # noqa: PLC0415
    from conversations.states import BulkAction  # noqa: PLC0415

    waiting = Conversation.objects.visible_to(user).undecided()
    chosen = Conversation.objects.filter(pk__in=list(waiting.values_list("pk", flat=True)[:count]))
    started = time.perf_counter()
    found = decide_matching(chosen, count, BulkAction.REJECT, by=user, note="Measured")
    assert found.changed == count
    return time.perf_counter() - started


def time_job(user: Any, count: int) -> float:
    """From the start of the job to its end, without the half second in which a worker is told about it."""
    from background.models import BackgroundJob  # noqa: PLC0415
    from background.running import run_job  # noqa: PLC0415
    from conversations.jobs.bulk import MOST_IN_REQUEST, decide_about_matching  # noqa: PLC0415
    from conversations.models import Conversation  # noqa: PLC0415
    from conversations.states import BulkAction  # noqa: PLC0415

    waiting = Conversation.objects.visible_to(user).undecided()
    chosen = Conversation.objects.filter(pk__in=list(waiting.values_list("pk", flat=True)[:count]))
    assert count > MOST_IN_REQUEST
    started = time.perf_counter()
    job = decide_about_matching(chosen, count, BulkAction.REJECT, by=user, note="Measured")
    assert isinstance(job, BackgroundJob)
    while job.is_open:  # after ten seconds it would give way to another job
        run_job(job.pk, worker=uuid4(), stopping=threading.Event())
        job.refresh_from_db()
    assert job.result["changed"] == count
    return time.perf_counter() - started


def fetch(ordered: Any) -> list[Any]:
    return list(ordered[:PAGE])


def select_one() -> None:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


if __name__ == "__main__":
    main()
