"""How close the engine comes to the provider's limits, and the CPU time of an item: `python -m bench.limits [--quick]`.

Three cases against the simulator, with a dispatcher and a worker of their own: 300 items under 600 requests a minute with a
burst of 10; 300 items under 80,000 output tokens a minute; and 1,000 items without a limit; all with 5 s of latency and 100
at once. The last one is compared with a plain asyncio loop over the SDK (the floor) in the same run. `--quick` takes a fifth of the
items; `--only limited|tokens|free` one case.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.support.stack import Meter, Servers, run_servers
from tests.support.simulator import RunningSimulator

LATENCY_S = 5.0
CONCURRENCY = 100
SLOTS = 110
PER_MINUTE = 600
UNLIMITED = 1_000_000
GOAL_SPAN = 1.05
GOAL_UNLIMITED = 1.06
GOAL_CPU_MS = 25.0
OUTPUT_PER_MINUTE = 80_000
GOAL_TOKENS = 0.90


@dataclass(frozen=True, kw_only=True)
class Run:
    """One job. Times in seconds, CPU time in milliseconds per item."""

    items: int
    calls: int
    refused: int
    output_tokens: int
    first_to_last_s: float
    first_to_end_s: float
    cpu_ms: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("limited", "tokens", "free"))
    given = parser.parse_args()
    share = 5 if given.quick else 1
    with run_servers(environment={"LORAPIPE_MAX_CONCURRENCY": str(CONCURRENCY)}) as servers:
        if given.only in (None, "limited"):
            show_limited(run(servers, items=300 // share, per_minute=PER_MINUTE, burst=10))
        if given.only in (None, "tokens"):
            show_tokens(run(servers, items=300 // share, output_per_minute=OUTPUT_PER_MINUTE))
        if given.only in (None, "free"):
            free = run(servers, items=1000 // share)
            show_free(free, floor_of(servers.simulator, calls=1000 // share))


def run(
    servers: Servers,
    *,
    items: int,
    per_minute: int | None = None,
    burst: int | None = None,
    output_per_minute: int | None = None,
) -> Run:
    """Run a job with an engine of its own, and wait for its end."""
    from batches.models import RateLimit  # noqa: PLC0415  Django is set up by now
    from bench.support.jobs import start_job  # noqa: PLC0415
    from tests.support.engine import fresh_engine, wait_for_end  # noqa: PLC0415

    simulator = servers.simulator
    simulator.reset()
    simulator.options(latency=LATENCY_S, jitter=0, rpm=per_minute, burst=burst, otpm=output_per_minute)
    RateLimit.objects.all().delete()  # otherwise the limits that the last case's server has reported would apply until this one reports its own
    logs = Path(servers.folder) / f"run-{items}-{per_minute}-{output_per_minute}"
    logs.mkdir()
    rate = {"RATE_LIMIT_RPM": str(per_minute or UNLIMITED), "LORAPIPE_WORKER_SLOTS": str(SLOTS)}
    if output_per_minute:
        rate["RATE_LIMIT_OTPM"] = str(output_per_minute)
    with fresh_engine(simulator.url, logs, LORAPIPE_TIME_SCALE="1", **rate) as engine:
        engine.start_dispatcher()
        worker = engine.start_worker(slots=SLOTS)
        groups = {
            "worker": [worker.pid],
            "dispatcher": [engine.processes[0].pid],
            "PostgreSQL": [servers.postgres.pid],
            "Valkey": [servers.valkey.pid],
        }
        meter = Meter(groups)
        job = start_job(
            items=items,
            concurrency=CONCURRENCY,
            per_minute=per_minute or UNLIMITED,
            output_per_minute=output_per_minute,
        )
        meter = Meter(groups)  # only from here: starting the job is not the work of the engine
        job = wait_for_end(job, seconds=1800)
        used = meter.used()
    assert job.completed_items == items, (job.status, job.completed_items)
    return of_ledger(simulator.ledger(), items=items, used=used)


def of_ledger(entries: Sequence[dict[str, Any]], *, items: int, used: dict[str, float]) -> Run:
    calls = [entry for entry in entries if entry["status"] is not None]
    first = min(entry["received_at"] for entry in calls)
    return Run(
        items=items,
        calls=len(calls),
        refused=sum(entry["status"] == 429 for entry in calls),
        output_tokens=sum(entry["output_tokens"] for entry in calls),
        first_to_last_s=max(entry["received_at"] for entry in calls) - first,
        first_to_end_s=max(entry["answered_at"] for entry in calls) - first,
        cpu_ms={name: 1000 * seconds / items for name, seconds in used.items()},
    )


def floor_of(simulator: RunningSimulator, *, calls: int) -> tuple[float, float]:
    """Seconds, and CPU milliseconds per call, of a plain asyncio loop."""
    simulator.reset()
    simulator.options(latency=LATENCY_S, jitter=0, rpm=None, burst=None, otpm=None)
    command = [sys.executable, "-m", "bench.support.floor", simulator.url, str(calls), str(CONCURRENCY)]
    wall, cpu = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(wall), 1000 * float(cpu) / calls


def show_limited(found: Run) -> None:
    span = found.items / PER_MINUTE * 60
    ratio = found.first_to_last_s / span
    print(
        f"\n{found.items} items, {LATENCY_S:.0f} s each, {PER_MINUTE} requests a minute, burst 10, {CONCURRENCY} at once"
    )
    line(
        "first to last request",
        f"{found.first_to_last_s:.1f} s",
        f"{ratio:.3f}x of {span:.0f} s",
        ratio <= GOAL_SPAN,
    )
    line("answers 429", str(found.refused), "", found.refused == 0)
    show_cpu(found)


def show_tokens(found: Run) -> None:
    """Print the case of output tokens. Its time is measured from start to start, because the last call's tokens are paid later."""
    per_call = found.output_tokens / found.calls
    used = (found.calls - 1) * per_call / (found.first_to_last_s / 60) / OUTPUT_PER_MINUTE
    print(f"\n{found.items} items, {LATENCY_S:.0f} s each, {OUTPUT_PER_MINUTE:,} output tokens a minute")
    line("used of the limit", f"{used:.1%}", f"{per_call:.0f} tokens a call", used >= GOAL_TOKENS)
    line("answers 429", str(found.refused), "", found.refused == 0)
    show_cpu(found, judged=False)  # at one item a second, the engine's idle cost is divided by few items


