"""What a slot costs, as a thread or as a coroutine: `python -m bench.slots [--items N] [--in-flight N] [--seconds S]`.

Both run the real steps (prepare, claim, ask, file) against PostgreSQL and the simulator, without Celery, each in a
process of its own: `threads` with a thread per slot and the sharded clients of `claude/client.py`; `asyncio` with a
coroutine per slot over the SDK's aiohttp transport, and eight threads for Django's ORM, which is synchronous.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from uuid import UUID

from bench.limits import line
from bench.support.stack import Meter, Servers, rss_mb, run_servers

GOAL = 1.20  # threads, the simpler way, stay if they cost at most a fifth more


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--in-flight", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a call")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--run", choices=("threads", "asyncio"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(given.run, given.in_flight)
        return
    ceiling = {"LORAPIPE_MAX_CONCURRENCY": "1000", "LORAPIPE_WORKER_SLOTS": str(given.in_flight)}
    with run_servers(environment={**ceiling, "RATE_LIMIT_RPM": "1000000"}) as servers:
        for round_ in range(given.rounds):
            found = {way: measure(servers, way, given) for way in ("threads", "asyncio")}
            show(found, given, round_ + 1)


def measure(servers: Servers, way: str, given: argparse.Namespace) -> dict[str, float]:
    """Run a job in a process of its own: seconds, CPU milliseconds per item, memory in MB."""
    from bench.support.jobs import start_job  # noqa: PLC0415  Django is set up by now

    servers.simulator.reset()
    servers.simulator.options(latency=given.seconds, jitter=0, rpm=None, burst=None)
    job = start_job(items=given.items, concurrency=given.in_flight, per_minute=1_000_000)
    database = Meter({"PostgreSQL": [servers.postgres.pid]})
    command = [sys.executable, "-m", "bench.slots", "--run", way, "--in-flight", str(given.in_flight)]
    environment = {**os.environ, "BENCH_JOB": str(job.pk)}
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    job.refresh_from_db()
    assert job.completed_items == given.items, (way, job.status, job.completed_items)
    found["process_ms"] = 1000 * found.pop("cpu") / given.items
    found["postgres_ms"] = 1000 * database.used()["PostgreSQL"] / given.items
    return found


def show(found: dict[str, dict[str, float]], given: argparse.Namespace, round_: int) -> None:
    span = given.items / given.in_flight * given.seconds
    print(
        f"\nround {round_}: {given.items} items, {given.seconds:.0f} s each, {given.in_flight} in flight, at best {span:.0f} s"
    )
    for way, each in found.items():
        line(f"{way}, wall", f"{each['wall']:.1f} s", f"{each['wall'] / span:.3f}x")
        line(
            "  CPU per item",
            f"{each['process_ms'] + each['postgres_ms']:.1f} ms",
            f"process {each['process_ms']:.1f}, PostgreSQL {each['postgres_ms']:.1f}",
        )
        line("  memory", f"{each['rss']:.0f} MB", "")
    cpu = {way: each["process_ms"] + each["postgres_ms"] for way, each in found.items()}
    ratio = cpu["threads"] / cpu["asyncio"]
    line("threads / asyncio, CPU", f"{ratio:.2f}", "", ratio <= GOAL)


def run(way: str, in_flight: int) -> None:
    """In the measured process: run every item of the job, then print the measurements."""
    sys.argv[0] = "celery"  # as a worker's process, which takes its connections from a pool
    from bench.support import slot_ways  # noqa: PLC0415  it sets Django up, and loads the SDK

    items, worker_id = slot_ways.prepare(UUID(os.environ["BENCH_JOB"]), slots=in_flight)
    began, cpu = time.monotonic(), time.process_time()
    slot_ways.WAYS[way](items, worker_id, in_flight)
    used = {"wall": time.monotonic() - began, "cpu": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**used, "rss": max(peak, rss_mb(os.getpid()))}))


if __name__ == "__main__":
    main()
