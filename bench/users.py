"""Many users at once: 20 who poll a running batch and browse, among 10,000 conversations: python -m bench.users [--users N] [--seconds N].

Starts `./run` in a folder of its own and fills it. Each user has a page of the batch open, which asks for its progress every two seconds,
and opens another page every two to six seconds: lists, filters, searches, one conversation, the review, the dashboard. 95% of the answers
should take less than 200 ms. The first line is one user alone, in the same run.
"""

import argparse
import http.client
import random
import re
import threading
import time
from collections import defaultdict
from contextlib import closing
from itertools import count
from statistics import median, quantiles

from bench.strangers.half_open import ask, started

GOAL_S = 0.2  # 95th percentile
POLL_S = 2.0
BROWSE_S = (2.0, 6.0)
SEED = """
from analytics.rolling import roll_up
from bench.support.seeding import analyze, seed_job
from django.db import connection
from workspaces.models import User
connection.cursor().execute("SET statement_timeout = 0")
home = User.objects.get(username="owner").personal_workspace()
seed_job(home, size={size})
roll_up(everything=True)
analyze()
"""
BROWSED = (
    "/conversations/",
    "/conversations/?tier=scenario&status=pending_review",
    "/conversations/?q=mortgage",
    "/conversations/?sort=-created&page=7",
    "/dashboard/",
    "/analytics/?range=7d",
    "/batches/",
    "/review/",
    "/exports/",
    "/templates/",
    "/",
)


class Times:
    """The seconds of answers, by the path without its query."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.by_path: dict[str, list[float]] = defaultdict(list)
        self.failed: dict[str, int] = defaultdict(int)

    def take(self, port: int, path: str, headers: dict[str, str]) -> None:
        began = time.monotonic()
        try:
            status, answer = ask(port, "GET", path, None, headers)
        except OSError as error:
            status, answer = 0, None
            said = type(error).__name__
        else:
            said = str(status)
        took, name = time.monotonic() - began, path.partition("?")[0]
        with self._lock:
            self.by_path[name].append(took)
            if status not in (200, 204, 302):
                self.failed[f"{name} {said}"] += 1
        if answer is not None and status == 302:
            self.take(port, str(answer["Location"]), headers)

    def describe(self) -> str:
        waited = [each for times in self.by_path.values() for each in times]
        p95 = quantiles(waited, n=20)[-1]
        over = " OVER" if p95 > GOAL_S or self.failed else ""
        return (
            f"{len(waited)} answers: median {median(waited):.3f} s, p95 {p95:.3f} s, longest {max(waited):.3f} s{over}"
            f"; failed: {dict(self.failed)}"
        )


def use(port: int, headers: dict[str, str], job: str, ends_at: float, times: Times, number: int) -> None:
    """One user: the progress of the batch every two seconds, and another page now and then."""
    chance = random.Random(number)
    polls_at = time.monotonic() + chance.uniform(0, POLL_S)
    browses_at = time.monotonic() + chance.uniform(*BROWSE_S)
    for turn in count():
        now = min(polls_at, browses_at)
        if now > ends_at:
            return
        time.sleep(max(0.0, now - time.monotonic()))
        if polls_at <= browses_at:
            times.take(port, f"/batches/{job}/progress/?rev={turn}", {**headers, "HX-Request": "true"})
            polls_at = max(polls_at + POLL_S, time.monotonic())
        else:
            times.take(port, chance.choice(BROWSED), headers)
            browses_at = max(browses_at, time.monotonic()) + chance.uniform(*BROWSE_S)


def measure(port: int, headers: dict[str, str], job: str, *, users: int, seconds: float) -> Times:
    times, ends_at = Times(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=use, args=(port, headers, job, ends_at, times, number))
        for number in range(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--users", type=int, default=20)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--rows", type=int, default=10_000)
    chosen = options.parse_args()
    with started(["shell", "-v", "0", "-c", SEED.format(size=chosen.rows)]) as (port, headers, _):
        job = find_job(port, headers)
        for path in BROWSED:
            ask(port, "GET", path, None, headers)  # each process has compiled its templates
        print("one user:", measure(port, headers, job, users=1, seconds=min(20, chosen.seconds)).describe())
        times = measure(port, headers, job, users=chosen.users, seconds=chosen.seconds)
        print(f"{chosen.users} users:", times.describe())
        for name, waited in sorted(times.by_path.items()):
            print(f"  {len(waited):5} {name:60} median {median(waited):.3f} s, longest {max(waited):.3f} s")


def find_job(port: int, headers: dict[str, str]) -> str:
    """The id of the newest batch, from the list of batches."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as line:
        line.request("GET", "/batches/", headers=headers)
        found = re.search(r"/batches/([0-9a-f-]{36})/", line.getresponse().read().decode())
    if found is None:
        raise SystemExit("The batch that was made is not in the list.")
    return found[1]


if __name__ == "__main__":
    main()