def show_free(found: Run, floor: tuple[float, float]) -> None:
    span = found.items / CONCURRENCY * LATENCY_S
    ratio = found.first_to_end_s / span
    print(f"\n{found.items} items, {LATENCY_S:.0f} s each, no limit, {CONCURRENCY} at once")
    line(
        "first call to last answer",
        f"{found.first_to_end_s:.1f} s",
        f"{ratio:.3f}x of {span:.0f} s",
        ratio <= GOAL_UNLIMITED,
    )
    line("  floor: asyncio and SDK", f"{floor[0]:.1f} s", f"{floor[0] / span:.3f}x")
    total = show_cpu(found)
    line("  floor: asyncio and SDK", f"{floor[1]:.1f} ms", f"ours is {total / floor[1]:.1f}x")


def show_cpu(found: Run, *, judged: bool = True) -> float:
    total = sum(found.cpu_ms.values())
    split = ", ".join(f"{name} {ms:.1f}" for name, ms in found.cpu_ms.items())
    line("CPU per item", f"{total:.1f} ms", split, not judged or total <= GOAL_CPU_MS)
    return total


def line(what: str, value: str, beside: str, good: bool = True) -> None:
    print(f"  {what:28} {value:>10}  {beside}{'' if good else '  OVER'}")


if __name__ == "__main__":
    main()
