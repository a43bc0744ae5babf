"""The workers' register: a row for each worker process, with a heartbeat that is the lease of its items."""

import logging
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from celery import signals
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from batches.models import Worker
from lorapipe.queues import Queue
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registered:
    """`stopping` is set once this process is told to end: what runs is finished, nothing new is begun."""

    id: UUID
    queue: Queue
    stopping: threading.Event = field(default_factory=threading.Event)


class Heartbeat(threading.Thread):
    """Moves the worker's row until it is told to end: at `worker_shutdown`, when nothing runs any more.

    Not at `worker_shutting_down`: during a warm stop calls are still in flight, and would be reaped.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.worker = worker
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(settings.ENGINE_HEARTBEAT_S):
            try:
                self.beat()
            except Exception:  # without this thread everything that is in flight would be taken for dead
                logger.exception("No heartbeat")

    def beat(self) -> None:
        try:
            if not Worker.objects.filter(pk=self.worker.pk).update(heartbeat_at=ClockTimestamp()):
                sign_on(self.worker)  # the first beat, or somebody has cleared the register
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("No heartbeat (%s)", problem)
        finally:
            connection.close()

    def end(self) -> None:
        self.ended.set()
        try:
            Worker.objects.filter(pk=self.worker.pk).update(stopped_at=ClockTimestamp())
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("This worker could not sign off (%s): it will be found stale", problem)


class _Process:
    registered: Registered | None = None
    heartbeat: Heartbeat | None = None


def register(*, queues: Sequence[Queue], slots: int) -> Worker:
    """A new row for this process."""
    worker = describe_process(queues=queues, slots=slots)
    sign_on(worker)
    return worker


def describe_process(*, queues: Sequence[Queue], slots: int) -> Worker:
    """This process as a row that is not stored yet."""
    return Worker(
        kind=queues[0].value,
        host=socket.gethostname(),
        pid=os.getpid(),
        queues=[queue.value for queue in queues],
        slots=slots,
    )


def sign_on(worker: Worker) -> None:
    worker.heartbeat_at = ClockTimestamp()
    worker.save(force_insert=True)


def get_this_worker() -> Registered:
    """The row of the worker process that this task runs in."""
    if _Process.registered is None:
        raise RuntimeError("This process is not a worker: tasks run in `celery -A lorapipe worker`.")
    return _Process.registered


@signals.worker_ready.connect
def _sign_on(sender: Any, **_: object) -> None:
    controller = sender.controller if hasattr(sender, "controller") else sender
    queues = [Queue(name) for name in controller.app.amqp.queues.consume_from]
    worker = describe_process(queues=queues, slots=controller.concurrency)
    _Process.registered = Registered(id=worker.pk, queue=queues[0])
    _Process.heartbeat = Heartbeat(worker)
    _Process.heartbeat.beat()  # with the database away a later beat signs on; until then nothing is rung here
    _Process.heartbeat.start()


@signals.worker_shutting_down.connect
def _begin_nothing_new(**_: object) -> None:
    if _Process.registered is not None:
        _Process.registered.stopping.set()


@signals.worker_shutdown.connect
def _sign_off(**_: object) -> None:
    if _Process.heartbeat is not None:
        _Process.heartbeat.end()
