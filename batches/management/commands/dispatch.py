"""`manage.py dispatch`: the dispatcher, the process that runs what is due by time.

Its duties, each repeated at its own interval: look for workers of this machine that have ended, and dispatch due items
(every 0.5 s), make and send notices, have prompts counted and remove old payloads (2 s), release the calls of dead workers of other machines, sweep
cancelled jobs and stop jobs that only wait (15 s), do what other rooms have registered (20 s), and check that everything agrees (60 s). Several dispatchers may run at
the same time.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from background.running import end_leases, has_due, take_due
from batches.actions.delivery_lane import DeliveryLane
from batches.actions.duties import DutyLane
from batches.actions.jobs import sweep_cancelled
from batches.actions.judging import start_due_judging
from batches.actions.notices import make_notices
from batches.actions.payloads import remove_old_payloads
from batches.engine.dispatch import (
    BACKGROUND,
    mark_dispatched,
    publish,
    publish_counts,
    renew_dispatches,
    send_messages,
    take_due_counts,
)
from batches.engine.moves import DATABASE_AWAY
from batches.engine.reap import reap
from batches.engine.reconcile import Reconciler
from batches.engine.systemic_wait import stop_waiting_jobs
from batches.engine.worker_registry import describe_process, sign_off_ended, sign_on
from batches.limits.pools import make_missing_limits, set_limits_from_settings
from batches.models import Worker
from lorapipe.queues import Queue
from provider import table
from workspaces.models import ClockTimestamp

logger = logging.getLogger(__name__)

DISPATCH_LOCK = 0x10AA01
BACKGROUND_LOCK = 0x10AA03
NOTICE_EVERY_S = 2.0
DUTIES_EVERY_S = 20.0  # what is added up by day may be 60 s late


class Command(BaseCommand):
    help = "Run the dispatcher until SIGTERM: dispatch due items, release the calls of dead workers, check and repair."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        prepare_limits(ended)
        logger.info("Dispatching")
        reconciler, lane = Reconciler(), DeliveryLane()
        presence, duties = Presence(), DutyLane()
        reaped_at = noticed_at = 0.0
        reconciled_at = duties_at = time.monotonic()
        # Whether the items that another dispatcher, or this one before the database went away, had dispatched are due again.
        renewed = False
        while not ended.wait(settings.ENGINE_TICK_S):
            renewed = renewed or attempt(renew_dispatches)
            attempt(presence.tell)
            attempt(refresh_models)
            attempt(reap_ended_workers)
            renewed = attempt(dispatch_all) and renewed
            attempt(dispatch_background_jobs)
            if time.monotonic() - noticed_at >= NOTICE_EVERY_S:
                attempt(start_due_judging)
                attempt(make_notices)
                attempt(lane.send_due)
                attempt(publish_prompt_counts)
                attempt(remove_old_payloads)
                noticed_at = time.monotonic()
            if time.monotonic() - reaped_at >= settings.ENGINE_REAP_EVERY_S:
                attempt(clean_up)
                reaped_at = time.monotonic()
            if time.monotonic() - duties_at >= DUTIES_EVERY_S:
                attempt(duties.begin)
                duties_at = time.monotonic()
            if time.monotonic() - reconciled_at >= settings.ENGINE_RECONCILE_EVERY_S:
                attempt(reconciler.look)
                reconciled_at = time.monotonic()
        lane.end()
        duties.end()
        attempt(presence.end)


class Presence:
    """This dispatcher's row in the register of workers, without a queue: its heartbeat tells monitoring that it runs."""

    def __init__(self) -> None:
        self.row = describe_process(queues=(), slots=0, kind="dispatcher")
        self.told_at = -settings.ENGINE_HEARTBEAT_S

    def tell(self) -> None:
        """Renew the heartbeat where it is due. The first one makes the row."""
        if time.monotonic() - self.told_at < settings.ENGINE_HEARTBEAT_S:
            return
        if not Worker.objects.filter(pk=self.row.pk).update(heartbeat_at=ClockTimestamp()):
            sign_on(self.row)
        self.told_at = time.monotonic()

    def end(self) -> None:
        Worker.objects.filter(pk=self.row.pk).update(stopped_at=ClockTimestamp())


def prepare_limits(ended: threading.Event) -> None:
    """Make the limiter's rows. Waits for the database, which may just be starting; gives up when `ended` is set."""
    while not ended.is_set():
        try:
            return set_limits_from_settings()
        except DATABASE_AWAY as problem:
            logger.warning("The database is away (%s): waiting for it", problem)
            connection.close()
            ended.wait(settings.ENGINE_TICK_S)
    return None


def attempt(duty: Callable[[], object]) -> bool:
    """Run a duty. Its failure is logged, and stops neither the other duties nor the next run. False: the database is away."""
    try:
        duty()
    except DATABASE_AWAY as problem:
        logger.warning("The database is away (%s)", problem)
        connection.close()
        return False
    except Exception:
        logger.exception("%s failed", duty.__name__)
        connection.close()
    return True


def refresh_models() -> None:
    """Load the model table if it has changed, and make the limiter's rows of added models."""
    if table.refresh():
        make_missing_limits()


def reap_ended_workers() -> None:
    """Release the calls of workers of this machine whose process has ended, and dispatch anew what they had received."""
    if ended := sign_off_ended():
        reap()
        end_leases(ended)
        renew_dispatches()


def dispatch_all() -> None:
    """Dispatch the due items of every queue. If another dispatcher is doing it at this moment, leave this tick to it."""
    for queue in Queue:
        with transaction.atomic():
            ids = mark_dispatched(queue) if try_lock(DISPATCH_LOCK) else []
        publish(queue, ids)


def dispatch_background_jobs() -> None:
    """Tell the interactive workers about background jobs that are due; each worker runs one at a time."""
    if not has_due():
        return
    at_once = Worker.live().filter(queues__contains=[Queue.INTERACTIVE.value]).count()
    with transaction.atomic():
        ids = take_due(at_once=at_once) if try_lock(BACKGROUND_LOCK) else []
    send_messages(BACKGROUND, ids, queue=Queue.INTERACTIVE)


def clean_up() -> None:
    """Release abandoned calls, sweep the queues of cancelled jobs, and stop jobs whose every call is refused.

    It takes no advisory lock: each call is released in a transaction of its own that the log row's state guards (0005).
    """
    reap()
    sweep_cancelled()
    stop_waiting_jobs()


def publish_prompt_counts() -> None:
    """Let workers count the prompts whose size an estimate has asked for."""
    with transaction.atomic():
        ids = take_due_counts()
    publish_counts(ids)


def try_lock(key: int) -> bool:
    """Take an advisory lock until the end of the transaction. False when another process holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone()[0])
