"""`manage.py dispatch`: the one process that sees what is due. It rings, it reaps, and it looks whether everything agrees."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection, transaction

from batches.actions.jobs import sweep_cancelled
from batches.actions.notices import due_deliveries, make_notices, publish_deliveries
from batches.engine.dispatch import mark_dispatched, publish, publish_counts, take_due_counts
from batches.engine.moves import DATABASE_AWAY
from batches.engine.reap import reap
from batches.engine.reconcile import Reconciler
from batches.engine.systemic_wait import stop_waiting_jobs
from batches.limits.pools import make_missing_limits, set_limits_from_settings
from lorapipe.queues import Queue
from provider import table

logger = logging.getLogger(__name__)

DISPATCH_LOCK = 0x10AA01
NOTICE_EVERY_S = 2.0


class Command(BaseCommand):
    help = "Ring due items every half second, release what dead workers left, until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        prepare_limits(ended)
        logger.info("Dispatching")
        reconciler = Reconciler()
        reaped_at = noticed_at = 0.0
        reconciled_at = time.monotonic()
        while not ended.wait(settings.ENGINE_TICK_S):
            attempt(refresh_models)
            attempt(dispatch_all)
            if time.monotonic() - noticed_at >= NOTICE_EVERY_S:
                attempt(make_and_publish_notices)
                attempt(publish_prompt_counts)
                noticed_at = time.monotonic()
            if time.monotonic() - reaped_at >= settings.ENGINE_REAP_EVERY_S:
                attempt(clean_up)
                reaped_at = time.monotonic()
            if time.monotonic() - reconciled_at >= settings.ENGINE_RECONCILE_EVERY_S:
                attempt(reconciler.look)
                reconciled_at = time.monotonic()


def prepare_limits(ended: threading.Event) -> None:
    """Make the limiter's rows, as soon as the database is there: it may just be starting, too."""
    while not ended.is_set():
        try:
            return set_limits_from_settings()
        except DATABASE_AWAY as problem:
            logger.warning("The database is away (%s): waiting for it", problem)
            connection.close()
            ended.wait(settings.ENGINE_TICK_S)
    return None


def attempt(duty: Callable[[], None]) -> None:
    """Do a duty; its failure must stop neither the others nor the next time."""
    try:
        duty()
    except DATABASE_AWAY as problem:
        logger.warning("The database is away (%s)", problem)
        connection.close()
    except Exception:
        logger.exception("%s failed", duty.__name__)
        connection.close()


def refresh_models() -> None:
    """With the model table: a model that was added needs its limiter's row."""
    if table.refresh():
        make_missing_limits()


def dispatch_all() -> None:
    """One tick: ring every queue. Two dispatchers do no harm: who finds the lock held leaves this tick to the other."""
    for queue in Queue:
        with transaction.atomic():
            ids = mark_dispatched(queue) if try_lock(DISPATCH_LOCK) else []
        publish(queue, ids)


def clean_up() -> None:
    """Release abandoned calls, cancel what a cancelled job still has in the queue, stop who waits in vain.

    No lock over it: each log is reaped in a transaction of its own, guarded by the log's state.
    """
    reap()
    sweep_cancelled()
    stop_waiting_jobs()


def make_and_publish_notices() -> None:
    """Tell of what has ended or waits for a person. Rows are skipped that another dispatcher is just telling of."""
    with transaction.atomic():
        make_notices()
        ids = due_deliveries()
    publish_deliveries(ids)


def publish_prompt_counts() -> None:
    """Have the prompts counted of which an estimate has asked the size."""
    with transaction.atomic():
        ids = take_due_counts()
    publish_counts(ids)


def try_lock(key: int) -> bool:
    """True when nobody else holds this duty; until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone()[0])
