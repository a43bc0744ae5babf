"""The dispatcher: what two of them do, and what one bad row or a database that is away does to it."""

import logging
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from batches.engine.dispatch import renew_dispatches
from batches.limits.limiter import set_limits
from batches.limits.pools import pools
from batches.management.commands.dispatch import (
    DISPATCH_LOCK,
    attempt,
    clean_up,
    dispatch_all,
    prepare_limits,
    reap_ended_workers,
    try_lock,
)
from batches.models import BatchItem, BatchJob, RateLimit, Worker
from batches.models.states import ItemStatus, JobStatus, LogState
from tests.factories import make_job, make_worker
from tests.support.invariants import assert_no_violations
from tests.support.steps import claim_item, state_of


@pytest.fixture
def dispatched(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    told: list[Any] = []
    monkeypatch.setattr("batches.management.commands.dispatch.publish", lambda queue, ids: told.extend(ids))
    return told


def make_runnable_job() -> None:
    set_limits(pools(), per_minute=1_000_000)
    make_worker(slots=9)
    make_job(items=3, budget_usd=Decimal(10), worst_item_usd=Decimal("0.1"))


@pytest.fixture
def another_dispatcher(transactional_db: None) -> Iterator[None]:
    """Holds the duty of dispatching, in a connection of its own."""
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert try_lock(DISPATCH_LOCK)
            held.set()
            over.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    yield
    over.set()
    thread.join(10)


def test_a_tick_dispatches(db: None, dispatched: list[Any]) -> None:
    make_runnable_job()
    dispatch_all()
    assert len(dispatched) == 3


def test_while_another_one_dispatches_this_one_does_not(
    another_dispatcher: None, dispatched: list[Any]
) -> None:
    make_runnable_job()
    dispatch_all()
    assert dispatched == []
    assert not BatchItem.objects.exclude(rung_at=None).exists()


def test_tidying_cancels_what_a_cancelled_job_has_left(db: None) -> None:
    make_job(status=JobStatus.CANCELLED, items=2)
    make_job(items=1)
    clean_up()
    assert sorted(BatchItem.objects.values_list("status", flat=True)) == ["cancelled", "cancelled", "queued"]


def test_a_database_that_is_away_is_a_warning(db: None, caplog: pytest.LogCaptureFixture) -> None:
    def duty() -> None:
        raise OperationalError("no connection")

    attempt(duty)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_defect_in_one_duty_does_not_end_the_dispatcher(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    def duty() -> None:
        raise RuntimeError("a defect")

    attempt(duty)
    assert "duty failed" in caplog.text


@pytest.mark.parametrize(
    ("problem", "there"), [(OperationalError("away"), False), (ValueError("a bug"), True)]
)
def test_a_duty_tells_whether_the_database_is_there(db: None, problem: Exception, there: bool) -> None:
    def duty() -> None:
        raise problem

    assert attempt(duty) is there
    assert attempt(lambda: None)


def test_the_calls_of_a_worker_that_ended_here_are_released_in_the_same_tick(
    db: None, job: BatchJob, worker: Worker
) -> None:
    """No lease and no grace is waited for, and what the worker had just received is dispatched again."""
    claimed = claim_item(job, worker)
    BatchItem.objects.filter(status=ItemStatus.QUEUED).update(rung_at=timezone.now())
    reap_ended_workers()
    assert state_of(claimed) == (ItemStatus.PROCESSING, LogState.PENDING), "it lives"
    Worker.objects.update(process_start="1")
    reap_ended_workers()
    assert state_of(claimed) == (ItemStatus.QUEUED, LogState.UNKNOWN)
    assert not BatchItem.objects.exclude(rung_at=None).exists()
    assert_no_violations()


def test_what_was_dispatched_is_dispatched_again_at_once_when_its_messages_may_be_lost(
    db: None, dispatched: list[Any]
) -> None:
    """A dispatcher does this when it starts, and when the database is back."""
    make_runnable_job()
    dispatch_all()
    dispatch_all()
    assert len(dispatched) == 3
    renew_dispatches()
    dispatch_all()
    assert len(dispatched) == 6


def test_a_pool_without_its_row_is_not_dispatched_and_hinders_nobody(db: None, dispatched: list[Any]) -> None:
    make_runnable_job()
    RateLimit.objects.all().delete()
    dispatch_all()
    assert dispatched == []
    assert set(BatchItem.objects.values_list("status", flat=True)) == {ItemStatus.QUEUED}


def test_a_dispatcher_that_starts_before_its_database_waits_for_it(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter([OperationalError("starting up"), OperationalError("starting up"), None])

    def set_limits_at_last() -> None:
        problem = next(tries)
        if problem is not None:
            raise problem

    monkeypatch.setattr("batches.management.commands.dispatch.set_limits_from_settings", set_limits_at_last)
    monkeypatch.setattr("batches.management.commands.dispatch.connection.close", lambda: None)
    prepare_limits(threading.Event())
    assert next(tries, "none left") == "none left"
