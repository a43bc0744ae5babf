"""Errors of the provider: what is waited for, what is tried again, what it costs (docs/execution.md section 6)."""

import time
from decimal import Decimal

import pytest

from batches.models import BatchItem, GenerationLog
from batches.models.states import ItemStatus, JobStatus, LogState, Reason
from tests.support.engine import Engine, wait_for_end
from tests.support.invariants import assert_billed_is_logged, assert_invariants
from tests.support.jobs import start_starter_job
from tests.support.simulator import RunningSimulator
from workspaces.models import User


@pytest.mark.parametrize(
    ("fault", "kind", "attempts"),
    [
        ("server_error", "server_error", 2),
        ("overloaded", "overloaded", 1),
        ("reset_before", "connection", 2),
        ("reset_after", "connection", 2),
    ],
)
def test_a_passing_fault_is_tried_again(
    fault: str, kind: str, attempts: int, owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": fault, "times": 1}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=3, concurrency=1))
    assert (job.status, job.completed_items) == (JobStatus.COMPLETED, 3)
    log = GenerationLog.objects.exclude(state=LogState.SUCCEEDED).get()
    assert log.error_kind == kind
    assert log.item
    assert log.item.attempt == attempts
    maybe_billed = fault.startswith("reset")
    assert log.cost_usd == (log.reservation_usd if maybe_billed else 0)
    assert_billed_is_logged(fast_simulator.ledger())
    assert_invariants()


def test_a_fault_that_stays_fails_the_item_after_three_attempts(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "server_error", "times": 0}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=1))
    assert (job.status, job.failed_items) == (JobStatus.COMPLETED, 1)
    assert job.spent == 0
    assert set(BatchItem.objects.values_list("status", "attempt", "error_kind")) == {
        (ItemStatus.FAILED, 3, "server_error")
    }
    assert_invariants()


def test_a_server_that_refuses_everything_pauses_the_job_after_a_few_calls(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "http_error", "status": 418, "times": 0}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=30, concurrency=4), states=(JobStatus.PAUSED,))
    assert (job.reason, job.completed_items, job.spent) == (Reason.REFUSALS.value, 0, Decimal(0))
    assert 5 <= len(fast_simulator.ledger()) <= 5 + 4
    assert job.failed_items == len(fast_simulator.ledger())
    assert_invariants()


def test_retry_after_holds_everybody_back_and_costs_no_attempt(
    owner: User, engine: Engine, fast_simulator: RunningSimulator
) -> None:
    fast_simulator.faults([{"kind": "rate_limited", "times": 1, "retry_after": 2, "after": 2}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=12, concurrency=2))
    assert job.completed_items == 12
    assert set(BatchItem.objects.values_list("attempt", flat=True)) == {1}
    entries = fast_simulator.ledger()
    refused = next(entry for entry in entries if entry["status"] == 429)
    blocked_until = refused["answered_at"] + 2
    early = [
        entry
        for entry in entries
        if refused["answered_at"] + 0.2 < entry["received_at"] < blocked_until - 0.05
    ]
    assert not early, "the pool was blocked"
    assert time.time() > blocked_until
    assert_invariants()


def test_no_credit_stops_the_job(owner: User, engine: Engine, fast_simulator: RunningSimulator) -> None:
    fast_simulator.faults([{"kind": "spend_limit", "times": 0}])
    engine.start()
    job = wait_for_end(start_starter_job(owner, limit=10, concurrency=2))
    assert (job.status, job.reason, job.failed_items) == (JobStatus.FAILED, Reason.PROVIDER_BILLING, 0)
    assert_invariants()
