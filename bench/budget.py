"""Whether the budget that a start offers slows a batch down: 20 items, ten at once, with it and with $5.

    python -m bench.budget [--rounds N]

The real engine runs the same batch in turn with both budgets against the simulator, whose calls take one second, and the
times from the first claim to the end are compared. The goal is a ratio of at most 1.1. `tests/batches/engine/test_default_budget.py`
shows the cause without a clock: the number of calls in flight.
"""

import argparse
import statistics
import sys
from decimal import Decimal
from pathlib import Path

from bench.support.stack import run_servers

ITEMS, CONCURRENCY, PER_MINUTE = 20, 10, 1_000_000
LARGE = Decimal(5)
CALL_S = 1.0
GOAL = 1.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each of the two is run (default 5)")
    rounds = parser.parse_args().rounds
    with run_servers(environment={"RATE_LIMIT_RPM": str(PER_MINUTE)}) as servers:
        servers.simulator.options(latency=CALL_S, rpm=None, burst=None)
        offered, large = measure(rounds, simulator_url=servers.simulator.url, logs=servers.folder)
    ratio = statistics.median(offered) / statistics.median(large)
    print(f"offered budget  {format_seconds(offered)}")
    print(f"${LARGE} budget       {format_seconds(large)}")
    print(f"ratio of the medians {ratio:.3f}, goal {GOAL}")
    return 0 if ratio <= GOAL else 1


def measure(rounds: int, *, simulator_url: str, logs: Path) -> tuple[list[float], list[float]]:
    """Seconds of each run with the offered budget, and with the large one."""
    from bench.support.jobs import start_job  # noqa: PLC0415  Django is set up by then
    from tests.support.engine import fresh_engine, wait_for_end  # noqa: PLC0415

    found: dict[Decimal | None, list[float]] = {None: [], LARGE: []}
    with fresh_engine(simulator_url, logs, RATE_LIMIT_RPM=str(PER_MINUTE), LORAPIPE_TIME_SCALE="1") as engine:
        engine.start(slots=32)
        for _ in range(rounds):
            for budget, seconds in found.items():
                job = start_job(
                    items=ITEMS, concurrency=CONCURRENCY, per_minute=PER_MINUTE, budget_usd=budget
                )
                job = wait_for_end(job, seconds=120)
                assert job.completed_items == ITEMS, job.reason
                assert job.actual_seconds is not None
                seconds.append(job.actual_seconds)
    return found[None], found[LARGE]


def format_seconds(each: list[float]) -> str:
    return f"median {statistics.median(each):5.2f} s   (" + " ".join(f"{value:.2f}" for value in each) + ")"


if __name__ == "__main__":
    sys.exit(main())
