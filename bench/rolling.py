"""What a pass of the numbers by day costs at 100,000 conversations, in ms: `python -m bench.rolling [--rows N]`.

It starts a PostgreSQL of its own and fills it with conversations and their calls of the last day and a half. It prints the
median and the slowest of 5 passes over everything, over the days in which one row has changed, and over nothing, and of the
check that the numbers are what the rows say.
"""

import argparse
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

from bench.support.database import start_own_database

RUNS = 5
NO_ROWS: list[Any] = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with start_own_database():
        measure(rows)


def measure(rows: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415  Django is set up only now
    from django.db import connection  # noqa: PLC0415

    from analytics.invariants import find_wrong_days  # noqa: PLC0415
    from analytics.rolling import find_changed, replace, roll_up  # noqa: PLC0415
    from bench.support.seeding import analyze, seed_job  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # seeding takes its time
    seed_job(User.objects.create_user("bench").personal_workspace(), size=rows, turns=0, running=False)
    analyze()

    def ask_now() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0]

    def change_one() -> None:
        since = ask_now()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE conversations SET title = title WHERE id = (SELECT id FROM conversations LIMIT 1)"
            )
            replace(cursor, find_changed(cursor, since=since))

    def change_nothing() -> None:
        with connection.cursor() as cursor:
            assert find_changed(cursor, since=ask_now()) == NO_ROWS

    def check() -> None:
        with connection.cursor() as cursor:
            assert find_wrong_days(cursor, settled=ask_now()) == NO_ROWS

    print(f"{rows:,} conversations; median and slowest of {RUNS} runs in ms")
    tell("everything", lambda: roll_up(everything=True))
    tell("one conversation has changed", change_one)
    tell("nothing has changed", change_nothing)
    tell("the check", check)


def tell(name: str, run: Callable[[], object]) -> None:
    times = [time_one(run) for _ in range(RUNS)]
    print(f"{name:30} {statistics.median(times):8.1f} {max(times):8.1f}")


def time_one(run: Callable[[], object]) -> float:
    started = perf_counter()
    run()
    return (perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
