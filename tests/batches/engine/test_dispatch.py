"""Whose turn it is: slots, permits, concurrency, budget, and the order of fairness."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError
from pytest_django import Settings

from batches.engine.dispatch import dispatch_due, mark_dispatched
from batches.limits.limiter import block_pool, set_limits, take_permit
from batches.limits.pools import pool_of, pools
from batches.models import BatchItem, BatchJob, Worker
from batches.models.states import ItemStatus, JobKind, JobStatus, Priority
from lorapipe.queues import Queue
from tests.factories import MODEL, make_job, make_user, make_worker

pytestmark = pytest.mark.django_db

BY_HAND: dict[str, Any] = {"budget_usd": Decimal(10), "worst_item_usd": Decimal("0.1")}
LATER, EARLIER = timezone.now(), timezone.now() - timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _no_limit(db: None) -> None:
    set_limits(pools(), per_minute=1_000_000)


@pytest.fixture
def many_slots(db: None) -> Worker:
    return make_worker(slots=100)


def dispatch_now(queue: Queue = Queue.GENERATION, *, at_most: int | None = None) -> list[UUID]:
    """The jobs of the items that are dispatched now, in order."""
    owners = dict(BatchItem.objects.values_list("id", "job_id"))
    return [owners[item] for item in mark_dispatched(queue, at_most=at_most)]


# --- how many ---------------------------------------------------------------------------------------


def test_nobody_is_dispatched_without_a_worker() -> None:
    make_job(items=3, **BY_HAND)
    assert dispatch_now() == []


@pytest.mark.parametrize(
    "worker",
    [
        {"heartbeat_at": timezone.now() - timedelta(minutes=2)},
        {"stopped_at": timezone.now()},
        {"queue": "interactive"},
    ],
)
def test_a_dead_stopped_or_foreign_worker_has_no_slots(worker: dict[str, Any]) -> None:
    make_worker(**worker)
    make_job(items=3, **BY_HAND)
    assert dispatch_now() == []


def test_no_more_than_there_are_free_slots() -> None:
    make_worker(slots=3)
    make_worker(slots=2)
    make_job(status=JobStatus.PROCESSING, in_flight=1, items=9, **BY_HAND)
    assert len(dispatch_now()) == 4
    assert dispatch_now() == [], "what is dispatched and not claimed yet keeps its slot"


def test_no_more_than_the_concurrency(many_slots: Worker) -> None:
    make_job(status=JobStatus.PROCESSING, in_flight=3, concurrent_processing=5, items=9, **BY_HAND)
    assert len(dispatch_now()) == 2
    assert dispatch_now() == []


def test_no_more_than_the_permits_of_the_next_second(many_slots: Worker) -> None:
    set_limits(pools(), per_minute=60)  # 3 at once, of which one is left to single generations
    make_job(items=9, **BY_HAND)
    assert len(dispatch_now()) == 3
    assert dispatch_now() == []


def test_a_blocked_pool_is_not_dispatched(many_slots: Worker) -> None:
    make_job(items=3, **BY_HAND)
    block_pool(pool_of(MODEL), seconds=60)
    assert dispatch_now() == []


def test_no_more_than_the_budget_affords(many_slots: Worker) -> None:
    make_job(
        status=JobStatus.PROCESSING,
        in_flight=1,
        items=9,
        spent=Decimal("9.5"),
        reserved=Decimal("0.25"),
        **BY_HAND,
    )
    assert len(dispatch_now()) == 2


def test_beyond_the_budget_one_is_dispatched_when_nothing_is_in_flight(many_slots: Worker) -> None:
    """Its claim then says that the job must pause. While calls are in flight some money may come back."""
    job = make_job(status=JobStatus.PROCESSING, items=3, spent=Decimal("9.95"), **BY_HAND)
    assert dispatch_now() == [job.pk]
    assert dispatch_now() == []
    BatchItem.objects.update(rung_at=None)
    BatchJob.objects.update(in_flight=1)
    assert dispatch_now() == []


def test_at_most(many_slots: Worker) -> None:
    make_job(items=3, **BY_HAND)
    assert len(dispatch_now(at_most=1)) == 1


# --- which ------------------------------------------------------------------------------------------


def test_a_bad_plan_of_the_database_stamps_no_more_than_was_chosen(many_slots: Worker) -> None:
    """`IN (SELECT ... LIMIT n FOR UPDATE)` may be run once for each outer row, and then passes its limit."""
    make_job(items=3, **BY_HAND)
    with connection.cursor() as cursor:
        for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort", "indexscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    assert len(mark_dispatched(Queue.GENERATION, at_most=1)) == 1


@pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.QUEUED, JobStatus.PROCESSING}))
def test_a_job_that_does_not_run_is_not_dispatched(status: JobStatus, many_slots: Worker) -> None:
    make_job(status=status, items=3, **BY_HAND)
    assert dispatch_now() == []


def test_an_item_that_waits_is_not_dispatched_before_its_time(many_slots: Worker) -> None:
    make_job(items=2, **BY_HAND)
    BatchItem.objects.filter(position=1).update(run_after=timezone.now() + timedelta(seconds=9))
    assert len(dispatch_now()) == 1
    BatchItem.objects.filter(position=1).update(run_after=timezone.now() - timedelta(seconds=9))
    assert len(dispatch_now()) == 1


def test_who_did_not_come_is_dispatched_again_after_fifteen_seconds(many_slots: Worker) -> None:
    make_job(items=1, **BY_HAND)
    assert len(dispatch_now()) == 1
    BatchItem.objects.update(rung_at=timezone.now() - timedelta(seconds=14))
    assert dispatch_now() == []
    BatchItem.objects.update(rung_at=timezone.now() - timedelta(seconds=16))
    assert len(dispatch_now()) == 1


def test_the_one_that_is_due_is_taken_and_not_the_first(many_slots: Worker) -> None:
    job = make_job(items=3, **BY_HAND)
    mark_dispatched(Queue.GENERATION, at_most=1)
    BatchItem.objects.filter(position=2).update(run_after=timezone.now() + timedelta(seconds=9))
    assert list(
        job.items.filter(pk__in=mark_dispatched(Queue.GENERATION)).values_list("position", flat=True)
    ) == [3]


def test_items_in_their_order(many_slots: Worker) -> None:
    make_job(items=5, **BY_HAND)
    first = mark_dispatched(Queue.GENERATION, at_most=2)
    assert sorted(BatchItem.objects.filter(pk__in=first).values_list("position", flat=True)) == [1, 2]


def test_who_was_there_when_a_worker_died_comes_last(many_slots: Worker) -> None:
    job = make_job(items=3, **BY_HAND)
    BatchItem.objects.filter(position=1).update(crashes=1)
    first = mark_dispatched(Queue.GENERATION, at_most=2)
    assert set(job.items.filter(pk__in=first).values_list("position", flat=True)) == {2, 3}
    assert len(mark_dispatched(Queue.GENERATION)) == 1


def test_each_queue_has_its_kind_of_job() -> None:
    make_worker(slots=9)
    make_worker(queue="interactive", slots=2)
    batch = make_job(items=3, **BY_HAND)
    single = make_job(items=1, kind=JobKind.SINGLE, **BY_HAND)
    assert dispatch_now(Queue.INTERACTIVE) == [single.pk]
    assert dispatch_now(Queue.GENERATION) == [batch.pk] * 3


def test_a_single_generation_is_dispatched_while_a_batch_has_booked_every_permit_it_may() -> None:
    make_worker(queue=Queue.INTERACTIVE, slots=2)
    set_limits(pools(), per_minute=600)
    single = make_job(kind=JobKind.SINGLE, items=1, **BY_HAND)
    while take_permit(pool_of(MODEL)) is not None:
        pass
    assert dispatch_now(Queue.INTERACTIVE) == [single.pk]


def test_a_model_that_is_gone_stops_neither_dispatching_nor_its_own_job(many_slots: Worker) -> None:
    """One of its items is dispatched and finds out; the others' turn comes as if it were not there."""
    healthy, gone = make_job(items=2, **BY_HAND), make_job(items=3, model="no-such-model", **BY_HAND)
    found = dispatch_now()
    assert (found.count(healthy.pk), found.count(gone.pk)) == (2, 1)


