"""The workers' register: the heartbeat is the lease of everything that a worker has in flight."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from batches.engine import worker_registry
from batches.engine.worker_registry import Heartbeat, get_this_worker
from batches.models import Worker
from lorapipe.queues import Queue
from tests.factories import make_worker
from tests.support.polling import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sign_on(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Callable[[], None]]:
    """Celery's signal that a worker is ready."""
    settings.ENGINE_HEARTBEAT_S = 0.02
    queues = SimpleNamespace(consume_from={"generation": None})
    controller = SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)), concurrency=7)
    monkeypatch.setattr(worker_registry._Process, "registered", None)
    monkeypatch.setattr(worker_registry._Process, "heartbeat", None)
    yield lambda: worker_registry._sign_on(SimpleNamespace(controller=controller))
    if worker_registry._Process.heartbeat:
        worker_registry._Process.heartbeat.ended.set()
        worker_registry._Process.heartbeat.join(10)


def test_a_process_that_is_no_worker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_registry._Process, "registered", None)
    with pytest.raises(RuntimeError, match="not a worker"):
        get_this_worker()


def test_sign_on_beat_and_sign_off(sign_on: Callable[[], None]) -> None:
    sign_on()
    worker = Worker.objects.get()
    assert (worker.pk, worker.slots, worker.queues) == (get_this_worker().id, 7, ["generation"])
    assert get_this_worker().queue == Queue.GENERATION
    wait_for(lambda: Worker.objects.get().heartbeat_at > worker.heartbeat_at, what="the heart beats")
    worker_registry._sign_off()
    assert Worker.objects.get().stopped_at
    assert not Worker.live().exists()


def test_a_worker_that_starts_while_the_database_is_away_signs_on_later(
    sign_on: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Celery swallows what its signals raise: without this the worker would take messages and refuse them for ever."""
    store, away = worker_registry.sign_on, [OperationalError("no connection")] * 2

    def sometimes(worker: Worker) -> None:
        if away:
            raise away.pop()
        store(worker)

    monkeypatch.setattr(worker_registry, "sign_on", sometimes)
    sign_on()
    wait_for(Worker.objects.exists, what="the worker signs on")
    assert Worker.objects.get().pk == get_this_worker().id


def test_a_cleared_register_is_filled_again(sign_on: Callable[[], None]) -> None:
    sign_on()
    Worker.objects.all().delete()
    wait_for(Worker.objects.exists)
    assert Worker.objects.get().pk == get_this_worker().id


def test_the_heart_goes_on_beating_whatever_happens(
    sign_on: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_on()
    beat, defects = Heartbeat.beat, [RuntimeError("a defect")]

    def broken(self: Any) -> None:
        if defects:
            raise defects.pop()
        beat(self)

    monkeypatch.setattr(Heartbeat, "beat", broken)
    wait_for(lambda: not defects)
    before = Worker.objects.get().heartbeat_at
    wait_for(lambda: Worker.objects.get().heartbeat_at > before, what="the heart beats on")


def test_live_workers_have_a_fresh_heartbeat_and_have_not_stopped() -> None:
    fresh = make_worker()
    make_worker(heartbeat_at=timezone.now() - timedelta(seconds=46))
    make_worker(stopped_at=timezone.now())
    assert list(Worker.live()) == [fresh]
