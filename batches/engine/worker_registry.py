"""The register of workers: each worker process has a row with a heartbeat, which is the lease of its items.

The row is made when the worker starts, and its heartbeat is moved every 10 s. A worker whose heartbeat is older than 45 s
is taken for dead, and its calls are released (`batches.engine.reap`). A worker of the dispatcher's own machine need not be
waited for: the row names its process, and the dispatcher looks twice a second whether that still runs (`sign_off_ended`).
"""

import logging
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
from lib.processes import Process, describe_own, has_ended
from lorapipe.queues import Queue
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

# After a heartbeat that the database did not take, the next one comes this soon: until then the worker gets no items.
BEAT_AGAIN_S = 1.0


@dataclass(frozen=True)
class Registered:
    """This process's row. `stopping` is set once the process is told to end: calls in flight finish, no new one starts."""

    id: UUID
    queue: Queue
    stopping: threading.Event = field(default_factory=threading.Event)


class Heartbeat(threading.Thread):
    """Renews the worker's heartbeat until Celery's `worker_shutdown`, when no task runs any more.

    It does not stop at `worker_shutting_down`: calls are still in flight then, and would be reaped.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.worker = worker
        self.ended = threading.Event()

    def run(self) -> None:
        pause_s = settings.ENGINE_HEARTBEAT_S
        while not self.ended.wait(pause_s):
            pause_s = settings.ENGINE_HEARTBEAT_S
            try:
                if not self.beat():
                    pause_s = min(pause_s, BEAT_AGAIN_S)
            except Exception:  # if this thread ended, all calls in flight would be taken for dead
                logger.exception("No heartbeat")

    def beat(self) -> bool:
        """Renew the heartbeat. False when the database did not take it."""
        try:
            if not Worker.objects.filter(pk=self.worker.pk).update(heartbeat_at=ClockTimestamp()):
                sign_on(self.worker)  # the first heartbeat, or somebody has deleted the row
            return True
        except (DatabaseError, InterfaceError) as problem:
            logger.warning("No heartbeat (%s)", problem)
            return False
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
    """Store a new row for this process and return it."""
    worker = describe_process(queues=queues, slots=slots)
    sign_on(worker)
    return worker


def describe_process(*, queues: Sequence[Queue], slots: int, kind: str = "") -> Worker:
    """A row for this process, not stored yet. `slots`: how many calls it can have in flight. `kind`: its first queue."""
    process = describe_own()
    return Worker(
        kind=kind or queues[0].value,
        host=socket.gethostname(),
        pid=process.pid,
        boot_id=process.boot_id,
        pid_namespace=process.namespace,
        process_start=process.start,
        queues=[queue.value for queue in queues],
        slots=slots,
    )


def sign_on(worker: Worker) -> None:
    """Store the row, with a heartbeat of now on the database's clock."""
    worker.heartbeat_at = ClockTimestamp()
    worker.save(force_insert=True)


# The workers that have not signed off and whose process this machine can judge: they run on it, or did before it was
# started again. `is_stale`: no heartbeat for as long as the lease.
JUDGED = """
SELECT id, pid, boot_id, pid_namespace, process_start,
       heartbeat_at + make_interval(secs => %(stale)s) < clock_timestamp() AS is_stale
  FROM workers
 WHERE stopped_at IS NULL AND boot_id <> '' AND (boot_id = %(boot_id)s OR host = %(host)s)
"""


def sign_off_ended() -> list[UUID]:
    """Sign off the workers of this machine whose process has ended without doing so itself. Returns their ids.

    A worker from before the machine's last start is signed off once its lease is over, because only the host's name tells
    that it was the same machine.
    """
    here = describe_own()
    if not all(here):
        return []
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "stale": settings.ENGINE_STALE_S,
            "boot_id": here.boot_id,
            "host": socket.gethostname(),
        }
        cursor.execute(JUDGED, values)
        rows = cursor.fetchall()
    ended = [
        worker_id
        for worker_id, pid, boot_id, *rest, is_stale in rows
        if has_ended(Process(pid, boot_id, *rest), here=here) or (is_stale and boot_id != here.boot_id)
    ]
    if ended:
        logger.warning("%d worker(s) of this machine have ended without signing off", len(ended))
        Worker.objects.filter(pk__in=ended, stopped_at=None).update(stopped_at=ClockTimestamp())
    return ended


def get_this_worker() -> Registered:
    """The worker process that this task runs in. Raises RuntimeError in a process that is no worker."""
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
    _Process.heartbeat.beat()  # without a database a later heartbeat makes the row; until then nothing is dispatched to it
    _Process.heartbeat.start()


@signals.worker_shutting_down.connect
def _begin_nothing_new(**_: object) -> None:
    if _Process.registered is not None:
        _Process.registered.stopping.set()


@signals.worker_shutdown.connect
def _sign_off(**_: object) -> None:
    if _Process.heartbeat is not None:
        _Process.heartbeat.end()
