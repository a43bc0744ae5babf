"""How long it takes to make and to show plans of 5,000 items: `python -m bench.plans [--items N]`.

It starts a PostgreSQL of its own in a temporary folder and requests the pages in this process, as a browser would: it posts
the form of the wizard (made), fetches the page of the plan with its estimate (shown), and fetches it again. The goal is 2 s.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.support.database import start_own_database

RUNS = 3
GOAL_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=5000)
    items = parser.parse_args().items
    with start_own_database():
        measure(items)


def measure(items: int) -> None:
    from bench.support.plan_cases import cases, fill  # noqa: PLC0415

    web = fill(items)
    web.get("/batches/")  # the first request imports
    print(f"{items:,} items; median of {RUNS} runs in seconds, and the size of the page")
    print(f"{'':10} {'made':>7} {'shown':>7} {'again':>7} {'bytes':>9}")
    for name, make in cases(web, items).items():
        rows = [time_pages(web, make) for _ in range(RUNS)]
        made, shown, again, size = (statistics.median(column) for column in zip(*rows, strict=True))
        late = "" if made + shown < GOAL_S else "  OVER"
        print(f"{name:10} {made:7.2f} {shown:7.2f} {again:7.2f} {size:9.0f}{late}")


def time_pages(web: Any, make: Callable[[], str]) -> tuple[float, float, float, float]:
    """Seconds until the plan is stored, and for its page the first and the second time; and the bytes of the page."""
    before = time.perf_counter()
    address = make()
    made = time.perf_counter()
    page = web.get(address)
    shown = time.perf_counter()
    web.get(address)
    again = time.perf_counter()
    return made - before, shown - made, again - shown, len(page.content)


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s in all")
