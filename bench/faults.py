"""A batch with injected faults, seed by seed: `python -m bench.faults [--seeds N] [--first SEED] [--items 400] [--json FILE]`.

20 SIGKILLs of workers, 8 SIGSTOPs beyond the lease, 5 ended database sessions, 3 immediate restarts of the database, 5 FLUSHALL,
2 restarts of the broker and 3 kills of the dispatcher, in an order that the seed decides. The engine's times are divided by ten. The
simulator's ledger says what was paid. The exit code is 1 when a rule was broken.
"""

import argparse
import json
import os
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.support.stack import Servers, run_servers
from tests.support.simulator import RunningSimulator

FAULTS = {"kill": 20, "freeze": 8, "backend": 5, "postgres": 3, "flush": 5, "valkey": 2, "dispatcher": 3}
TIME_SCALE = 10
WORKERS, SLOTS, CONCURRENCY = 3, 5, 8
# Seconds of a call, quick and slow. The slower one is used while the items are ahead of the faults, so that each fault meets calls.
QUICK_S, SLOW_S = 0.7, 5.0
PAUSE_S = 1.0
COLUMNS = [
    "seed",
    "conversations",
    "twice",
    "partial",
    "again",
    "in_flight",
    "extra",
    "failed",
    "violations",
    "seconds",
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one seed. `again`: calls billed beyond one for each item. `in_flight`: the calls that were in flight at a kill or
    a stop, each of which may explain one of these. `extra`: those without such an explanation.
    """

    seed: int
    items: int
    conversations: int
    twice: int
    partial: int
    again: int
    in_flight: int
    extra: int
    failed: int
    violations: int
    seconds: float

    @property
    def good(self) -> bool:
        whole = self.conversations == self.items and not (self.twice or self.partial or self.failed)
        return whole and not self.extra and not self.violations and self.again <= self.in_flight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--json", type=Path, help="One line is appended for each seed.")
    given = parser.parse_args()
    found = []
    with run_servers(environment={"LORAPIPE_TIME_SCALE": str(TIME_SCALE)}) as servers:
        print(" ".join(f"{name:>13}" for name in COLUMNS), flush=True)
        for seed in range(given.first, given.first + given.seeds):
            found.append(run(servers, seed=seed, items=given.items))
            show(found[-1], given.json)
    sys.exit(not all(each.good for each in found))


def show(found: Outcome, file: Path | None) -> None:
    row = asdict(found)
    verdict = "" if found.good else "  BROKEN"
    print(" ".join(f"{row[name]:>13}" for name in COLUMNS) + verdict, flush=True)
    if file is not None:
        with file.open("a") as lines:
            lines.write(json.dumps(row) + "\n")


def run(servers: Servers, *, seed: int, items: int) -> Outcome:
    """Run one job with all faults, with workers and a dispatcher of its own."""
    from tests.support.engine import running_engine  # noqa: PLC0415  Django is set up by now
    from tests.support.fault_injection import FaultInjector, count_paid_again, wait_for_completion  # noqa: PLC0415
    from tests.support.own_servers import OwnServers  # noqa: PLC0415

    began = time.monotonic()
    servers.simulator.reset()
    servers.simulator.options(latency=QUICK_S, rpm=None, burst=None)
    own = OwnServers(servers.postgres, servers.valkey)
    logs = Path(servers.folder) / f"seed-{seed}"
    logs.mkdir()
    os.environ["REDIS_URL"] = own.valkey.url
    with running_engine(servers.simulator.url, logs, LORAPIPE_TIME_SCALE=str(TIME_SCALE)) as engine:
        injector = FaultInjector(engine=engine, servers=own, rng=random.Random(seed), slots=SLOTS)
        injector.start(workers=WORKERS)
        job = start(items)
        try:
            inject_faults(injector, job, servers.simulator)
            job = wait_for_completion(job, seconds=300)
        finally:
            servers.postgres, servers.valkey = own.postgres, own.valkey
    return judge(
        job,
        seed,
        count_paid_again(servers.simulator.ledger(), injector.excused),
        len(injector.excused),
        began,
    )


def start(items: int) -> Any:
    from bench.support.jobs import start_job  # noqa: PLC0415

    return start_job(items=items, concurrency=CONCURRENCY, per_minute=1_000_000)


def inject_faults(injector: Any, job: Any, simulator: RunningSimulator) -> None:
    """Inject all faults, each while calls are in flight."""
    from tests.support.fault_injection import retry_while_away  # noqa: PLC0415
    from tests.support.polling import wait_for  # noqa: PLC0415

    faults = [fault for fault, times in FAULTS.items() for _ in range(times)]
    injector.rng.shuffle(faults)

    def busy() -> bool:
        retry_while_away(job.refresh_from_db)
        return bool(job.in_flight > CONCURRENCY // 2 or job.status == "completed")

    for number, fault in enumerate(faults):
        wait_for(busy, seconds=120, what="calls are in flight")
        ahead = job.completed_items / job.total_items > number / len(faults)
        simulator.options(latency=SLOW_S if ahead else QUICK_S)
        injector.inject(fault)
        time.sleep(injector.rng.uniform(0, PAUSE_S))
    simulator.options(latency=QUICK_S)
    injector.resume_frozen(wait=True)


def judge(job: Any, seed: int, paid: Any, in_flight: int, began: float) -> Outcome:
    from django.db.models import Count, F  # noqa: PLC0415

    from batches.engine.invariants import one_snapshot, violations  # noqa: PLC0415
    from batches.models import Repair  # noqa: PLC0415
    from conversations.models import Conversation  # noqa: PLC0415

    mine = Conversation.objects.filter(batch_item__job=job)
    with one_snapshot():
        broken = violations()
    for each in broken:
        print(each, file=sys.stderr)
    return Outcome(
        seed=seed,
        items=job.total_items,
        conversations=mine.count(),
        twice=mine.count() - mine.values("batch_item").distinct().count(),
        partial=mine.annotate(n=Count("turns")).exclude(n=F("turn_count"), turn_count__gt=0).count(),
        again=paid.again,
        in_flight=in_flight,
        extra=paid.unexcused,
        failed=job.failed_items,
        violations=len(broken) + Repair.objects.count(),
        seconds=round(time.monotonic() - began, 1),
    )


if __name__ == "__main__":
    main()
