"""Watches a job until it stands still. Ctrl-C pauses it."""

import contextlib
import os
import select
import time

from django.db import InterfaceError, OperationalError, connection

from batches.actions.jobs import pause
from batches.models import BatchJob
from batches.models.states import RUNNING
from batches.reports.progress import Progress, progress
from lib.stale_state import StaleState
from stack.process_group import Signals
from terminal.screen import Screen
from workspaces.models import User

LOOK_EVERY_S = 0.25
LONGEST_OUTAGE_S = 90.0  # the supervisor starts a dead PostgreSQL again within 30 s
DATABASE_ERRORS = (OperationalError, InterfaceError)


class Left(Exception):
    """A second Ctrl-C: the person leaves while calls are still in flight."""


class DatabaseGone(Exception):
    """The database did not come back in time. Nothing is lost; the job can be resumed."""


def watch(job: BatchJob, *, by: User, screen: Screen, signals: Signals, wakeup: int) -> Progress:
    """Wait until nothing of the job runs, and return its progress. A first signal pauses it, a second raises Left."""
    paused = False
    while True:
        now = _look(job, signals=signals)
        if now.status not in RUNNING and not now.in_flight:
            return now
        if signals.count > 1:
            raise Left
        if signals.count and not paused:
            paused = _pause(job, by=by)
            calls = f"{now.in_flight} call{'' if now.in_flight == 1 else 's'}"
            screen.say(
                f"Pausing: waiting for {calls} in flight, which are paid. Ctrl-C again leaves at once."
            )
        screen.show(now)
        _rest(wakeup)


def _look(job: BatchJob, *, signals: Signals) -> Progress:
    """The progress of the job. If the database is away, wait until it is back."""
    deadline = time.monotonic() + LONGEST_OUTAGE_S
    while True:
        try:
            return progress(job)
        except DATABASE_ERRORS as error:
            connection.close()
            if signals.count > 1:
                raise Left from error
            if time.monotonic() > deadline:
                raise DatabaseGone(str(error).strip()) from error
            time.sleep(LOOK_EVERY_S)


def _pause(job: BatchJob, *, by: User) -> bool:
    """Pause the job, and return whether that is settled. False if the database is away."""
    try:
        with contextlib.suppress(StaleState):
            pause(job, by=by)
    except DATABASE_ERRORS:
        connection.close()
        return False
    return True


def _rest(wakeup: int) -> None:
    """Wait until the next look, or until a signal comes."""
    if select.select([wakeup], [], [], LOOK_EVERY_S)[0]:
        with contextlib.suppress(BlockingIOError):
            os.read(wakeup, 512)
