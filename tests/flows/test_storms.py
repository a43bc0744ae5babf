"""Storms of refusals: nobody calls while the provider asks to wait, nothing costs an attempt, and then it goes on at full speed."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.models import BatchItem, BatchJob, GenerationLog, ProviderPool
from batches.models.states import JobStatus, LogState, Reason
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator
from workspaces.models import User

FILING_S = 0.5  # a claim may be under way while the refusal is being written down


def refused(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["status"] not in (200, None)]


def attempts() -> set[int]:
    return set(BatchItem.objects.values_list("attempt", flat=True))


def set_rate(engine: Engine, per_minute: int) -> None:
    engine.environment["RATE_LIMIT_RPM"] = str(per_minute)
    set_limits(pools(), per_minute=per_minute)


def storm(
    owner: User,
    engine: Engine,
    simulator: RunningSimulator,
    *,
    retry_after: int,
    items: int,
    per_minute: int,
    back_within: float,
) -> None:
    """10 calls, then every call is refused until the first block is over, then all is well."""
    concurrency = 10
    simulator.faults(
        [{"kind": "rate_limited", "times": concurrency, "after": 10, "retry_after": retry_after}]
    )
    set_rate(engine, per_minute)
    engine.start(slots=16)
    job = wait_for_end(start_starter_job(owner, limit=items, concurrency=concurrency), seconds=180)
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, items)
    assert attempts() == {1}, "no attempt is used"
    entries = simulator.ledger()
    check_blocks(entries, retry_after=retry_after)
    check_speed_after(refused(entries)[-1]["answered_at"] + retry_after, entries, per_minute, back_within)
    assert_billed_is_logged(entries)
    assert_invariants()


def check_blocks(entries: Sequence[dict[str, Any]], *, retry_after: float) -> None:
    """Nothing that was claimed after a refusal had been filed arrives before the time is up that it asked for.

    A call that was claimed before may arrive at any time: on a slow machine it is on its way for seconds.
    """
    calls = {str(log.pk): log for log in GenerationLog.objects.all()}
    for each in refused(entries):
        filed_at = calls[each["client_request_id"]].finished_at
        until = each["answered_at"] + retry_after - 0.05
        early = [
            entry
            for entry in entries
            if each["answered_at"] < entry["received_at"] < until
            and calls[entry["client_request_id"]].created_at.timestamp() > filed_at.timestamp() + FILING_S
        ]
        assert not early, (each, early)


def check_speed_after(
    end: float, entries: Sequence[dict[str, Any]], per_minute: int, back_within: float
) -> None:
    """Within that time nine tenths of the limit are used again."""
    later = sorted(entry["received_at"] for entry in entries if entry["received_at"] >= end - 0.1)
    assert later[0] - end < back_within
    since = [moment for moment in later if moment >= end + back_within / 2] or later
    span = since[-1] - since[0]
    assert (len(since) - 1) / span * 60 >= 0.9 * per_minute * 60 / 61.5 * 0.95


@pytest.mark.slow
def test_a_storm_of_429(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    """Four calls a second: a machine that is busy with other tests can make those too."""
    storm(owner, engine, fast_simulator, retry_after=3, items=50, per_minute=240, back_within=3)


@pytest.mark.slow
def test_a_storm_of_429_that_asks_for_twenty_seconds(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.options(latency=1)
    storm(owner, engine, fast_simulator, retry_after=20, items=500, per_minute=600, back_within=30)


def test_overload_opens_the_breaker_and_one_call_tries(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """30 s are 1.5 s here. After the fifth overload nothing but single tries, each after twice the time."""
    fast_simulator.faults([{"kind": "overloaded", "times": 6}])
    engine.start(slots=16)
    one_by_one = start_starter_job(owner, limit=10, concurrency=1)
    wait_for(lambda: ProviderPool.objects.filter(opened_for_s__gt=0).exists(), what="the breaker opens")
    job = wait_for_end(start_starter_job(owner, limit=20, concurrency=5))
    one_by_one = wait_for_end(one_by_one)
    assert (job.status, job.completed_items + one_by_one.completed_items) == (JobStatus.COMPLETED, 30)
    assert attempts() == {1}
    entries = sorted(fast_simulator.ledger(), key=lambda entry: entry["received_at"])
    overloads = [entry for entry in entries if entry["status"] == 529]
    assert len(overloads) == 6
    fifth, sixth = overloads[4:]
    assert sixth["received_at"] - fifth["answered_at"] > 1.4
    after = [entry for entry in entries if entry["received_at"] > sixth["received_at"]]
    assert after[0]["received_at"] - sixth["answered_at"] > 2.9, "twice as long"
    assert after[1]["received_at"] > after[0]["answered_at"], "one call alone"
    assert_invariants()


@pytest.mark.slow
def test_an_hour_of_refusals_stops_the_job(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """An hour is 9 s here."""
    fast_simulator.faults([{"kind": "overloaded", "times": 0}])
    engine.environment["LORAPIPE_TIME_SCALE"] = "400"
    engine.start(slots=4)
    job = start_starter_job(owner, limit=4, concurrency=2)
    job = wait_for_end(job, states=(JobStatus.FAILED,))
    assert (job.reason, job.failed_items) == (Reason.SYSTEMIC_WAIT.value, 0)
    assert set(GenerationLog.objects.values_list("state", flat=True)) == {LogState.FAILED}
    assert_invariants()


@pytest.mark.slow
def test_acceleration_halves_the_rate(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    """15 s are 0.75 s here, and a minute of growth is 3 s: half the rate first, then 10% more every 3 s."""
    fast_simulator.faults([{"kind": "ramp_limited", "times": 1, "after": 20}])
    set_rate(engine, 600)
    engine.start(slots=16)
    job = wait_for_end(start_starter_job(owner, limit=70, concurrency=10))
    assert (job.completed_items, attempts()) == (70, {1})
    entries = fast_simulator.ledger()
    until = refused(entries)[0]["answered_at"] + 1
    soon = [entry for entry in entries if until <= entry["received_at"] < until + 3]
    assert 5 <= len(soon) <= 3 * 10 * 0.5 * 1.1 + 6, "about half of ten a second"
    assert_invariants()


def running(job: BatchJob) -> Callable[[], bool]:
    return lambda: BatchJob.objects.get(pk=job.pk).in_flight > 0


def test_a_lower_limit_of_the_provider_is_kept_without_a_refusal(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    """Set to 6,000 a minute where 300 are allowed: its first answer says so."""
    fast_simulator.options(latency=0.2, rpm=300, burst=50)
    set_rate(engine, 6000)
    engine.start(slots=16)
    job = start_starter_job(owner, limit=40, concurrency=5)
    wait_for(running(job), what="the first call is out")
    job = wait_for_end(job)
    assert job.completed_items == 40
    assert not refused(fast_simulator.ledger())
    times = sorted(entry["received_at"] for entry in fast_simulator.ledger())
    assert times[-1] - times[10] >= 0.8 * 29 / 300 * 60
