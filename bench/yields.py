"""Database time of the yield's three queries at 100,000 conversations: `python -m bench.yields [--rows N] [--explain]`.

It starts a PostgreSQL of its own and fills it with conversations, their calls, and decisions about four in five of them. For
each query it prints the median and the slowest of 10 runs in ms, and with `--explain` PostgreSQL's plan.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

from bench.support.database import start_own_database

RUNS = 10
DECIDE = """
INSERT INTO conversation_decisions (id, workspace_id, conversation_id, created_by_id, who_name, on_behalf_of, from_status, to_status, note,
                                    reasons, revision, before)
SELECT gen_random_uuid(), workspace_id, id, %(user)s, 'bench', '', 'generated', 'rejected', '',
       (ARRAY['{leak}', '{too_short,unnatural}', '{}'])[1 + hashtext(id::text) %% 2 + 1]::varchar[], 1, '{}'
  FROM conversations WHERE status = 'rejected'
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--explain", action="store_true")
    given = parser.parse_args()
    with start_own_database():
        measure(given.rows, explain=given.explain)


def measure(rows: int, *, explain: bool) -> None:
    from django.core.management import call_command  # noqa: PLC0415  Django is set up only now
    from django.db import connection  # noqa: PLC0415

    from batches.reports.yields import YieldReport  # noqa: PLC0415
    from bench.support.seeding import analyze, seed_queue  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    user = User.objects.create_user("bench")
    seed_queue(user.personal_workspace(), size=rows, waiting=rows // 5)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(DECIDE, {"user": user.pk})
    analyze()
    report = YieldReport(user, simulated=True)
    print(f"{rows:,} conversations; median and slowest of {RUNS} runs in ms")
    for query, run in (
        (report.query_conversations, report.query_conversations),
        (report.query_calls, report.query_calls),
        (report.query_reasons, report.count_reasons),
    ):
        times = [time_query(run) for _ in range(RUNS)]
        print(f"{query.__name__:24} {statistics.median(times):8.1f} {max(times):8.1f}")
        if explain:
            print(query().explain(analyze=True, buffers=True))


def time_query(run: Callable[[], Iterable[Any]]) -> float:
    started = time.perf_counter()
    list(run())
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
