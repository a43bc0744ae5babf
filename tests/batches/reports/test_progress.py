"""What a person is told about a batch while it runs, and after."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from batches.limits.limiter import Expected, block_pool, set_limits, take_permit
from batches.limits.pools import pool_of, pools
from batches.models import BatchItem, BatchJob, ProviderPool, RateLimit, Worker
from batches.models.states import ItemStatus, JobKind, JobStatus, Reason
from batches.reports.bottleneck import Bottleneck
from batches.reports.progress import RESTART_S, progress
from tests.factories import MODEL, make_item, make_job, make_worker

pytestmark = pytest.mark.django_db


def make_ended(
    job: BatchJob, *, seconds_ago: Iterable[float], status: ItemStatus = ItemStatus.COMPLETED
) -> None:
    now, version = timezone.now(), None
    for seconds in seconds_ago:
        item = make_item(job=job, status=status, version=version, ended_at=now - timedelta(seconds=seconds))
        version = item.template_version


@pytest.mark.parametrize(
    ("status", "fields", "word"),
    [
        (JobStatus.QUEUED, {}, "queued"),
        (JobStatus.PROCESSING, {"in_flight": 1}, "processing"),
        (JobStatus.PAUSED, {}, "paused"),
        (JobStatus.PAUSED, {"in_flight": 1}, "pausing"),
        (JobStatus.CANCELLED, {}, "cancelled"),
        (JobStatus.CANCELLED, {"in_flight": 1}, "cancelling"),
        (JobStatus.FAILED, {}, "failed"),
        (JobStatus.FAILED, {"in_flight": 1}, "stopping"),
        (JobStatus.COMPLETED, {"completed_items": 2}, "completed"),
        (JobStatus.COMPLETED, {"completed_items": 1, "failed_items": 1}, "completed, 1 failed"),
    ],
)
def test_the_word_for_people(status: JobStatus, fields: dict[str, Any], word: str) -> None:
    assert progress(make_job(status=status, total_items=2, **fields)).word == word


def test_the_counts() -> None:
    found = progress(
        make_job(total_items=8, completed_items=3, failed_items=1, successful_items=2, in_flight=2)
    )
    assert (found.total, found.completed, found.failed, found.successful) == (8, 3, 1, 2)
    assert (found.in_flight, found.ended, found.percent) == (2, 4, 50.0)


def test_a_job_without_items_is_no_division_by_zero() -> None:
    assert progress(make_job()).percent == 0


def test_no_rate_before_five_have_ended() -> None:
    job = make_job(status=JobStatus.PROCESSING, total_items=90, completed_items=4)
    make_ended(job, seconds_ago=[40, 30, 20, 10])
    found = progress(job)
    assert (found.items_per_minute, found.remaining_s) == (None, None)


def test_the_rate_and_the_remaining_time() -> None:
    """11 ends over 100 s up to now are 10 intervals: 6 a minute; 79 items left take 790 s."""
    job = make_job(status=JobStatus.PROCESSING, total_items=90, completed_items=11)
    make_ended(job, seconds_ago=range(0, 101, 10))
    found = progress(job)
    assert found.items_per_minute == pytest.approx(6, rel=0.03)
    assert found.remaining_s == pytest.approx(790, rel=0.03)


def test_only_the_latest_thirty_count() -> None:
    job = make_job(status=JobStatus.PROCESSING, total_items=90, completed_items=40)
    make_ended(job, seconds_ago=[*range(29, -1, -1), *range(1000, 1010)])
    assert progress(job).items_per_minute == pytest.approx(60, rel=0.1)


def test_a_standstill_changes_neither_rate_nor_remaining_time() -> None:
    """What stands still is said by the banners; the rate is that of the batch when it runs."""
    job = make_job(status=JobStatus.PROCESSING, total_items=90, completed_items=5)
    make_ended(job, seconds_ago=[604, 603, 602, 601, 600])
    found = progress(job)
    assert found.items_per_minute == pytest.approx(60, rel=0.03)
    assert found.remaining_s == pytest.approx(85, rel=0.03)
    BatchJob.objects.update(status=JobStatus.PAUSED)
    found = progress(job)
    assert found.items_per_minute == pytest.approx(60, rel=0.03)
    assert found.remaining_s is None, "it stands still"


def test_the_rate_after_a_pause_is_the_rate_before_it() -> None:
    job = make_job(status=JobStatus.PROCESSING, total_items=90, completed_items=20)
    make_ended(job, seconds_ago=[*range(9, -1, -1), *range(300, 310)])
    assert progress(job).items_per_minute == pytest.approx(60, rel=0.05)


def test_a_wait_that_the_provider_asked_for_is_part_of_the_remaining_time() -> None:
    set_limits(pools(), per_minute=1_000_000)
    job = make_job(status=JobStatus.PROCESSING, total_items=70, completed_items=10)
    make_ended(job, seconds_ago=range(10))
    block_pool(pool_of(MODEL), seconds=30)
    assert progress(job).remaining_s == pytest.approx(60 + 30, rel=0.1)


def test_the_time_that_it_stood_still_does_not_count() -> None:
    now = timezone.now()
    started = now - timedelta(seconds=100)
    job = make_job(status=JobStatus.PROCESSING, paused_seconds=40)
    BatchJob.objects.update(started_at=started)
    assert progress(job).elapsed_s == pytest.approx(60, abs=3)
    BatchJob.objects.update(status=JobStatus.PAUSED, stopped_at=now - timedelta(seconds=30))
    assert progress(job).elapsed_s == pytest.approx(30, abs=3)
    BatchJob.objects.update(
        status=JobStatus.COMPLETED, stopped_at=None, completed_at=now - timedelta(seconds=50)
    )
    assert progress(job).elapsed_s == pytest.approx(10, abs=3)
    BatchJob.objects.update(started_at=None)
    assert progress(job).elapsed_s is None


def test_what_is_made_now() -> None:
    job = make_job(status=JobStatus.PROCESSING, total_items=2, in_flight=1)
    make_item(job=job, status=ItemStatus.PROCESSING, topic="debt")
    make_item(job=job, topic="later")
    assert progress(job).current_item == "debt"


def test_a_pool_that_waits_says_until_when() -> None:
    set_limits(pools(), per_minute=60)
    job = make_job()
    assert progress(job).blocked_until is None
    block_pool(pool_of(MODEL), seconds=30)
    assert progress(job).blocked_until


def test_a_model_that_is_gone_is_no_error_here() -> None:
    assert progress(make_job(model="no-such-model")).blocked_until is None


def test_no_worker_is_running() -> None:
    batch, single = make_job(), make_job(kind=JobKind.SINGLE)
    make_worker(stopped_at=timezone.now())
    make_worker(heartbeat_at=timezone.now() - timedelta(minutes=2))
    assert not progress(batch).has_worker
    make_worker(queue="interactive")
    assert progress(single).has_worker
    assert not progress(batch).has_worker
    make_worker(queue="generation")
    assert progress(batch).has_worker


# --- calls that were lost ---


def lose_calls(job: BatchJob, count: int) -> None:
    rows = list(
        BatchItem.objects.filter(job=job, status=ItemStatus.QUEUED).values_list("pk", flat=True)[:count]
    )
    BatchItem.objects.filter(pk__in=rows).update(error_kind="crashed", crashes=1)


def test_lost_calls_are_counted_until_they_are_made_again() -> None:
    job = make_job(status=JobStatus.PROCESSING, items=3)
    make_worker()
    assert progress(job).lost == 0
    lose_calls(job, 2)
    found = progress(job)
    assert (found.lost, found.lost_wait_s, found.restarts) == (2, None, False), "one item is due before them"
    lose_calls(job, 3)
    assert progress(job).lost_wait_s == 0
    BatchItem.objects.filter(job=job).update(status=ItemStatus.CANCELLED)
    assert progress(job).lost == 0


def test_lost_calls_wait_for_the_worker_that_starts_again() -> None:
    job = make_job(status=JobStatus.PROCESSING, items=2)
    ended = make_worker(stopped_at=timezone.now())
    lose_calls(job, 2)
    found = progress(job)
    assert found.restarts
    assert found.lost_wait_s is not None
    assert 1 <= found.lost_wait_s <= RESTART_S
    Worker.objects.filter(pk=ended.pk).update(stopped_at=timezone.now() - timedelta(minutes=5))
    found = progress(job)
    assert (found.restarts, found.lost_wait_s) == (False, None)


# --- what holds it back -----------------------------------------------------------------------------


@pytest.fixture
def running(db: None) -> BatchJob:
    """Four of ten in flight, with room for more."""
    set_limits(pools(), per_minute=1_000_000)
    make_worker(slots=10)
    return make_job(
        status=JobStatus.PROCESSING,
        total_items=10,
        in_flight=4,
        concurrent_processing=5,
        budget_usd=Decimal(10),
        worst_item_usd=Decimal("0.1"),
    )


def limited_by(job: BatchJob) -> str | None:
    found = progress(job).bound
    return found.by if found else None


def test_nothing_holds_it_back(running: BatchJob) -> None:
    assert limited_by(running) is None


@pytest.mark.parametrize(
    ("fields", "by"),
    [
        ({"in_flight": 5}, "concurrency"),
        ({"in_flight": 10, "concurrent_processing": 12, "total_items": 20}, "slots"),
        ({"spent": Decimal("9.8"), "reserved": Decimal("0.15")}, "budget"),
        ({"status": JobStatus.PAUSED, "reason": Reason.BUDGET}, "budget"),
        ({"status": JobStatus.PAUSED, "reason": Reason.MONTH_BUDGET}, "month"),
        ({"status": JobStatus.PAUSED, "reason": Reason.PERSON}, None),
        ({"completed_items": 6}, None),
    ],
)
def test_concurrency_slots_and_budget(fields: dict[str, Any], by: str | None, running: BatchJob) -> None:
    BatchJob.objects.filter(pk=running.pk).update(**fields)
    assert limited_by(running) == by


def test_the_month(running: BatchJob) -> None:
    running.workspace.monthly_budget_usd = Decimal("0.05")
    running.workspace.save()
    assert limited_by(running) == "month"


def test_no_worker_weighs_more_than_everything(running: BatchJob) -> None:
    block_pool(pool_of(MODEL), seconds=30)
    assert limited_by(running) == "provider"
    Worker.objects.update(stopped_at=timezone.now())
    assert limited_by(running) == "workers"


def test_the_provider_and_the_breaker_say_until_when(running: BatchJob) -> None:
    until = timezone.now() + timedelta(seconds=20)
    ProviderPool.objects.filter(pool=pool_of(MODEL)).update(opened_for_s=30, opened_until=until)
    assert progress(running).bound == Bottleneck(by="breaker", until=until)
    block_pool(pool_of(MODEL), seconds=30)
    found = progress(running)
    assert found.bound == Bottleneck(by="provider", until=found.blocked_until)


@pytest.mark.parametrize(
    ("expected", "by"),
    [
        (Expected(), "requests"),
        (Expected(input=900), "input_tokens"),
        (Expected(output=9000), "output_tokens"),
    ],
)
def test_the_limit_that_binds(expected: Expected, by: str, running: BatchJob) -> None:
    set_limits(pools(), per_minute=60, input_per_minute=1000, output_per_minute=10_000)
    before = timezone.now()
    for _ in range(3):
        take_permit(pool_of(MODEL), expected)
    found = progress(running).bound
    assert found
    assert (found.by, found.until is not None and found.until > before) == (by, True)
    assert "a minute" in found.detail


def test_a_lower_limit_of_the_provider_and_a_slowed_pool_are_told(running: BatchJob) -> None:
    set_limits(pools(), per_minute=60)
    RateLimit.objects.filter(dimension="requests").update(
        per_minute=40, told=40, tat=timezone.now() + timedelta(seconds=30)
    )
    ProviderPool.objects.update(slowed_to=0.5, slowed_at=timezone.now())
    found = progress(running).bound
    assert found
    assert (
        found.detail
        == "40 a minute; the provider allows no more; the setting is 60; slowed to 50% of it, and growing"
    )