# --- in which order ---------------------------------------------------------------------------------


def test_one_of_each_job_in_turn() -> None:
    make_worker(slots=4)
    user = make_user()
    one, two = (make_job(by=user, items=9, **BY_HAND) for _ in range(2))
    found = dispatch_now()
    assert (found.count(one.pk), found.count(two.pk)) == (2, 2)


def test_the_workspace_that_was_served_longest_ago_comes_first() -> None:
    make_worker(slots=1)
    busy, calm = make_user(), make_user()
    make_job(by=busy, items=3, priority=Priority.HIGH, **BY_HAND)
    make_job(by=busy, items=3, status=JobStatus.PROCESSING, last_served_at=LATER, **BY_HAND)
    waits = make_job(
        by=calm,
        items=3,
        status=JobStatus.PROCESSING,
        last_served_at=EARLIER,
        priority=Priority.LOW,
        **BY_HAND,
    )
    assert dispatch_now() == [waits.pk]


def test_within_a_workspace_the_priority_rules_then_who_was_served_longest_ago() -> None:
    make_worker(slots=3)
    user = make_user()

    def served(at: object, priority: Priority) -> UUID:
        job = make_job(
            by=user, items=1, status=JobStatus.PROCESSING, last_served_at=at, priority=priority, **BY_HAND
        )
        return UUID(str(job.pk))

    later, earlier = served(LATER, Priority.NORMAL), served(EARLIER, Priority.NORMAL)
    urgent = served(LATER, Priority.HIGH)
    assert dispatch_now() == [urgent, earlier, later]


