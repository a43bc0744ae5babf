"""The throughput of one machine: `python -m bench.engine [--quick] [--only saturation|free|naive]`.

Saturation: 1,000 requests a minute, 20 s a call (about 333 in flight), 3,000 items, one worker process, everything on
this machine. Free: no limit, 5 s a call, 900 at once; it shows the maximum, and what limits it. Naive: the calls of
saturation with one Celery task for each item, as tutorials do it. All of them are compared with a plain asyncio loop over
the SDK in the same run. `--quick` uses a tenth of the items and a quarter of the time of a call.
"""

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.limits import line
from bench.support.stack import Meter, Servers, cpu_seconds, rss_mb, run_servers

PER_MINUTE = 1000
SAMPLE_S = 5.0
GOAL_SHARE = 0.95
GOAL_CPU_MS = 25.0
GOAL_GROWTH = 1.10


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. `latency`: seconds of a call. `settled`: seconds after the start from which the rate is measured."""

    name: str
    items: int
    latency: float
    concurrency: int
    per_minute: int | None
    settled: float


@dataclass
class Samples:
    """Samples of memory and CPU time of one process while a case runs."""

    pid: int
    rows: list[tuple[float, float, float]] = field(default_factory=list)

    @contextmanager
    def sample(self) -> Iterator[None]:
        ended, began = threading.Event(), time.monotonic()

        def take() -> None:
            while not ended.wait(SAMPLE_S):
                self.rows.append((time.monotonic() - began, rss_mb(self.pid), cpu_seconds(self.pid)))

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def growth(self, *, after: float) -> float:
        """The highest memory after that second, divided by the memory at that second."""
        later = [memory for at, memory, _ in self.rows if at >= after and memory]
        return max(later) / later[0] if later else 1.0

    def most_mb(self) -> float:
        return max((memory for _, memory, _ in self.rows), default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("saturation", "free", "naive"))
    given = parser.parse_args()
    cases = {each.name: each for each in cases_of(quick=given.quick)}
    with run_servers(environment={"LORAPIPE_MAX_CONCURRENCY": "1000"}) as servers:
        for name, case in cases.items():
            if given.only in (None, name):
                (naive if name == "naive" else ours)(servers, case)
        if given.only is None:
            floor(servers, cases["free"])


def cases_of(*, quick: bool) -> list[Case]:
    items, share = (300, 4) if quick else (3000, 1)
    settled = 60.0 / share
    return [
        Case(
            name="saturation",
            items=items,
            latency=20 / share,
            concurrency=400,
            per_minute=PER_MINUTE,
            settled=settled,
        ),
        Case(name="free", items=items, latency=5.0, concurrency=900, per_minute=None, settled=10.0),
        Case(
            name="naive",
            items=items,
            latency=20 / share,
            concurrency=400,
            per_minute=PER_MINUTE,
            settled=settled,
        ),
    ]


def ours(servers: Servers, case: Case) -> None:
    from bench.support.jobs import start_job  # noqa: PLC0415  Django is set up by now
    from tests.support.engine import fresh_engine, wait_for_end  # noqa: PLC0415

    prepare(servers, case)
    limit = str(case.per_minute or 1_000_000)
    slots = case.concurrency + 10
    environment = {"LORAPIPE_TIME_SCALE": "1", "RATE_LIMIT_RPM": limit, "LORAPIPE_WORKER_SLOTS": str(slots)}
    logs = Path(servers.folder) / case.name
    logs.mkdir()
    with fresh_engine(servers.simulator.url, logs, **environment) as engine:
        engine.start_dispatcher()
        worker = engine.start_worker(slots=slots)
        job = start_job(items=case.items, concurrency=case.concurrency, per_minute=int(limit))
        meter = Meter(
            {
                "worker": [worker.pid],
                "dispatcher": [engine.processes[0].pid],
                "PostgreSQL": [servers.postgres.pid],
                "Valkey": [servers.valkey.pid],
            }
        )
        samples, began = Samples(worker.pid), time.monotonic()
        with samples.sample():
            job = wait_for_end(job, seconds=1200)
        show(case, servers.simulator.ledger(), meter.used(), samples, seconds=time.monotonic() - began)
        line("conversations", str(job.completed_items), f"of {case.items}", job.completed_items == case.items)


def naive(servers: Servers, case: Case) -> None:
    from bench.support.naive import count_stored, send  # noqa: PLC0415
    from tests.support.simulator import end_with_us  # noqa: PLC0415

    prepare(servers, case)
    words = [
        "-m",
        "celery",
        "-A",
        "bench.support.naive",
        "worker",
        "-P",
        "threads",
        "-c",
        str(case.concurrency),
        "-l",
        "ERROR",
    ]
    worker = subprocess.Popen(
        end_with_us([sys.executable, *words]),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        meter = Meter(
            {"worker": [worker.pid], "PostgreSQL": [servers.postgres.pid], "Valkey": [servers.valkey.pid]}
        )
        samples, began = Samples(worker.pid), time.monotonic()
        send(case.items)
        with samples.sample():
            while count_stored()[1] < case.items and time.monotonic() - began < 600:
                time.sleep(0.2)
        show(case, servers.simulator.ledger(), meter.used(), samples, seconds=time.monotonic() - began)
        rows, distinct = count_stored()
        line(
            "conversations",
            str(distinct),
            f"of {case.items}, {rows - distinct} twice",
            distinct == case.items,
        )
    finally:
        worker.terminate()
        worker.wait(30)


def floor(servers: Servers, case: Case) -> None:
    """The calls of the case `free` in a plain asyncio loop."""
    prepare(servers, case)
    command = [
        sys.executable,
        "-m",
        "bench.support.floor",
        servers.simulator.url,
        str(case.items),
        str(case.concurrency),
    ]
    wall, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    print("\nfloor: asyncio and SDK, the calls of the free case")
    line("in all", f"{float(wall):.1f} s", f"{case.items / float(wall):.1f} items/s")
    line("CPU per item", f"{1000 * float(cpu) / case.items:.1f} ms", "")


def prepare(servers: Servers, case: Case) -> None:
    servers.simulator.reset()
    servers.simulator.options(latency=case.latency, jitter=0.05, rpm=case.per_minute, burst=None)


def show(
    case: Case, entries: Sequence[dict[str, Any]], used: dict[str, float], samples: Samples, *, seconds: float
) -> None:
    limit = f"{case.per_minute} requests a minute" if case.per_minute else "no limit"
    print(f"\n{case.name}: {case.items} items, {case.latency:g} s each, {limit}, {case.concurrency} slots")
    times = sorted(entry["received_at"] for entry in entries if entry["status"] not in (None, 429))
    refused = sum(entry["status"] == 429 for entry in entries)
    settled = [moment for moment in times if moment - times[0] >= case.settled]
    rate = 60 * (len(settled) - 1) / (settled[-1] - settled[0]) if len(settled) > 1 else 0.0
    if case.per_minute:
        line(
            "requests a minute, settled",
            f"{rate:.0f}",
            f"{rate / case.per_minute:.1%} of the limit",
            rate >= GOAL_SHARE * case.per_minute,
        )
    line("in all", f"{seconds:.1f} s", f"{case.items / seconds:.1f} items/s")
    line("answers 429", str(refused), "", refused == 0)
    total = sum(used.values())
    split = ", ".join(f"{name} {1000 * cpu / case.items:.1f}" for name, cpu in used.items())
    line(
        "CPU per item", f"{1000 * total / case.items:.1f} ms", split, 1000 * total / case.items <= GOAL_CPU_MS
    )
    busy = ", ".join(f"{name} {cpu / seconds:.0%}" for name, cpu in used.items())
    line("CPU busy", f"{total / seconds:.0%}", f"of one core: {busy}")
    growth = samples.growth(after=2 * case.settled)
    line(
        "worker memory",
        f"{samples.most_mb():.0f} MB",
        f"{growth - 1:+.0%} after it has settled",
        growth < GOAL_GROWTH,
    )


if __name__ == "__main__":
    main()
