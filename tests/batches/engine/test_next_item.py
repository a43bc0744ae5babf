"""Slots that become free at the same time: one dispatch for all that wait, an item for each, and none twice."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection

from batches import tasks
from batches.engine import dispatch
from batches.engine.dispatch import mark_dispatched
from batches.models import BatchItem, Worker
from lorapipe.queues import Queue
from tests.factories import make_job
from tests.support.polling import wait_for
from workspaces.models import User

SLOTS = 5


def waiting() -> int:
    return len(dispatch._waiting[Queue.GENERATION])


def let_go_together(dispatched: Callable[..., list[UUID]], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Five slots: the first dispatches, and ends that when the four others wait. What each got, errors too."""
    first = threading.Lock()

    def held(queue: Queue, *, at_most: int) -> list[UUID]:
        if first.acquire(blocking=False):
            wait_for(lambda: waiting() == SLOTS - 1, what="the others wait")
        return dispatched(queue, at_most=at_most)

    def one(_: int) -> Any:
        try:
            return dispatch.next_item(Queue.GENERATION)
        except OperationalError as problem:
            return problem
        finally:
            connection.close()

    monkeypatch.setattr(dispatch, "mark_dispatched", held)
    with ThreadPoolExecutor(SLOTS) as pool:
        return list(pool.map(one, range(SLOTS)))


@pytest.mark.django_db(transaction=True)
def test_each_goes_on_with_an_item_of_its_own(
    owner: User, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(items=9, budget_usd=10, worst_item_usd="0.1", concurrent_processing=9)
    rounds: list[int] = []

    def dispatched(queue: Queue, *, at_most: int) -> list[UUID]:
        rounds.append(at_most)
        return mark_dispatched(queue, at_most=at_most)

    found = let_go_together(dispatched, monkeypatch)
    assert rounds == [1, SLOTS - 1], "one dispatch for all that waited"
    assert len(set(found)) == SLOTS
    assert set(found) == set(BatchItem.objects.filter(rung_at__isnull=False).values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
def test_where_fewer_are_due_the_others_end(
    owner: User, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(items=2, budget_usd=10, worst_item_usd="0.1", concurrent_processing=9)
    found = let_go_together(mark_dispatched, monkeypatch)
    assert found.count(None) == SLOTS - 2
    assert len(set(found)) == 3


@pytest.mark.django_db(transaction=True)
def test_a_dispatch_that_breaks_off_leaves_its_slots_to_the_dispatcher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(queue: Queue, *, at_most: int) -> list[UUID]:
        raise OperationalError("away")

    found = let_go_together(away, monkeypatch)
    assert sorted(type(each).__name__ for each in found) == ["NoneType"] * 3 + ["OperationalError"] * 2
    assert waiting() == 0


# --- the task ---------------------------------------------------------------------------------------


def run_task(
    monkeypatch: pytest.MonkeyPatch, *, chain: list[UUID], stop_after: int
) -> tuple[list[UUID], list[UUID]]:
    """What the task makes, item by item, and what it publishes; told to end during that item."""
    made: list[UUID] = []
    told: list[UUID] = []
    stopping = threading.Event()

    def generate(item_id: UUID, **_: object) -> UUID | None:
        made.append(item_id)
        if len(made) == stop_after:
            stopping.set()
        return dict(pairwise(chain)).get(item_id)

    me = SimpleNamespace(id=uuid4(), queue=Queue.GENERATION, stopping=stopping)
    monkeypatch.setattr(tasks, "get_this_worker", lambda: me)
    monkeypatch.setattr("batches.tasks.generate_item", generate)
    monkeypatch.setattr(tasks, "publish", lambda queue, ids: told.extend(ids))
    tasks.generate(str(chain[0]))
    return made, told


def test_a_slot_goes_on_until_nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [uuid4() for _ in range(3)]
    assert run_task(monkeypatch, chain=chain, stop_after=99) == (chain, [])


def test_a_worker_that_is_told_to_end_leaves_the_next_item_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = [uuid4() for _ in range(3)]
    assert run_task(monkeypatch, chain=chain, stop_after=2) == (chain[:2], [chain[2]])
