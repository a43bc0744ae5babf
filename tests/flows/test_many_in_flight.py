"""200 calls in flight in one worker process: what it takes in memory and connections, and how the web feels meanwhile."""

import math
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from batches.models import BatchJob
from lorapipe.queues import Queue
from tests.support.engine import Engine, wait_for_end
from tests.support.fork_server import Process
from tests.support.invariants import assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.actions import create_token
from workspaces.models import User

pytestmark = pytest.mark.slow
IN_FLIGHT = 200
ITEMS = 2 * IN_FLIGHT
ROUNDS = 20


def test_two_hundred_calls_at_once(
    owner: User, engine: Engine, fast_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ceiling = replace(settings.ENVIRONMENT, max_concurrency=IN_FLIGHT)
    monkeypatch.setattr(settings, "ENVIRONMENT", ceiling)
    fast_simulator.options(latency=20)
    # The engine's real times: what is measured here is not how fast it reaps.
    engine.environment |= {"LORAPIPE_WORKER_SLOTS": "220", "LORAPIPE_TIME_SCALE": "1"}
    web = engine.start_web()
    engine.start_worker(queue=Queue.INTERACTIVE, slots=2)
    worker = engine.start(slots=220)
    job = start_starter_job(owner, limit=ITEMS, concurrency=IN_FLIGHT)
    wait_for(lambda: in_flight(job) == IN_FLIGHT, seconds=60, what="200 calls are in flight")
    times = answer_times(web, job, owner)
    assert in_flight(job) >= IN_FLIGHT * 0.9, "they were still in flight while the web was asked"
    connections = most_connections_until_end(job)
    job = wait_for_end(job)
    memory = peak_memory_mb(worker)
    print(f"{times}, {memory:.0f} MB, {connections} connections")
    assert job.completed_items == ITEMS
    assert memory < 300
    assert connections < 30
    assert max(times.values()) < 0.2
    assert_invariants()


def in_flight(job: BatchJob) -> int:
    return BatchJob.objects.get(pk=job.pk).in_flight


def answer_times(web: str, job: BatchJob, owner: User) -> dict[str, float]:
    """Seconds that nine of ten answers stay below, by path, asked in turn."""
    client = Client()
    client.force_login(owner)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    token = create_token(owner, name="test")
    asked = {
        "/healthz": {},
        f"/batches/{job.pk}/": {"Cookie": cookie},
        f"/api/conversations/batch/{job.pk}/status": {"Authorization": f"Bearer {token}"},
    }
    taken: dict[str, list[float]] = {path: [] for path in asked}
    for path, headers in list(asked.items()) * ROUNDS:
        taken[path].append(seconds_for(f"{web}{path}", headers))
    return {path: sorted(times)[math.ceil(len(times) * 0.9) - 1] for path, times in taken.items()}


def seconds_for(url: str, headers: dict[str, str]) -> float:
    begun = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        assert answer.status == 200
        assert answer.url == url, "not sent to the sign-in page"
        answer.read()
    return time.monotonic() - begun


def peak_memory_mb(process: Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def engine_connections() -> int:
    """Of all processes but this one, which is no part of a stack."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def most_connections_until_end(job: BatchJob) -> int:
    """Looks ten times a second: the most are open when a wave of replies is filed."""
    seen = [engine_connections()]

    def ended() -> bool:
        seen.append(engine_connections())
        return in_flight(job) == 0

    wait_for(ended, seconds=150, every=0.1, what="nothing is in flight any more")
    return max(seen)
