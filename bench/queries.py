"""Database time of the pages' and the API's queries on 10,000 conversations: `python -m bench.queries [--rows N] [--as-owner]`.

It starts a PostgreSQL of its own in a temporary folder, fills it, and prints the median and the 95th percentile of 30
runs of each, with `SELECT 1` in the same run for comparison: as the role of the web process, under row level security, as pages
ask. With `--as-owner` it is done without. The goal is below 10 ms at 10,000 conversations.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from bench.support.database import start_own_database

RUNS = 30
GOAL_MS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--as-owner", action="store_true")
    given = parser.parse_args()
    with start_own_database(durable=given.as_owner):
        measure(given.rows, as_owner=given.as_owner)


def measure(rows: int, *, as_owner: bool) -> None:
    from bench.support.cases import cases, fill  # noqa: PLC0415  Django is set up only now

    user, job = fill(rows)
    with nullcontext() if as_owner else as_web(user):
        timings = {name: time_case(case) for name, case in cases(user, job).items()}
    floor = statistics.median(timings["floor: SELECT 1"])
    print(f"{rows} conversations; median and p95 of {RUNS} runs in ms, median as a ratio to the floor")
    for name, times in timings.items():
        median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(
            f"{name:48} {median:8.2f} {p95:8.2f} {median / floor:8.1f}x {'' if median < GOAL_MS else '  OVER'}"
        )


@contextmanager
def as_web(user: Any) -> Iterator[None]:
    """As the web process asks for this person: another role, and with each statement the workspaces that it may touch."""
    from django.core.management import call_command  # noqa: PLC0415

    from tests.support.web_role import can_be_web, web_role  # noqa: PLC0415
    from workspaces.isolation.reach import Reach  # noqa: PLC0415

    call_command("setup_roles", verbosity=0)
    assert can_be_web()
    reach = Reach()
    reach.act_for(user)
    with web_role(), reach.entered():
        yield


def time_case(case: Callable[[], int]) -> list[float]:
    """Milliseconds of database time in each run: that of the queries, without turning rows into objects."""
    from bench.support.cases import database_ms  # noqa: PLC0415

    case()
    return [database_ms(case) for _ in range(RUNS)]


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s in all")
