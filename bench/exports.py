"""How quickly an export is written, and in how much memory: `python -m bench.exports [--rows N] [--format NAME] [--explain]`.

It starts a PostgreSQL of its own with 100,000 approved conversations of 12 turns, and runs the background job of one export in
this process: freezing, checking and writing, each with its conversations a second and the growth of the resident memory.
The goals are those of writing JSONL: 5,000 a second, and less than 50 MB from the end of the first chunk to the end of the file.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.support.database import start_own_database

GOAL_PER_SECOND = 5_000
GOAL_MB = 50
TURNS = 12
AT_ONCE = 5_000
# Each part has the same texts; here no two conversations are copies.
DIFFER = """
UPDATE conversation_turns t SET content = content || c.id
  FROM conversations c WHERE c.id = t.conversation_id AND c.status <> 'approved' AND t.turn_number = 1
"""
# With a hash of the turns as every conversation has one; here it needs to be different, no more.
APPROVE = """
UPDATE conversations SET status = 'approved', approved_at = now(), turn_count = %s,
                         content_hash = encode(sha256(convert_to(id::text, 'UTF8')), 'hex')
 WHERE status <> 'approved'
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--format", default="messages")
    parser.add_argument("--explain", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, start_own_database():
        measure(given.rows, given.format, Path(folder), explain=given.explain)


def measure(rows: int, name: str, folder: Path, *, explain: bool) -> None:
    from django.conf import settings  # noqa: PLC0415  Django is set up only now
    from django.core.management import call_command  # noqa: PLC0415

    from exports.running.actions import create_export  # noqa: PLC0415
    from workspaces.models import User  # noqa: PLC0415

    about: Any = settings.STORAGES["exports"]
    about["OPTIONS"]["location"] = folder
    call_command("migrate", verbosity=0, skip_checks=True)
    user = User.objects.create_user("bench")
    seed(user, rows)
    made = create_export(
        workspace=user.personal_workspace(),
        by=user,
        pauses=False,
        name="Bench",
        format=name,
        simulated=True,
        validation_percent=10,
    )
    with watch_steps(rows):
        run(made)
    made.refresh_from_db()
    assert made.finished_at, made.job and made.job.error
    print(f"{made.size / 1e6:,.0f} MB in {len(made.files)} files")
    if explain:
        show_plans(made)


def seed(user: Any, rows: int) -> None:
    """Approved conversations. The index for the search in turns would take most of the time, and no export looks at it."""
    from django.db import connection  # noqa: PLC0415

    from bench.support.seeding import analyze, seed_job  # noqa: PLC0415

    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX turn_text")
    for begin in range(0, rows, AT_ONCE):  # a statement about all of them would pass the statement timeout
        seed_job(user.personal_workspace(), size=min(AT_ONCE, rows - begin), turns=TURNS, running=False)
        with connection.cursor() as cursor:
            cursor.execute(DIFFER)
            cursor.execute(APPROVE, [TURNS])
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    analyze()  # a database at rest: autovacuum would clean up meanwhile
    print(f"{rows:,} conversations of {TURNS} turns, made in {time.perf_counter() - started:.0f} s")


def run(made: Any) -> None:
    from background.running import run_job  # noqa: PLC0415

    run_job(made.job_id, worker=uuid4(), stopping=threading.Event())


@contextmanager
def watch_steps(rows: int) -> Iterator[None]:
    """Print time and memory of each of the three parts of the job."""
    from exports.running import kinds  # noqa: PLC0415

    parts = {name: getattr(kinds, name) for name in ("freeze", "check", "write")}

    def timed(name: str) -> Any:
        def step(*given: Any) -> None:
            before, started = read_memory(), time.perf_counter()
            with peak_memory() as peak:
                parts[name](*given)
            seconds, grown = time.perf_counter() - started, peak[0] - before
            over = name == "write" and (rows / seconds < GOAL_PER_SECOND or grown > GOAL_MB)
            print(
                f"{name:8} {seconds:7.1f} s {rows / seconds:9,.0f} a second {grown:+7.1f} MB{'  OVER' if over else ''}"
            )

        return step

    for name in parts:
        setattr(kinds, name, timed(name))
    try:
        yield
    finally:
        for name, part in parts.items():
            setattr(kinds, name, part)


def read_memory() -> float:
    """The resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """The most that was resident meanwhile, looked at twenty times a second."""
    peak, ended = [read_memory()], threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            peak[0] = max(peak[0], read_memory())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def show_plans(made: Any) -> None:
    from django.db import connection  # noqa: PLC0415

    from exports.models import ExportItem  # noqa: PLC0415
    from exports.running.reading import CHUNK, TURNS  # noqa: PLC0415

    items = ExportItem.objects.filter(export=made, position__gt=1_000).order_by("position")
    print(items.values("position", "conversation__conversation_id")[:CHUNK].explain(analyze=True))
    keys = list(items.values_list("conversation", flat=True)[:CHUNK])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ANALYZE {TURNS}", {"keys": keys})
        print("\n".join(row[0] for row in cursor.fetchall()))


if __name__ == "__main__":
    main()
