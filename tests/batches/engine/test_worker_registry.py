"""The workers' register: the heartbeat is the lease of everything that a worker has in flight."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from batches.engine import worker_registry
from batches.engine.worker_registry import (
    Heartbeat,
    describe_process,
    get_this_worker,
    register,
    sign_off_ended,
)
from batches.models import Worker
from lib.processes import describe_own
from lorapipe.queues import Queue
from tests.factories import make_worker
from tests.support.polling import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

GONE = 2**22 + 1  # above the highest number that Linux gives to a process
LONG_AGO = timezone.now() - timedelta(days=1)


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


def test_a_missed_heartbeat_is_made_up_for_soon(
    sign_on: Callable[[], None], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Until it beats again the worker counts as dead and gets no items."""
    settings.ENGINE_HEARTBEAT_S = 0.01
    monkeypatch.setattr(worker_registry, "BEAT_AGAIN_S", 0.01)
    monkeypatch.setattr(worker_registry.Heartbeat, "beat", beats := FailingBeats())
    heartbeat = Heartbeat(describe_process(queues=[Queue.GENERATION], slots=1))
    heartbeat.start()
    try:
        wait_for(lambda: beats.count >= 1, what="a heartbeat fails")
        settings.ENGINE_HEARTBEAT_S = 600
        wait_for(lambda: beats.count >= 4, what="the next ones come soon")
    finally:
        heartbeat.ended.set()
        heartbeat.join(10)


class FailingBeats:
    """Stands for `Heartbeat.beat` while the database is away."""

    count = 0

    def __call__(self) -> bool:
        self.count += 1
        return False


# --- workers of this machine whose process has ended --------------------------------------------------------


def find_signed_off() -> set[Any]:
    return set(Worker.objects.exclude(stopped_at=None).values_list("pk", flat=True))


def make_worker_here(**fields: Any) -> Worker:
    """A row of a worker on this machine, of this process unless `fields` say otherwise."""
    here = describe_own()
    same = {
        "host": socket.gethostname(),
        "pid": here.pid,
        "boot_id": here.boot_id,
        "pid_namespace": here.namespace,
        "process_start": here.start,
    }
    return make_worker(**{**same, **fields})


def test_a_worker_that_has_ended_is_signed_off_and_a_living_one_is_not() -> None:
    make_worker_here()
    ended = make_worker_here(pid=GONE)
    replaced = make_worker_here(process_start="1")
    assert len(sign_off_ended()) == 2
    assert find_signed_off() == {ended.pk, replaced.pk}
    assert sign_off_ended() == []


def test_workers_of_other_machines_and_containers_keep_their_lease() -> None:
    make_worker_here(pid=GONE, boot_id="another machine", host="elsewhere", heartbeat_at=LONG_AGO)
    make_worker_here(pid=GONE, pid_namespace="another container")
    make_worker_here(pid=GONE, boot_id="", heartbeat_at=LONG_AGO)
    assert sign_off_ended() == []


def test_a_worker_from_before_the_start_of_the_machine_is_signed_off_after_its_lease() -> None:
    before = make_worker_here(boot_id="the boot before")
    assert sign_off_ended() == [], "another machine may have the same name"
    Worker.objects.update(heartbeat_at=LONG_AGO)
    assert len(sign_off_ended()) == 1
    assert find_signed_off() == {before.pk}


def test_a_registered_worker_says_which_process_it_is() -> None:
    worker = register(queues=[Queue.GENERATION], slots=1)
    assert (worker.pid, worker.boot_id, worker.pid_namespace, worker.process_start) == tuple(describe_own())
