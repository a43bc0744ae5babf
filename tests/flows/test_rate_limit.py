"""The limit as the provider sees it: at it, and never over it."""

from django.conf import settings

from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from workspaces.models import User

PER_MINUTE = 300
ITEMS = 100


def most_in_a_window(times: list[float], *, seconds: float) -> int:
    """The largest number of requests within any window of that length."""
    ordered, most, first = sorted(times), 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_at_the_limit_and_never_over_it(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """At 300 a minute. The run is shorter than a minute, so a window of 6 s stands for one: burst 5 and 6 s / 0.2085 s."""
    assert settings.DEMO
    fast_simulator.options(latency=0.5, rpm=PER_MINUTE, burst=10)
    engine.environment["RATE_LIMIT_RPM"] = str(PER_MINUTE)
    set_limits(pools(), per_minute=PER_MINUTE)
    engine.start(slots=32)
    job = wait_for_end(start_starter_job(owner, limit=ITEMS, concurrency=10))
    assert job.completed_items == ITEMS
    entries = fast_simulator.ledger()
    times = [entry["received_at"] for entry in entries]
    assert [entry["status"] for entry in entries] == [200] * ITEMS, "no answer 429"
    assert max(times) - min(times) <= 1.05 * ITEMS / PER_MINUTE * 60
    assert most_in_a_window(times, seconds=60) <= PER_MINUTE
    assert most_in_a_window(times, seconds=6) <= 5 + 6 / (61.5 / (PER_MINUTE - 5)) + 6
    assert_invariants()