def test_a_slot_that_becomes_free_goes_to_who_waits_longest_and_not_to_its_own_job() -> None:
    """Else a job that keeps all slots busy keeps everybody else out until it ends."""
    make_worker(slots=2)
    make_job(items=9, status=JobStatus.PROCESSING, in_flight=1, last_served_at=LATER, **BY_HAND)
    waits = make_job(items=9, **BY_HAND)
    assert dispatch_now(at_most=1) == [waits.pk]


# --- telling ----------------------------------------------------------------------------------------


def test_what_is_dispatched_is_published(many_slots: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    make_job(items=2, **BY_HAND)
    sent: list[tuple[Any, Any]] = []
    monkeypatch.setattr("lorapipe.celery.app.send_task", lambda name, **named: sent.append((name, named)))
    assert dispatch_due(Queue.GENERATION) == 2
    ids = {str(pk) for pk in BatchItem.objects.values_list("pk", flat=True)}
    assert {named["args"][0] for _, named in sent} == ids
    assert {name for name, _ in sent} == {"batches.generate"}
    assert all(named["queue"] == "generation" and named["retry"] is False for _, named in sent)


@pytest.mark.parametrize("problem", [BrokerError("away"), ConnectionRefusedError("away")])
def test_a_broker_that_is_away_costs_a_publish_and_nothing_else(
    problem: Exception, many_slots: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(items=2, **BY_HAND)

    def away(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr("lorapipe.celery.app.send_task", away)
    assert dispatch_due(Queue.GENERATION) == 0
    assert not BatchItem.objects.exclude(status=ItemStatus.QUEUED).exists()


def test_the_time_of_dispatching_again_is_a_setting(many_slots: Worker, settings: Settings) -> None:
    make_job(items=1, **BY_HAND)
    assert len(dispatch_now()) == 1
    settings.ENGINE_DISPATCH_AGAIN_S = -60  # now() is when the test began; a slow machine is seconds past it
    assert len(dispatch_now()) == 1
