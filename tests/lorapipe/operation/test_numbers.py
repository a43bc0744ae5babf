"""The numbers for monitoring: what each counts, and that none of its statements reads all rows of a large table."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from background.models import BackgroundJob
from batches.actions.call_stops import stop_calls
from batches.models import GenerationLog, ProviderPool, SpendingMonth
from batches.models.states import ItemStatus, JobStatus, LogState
from lorapipe.operation import numbers
from lorapipe.operation.numbers import read_metrics
from tests.factories import make_background_job, make_item, make_job, make_log, make_user, make_worker

pytestmark = pytest.mark.django_db


def read() -> dict[str, dict[tuple[str, ...], float]]:
    return {
        family.name.removeprefix("lorapipe_"): {
            tuple(labels.values()): float(value) for labels, value in family.samples
        }
        for family in read_metrics()
    }


def test_items_by_state_and_the_depth_of_the_queues() -> None:
    make_job(status=JobStatus.PROCESSING, total_items=10, completed_items=3, failed_items=1, in_flight=2)
    make_job(status=JobStatus.PAUSED, total_items=5)
    make_job(status=JobStatus.CANCELLED, total_items=7, completed_items=1)
    make_job(status=JobStatus.DRAFT, total_items=50)
    found = read()
    assert found["items"] == {
        ("cancelled",): 6,
        ("completed",): 4,
        ("failed",): 1,
        ("processing",): 2,
        ("queued",): 9,
    }
    assert found["queue_depth"] == {("generation",): 4}
    assert found["calls_in_flight"] == {("generation",): 2}
    assert found["batches"][("batch", "paused")] == 1


def test_recent_calls_tell_the_429s() -> None:
    item = make_item(job=make_job(), status=ItemStatus.PROCESSING)
    for kind in ("rate_limited", "rate_limited", ""):
        state = LogState.FAILED if kind else LogState.SUCCEEDED
        make_log(item=item, state=state, error_kind=kind)
    old = make_log(item=item, state=LogState.SUCCEEDED)
    GenerationLog.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=1))
    assert read()["recent_calls"] == {
        ("failed", "rate_limited"): 2,
        ("pending", ""): 1,
        ("succeeded", ""): 1,
    }


def test_money_of_the_month_and_of_each_budget() -> None:
    home = make_user().personal_workspace()
    home.__class__.objects.filter(pk=home.pk).update(monthly_budget_usd=Decimal(20), name='A "b"')
    with connection.cursor() as cursor:
        cursor.execute("SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date")
        (month,) = cursor.fetchone()
    SpendingMonth.objects.create(
        workspace=home, month=month, demo=settings.DEMO, spent=Decimal("1.5"), reserved=Decimal("0.5")
    )
    SpendingMonth.objects.create(workspace=home, month=date(2020, 1, 1), demo=settings.DEMO, spent=99)
    found = read()
    assert found["month_spent_usd"] == {(): 1.5}
    assert found["workspace_month_budget_usd"] == {(str(home.pk), 'A "b"'): 20}
    assert found["workspace_month_reserved_usd"] == {(str(home.pk), 'A "b"'): 0.5}


def test_processes_lags_and_stops() -> None:
    make_worker(slots=4)
    found = read()
    assert found["workers"] == {("generation",): 1}
    assert found["worker_slots"] == {("generation",): 4}
    assert found["dispatcher_lag_seconds"] == {}
    assert found["calls_stopped"] == {(): 0}
    row = make_worker(kind="dispatcher", queues=[], slots=0)
    row.__class__.objects.filter(pk=row.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=100))
    item = make_item(job=make_job(), status=ItemStatus.PROCESSING)
    make_log(item=item, state=LogState.PENDING, deadline=timezone.now() - timedelta(seconds=50))
    stop_calls(by=None)
    found = read()
    assert 90 < found["dispatcher_lag_seconds"][()] < 1000
    assert 45 < found["reaper_lag_seconds"][()] < 900
    assert found["calls_stopped"] == {(): 1}


def test_background_jobs_and_pools() -> None:
    make_background_job(by=make_user())
    ProviderPool.objects.create(pool="real:a", opened_for_s=30)
    found = read()
    assert sum(found["background_jobs"].values()) == BackgroundJob.objects.count() == 1
    assert found["circuit_breaker_open"] == {("real:a",): 1}
    assert found["pool_blocked_seconds"] == {("real:a",): 0}


@pytest.mark.parametrize(
    ("query", "index"),
    [(numbers.CALLS, "log_newest"), (numbers.LAGS, "log_pending"), (numbers.QUEUES, "item_")],
)
def test_no_statement_reads_all_items_or_all_log_rows(query: str, index: str) -> None:
    values: Mapping[str, Any] = {"recent": 300, "stale": 45, "demo": True, "most": 200}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {query}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan
