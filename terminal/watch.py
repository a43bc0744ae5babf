"""Stay with a job until it stands still; Ctrl-C pauses it."""

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
PATIENCE_S = 90.0  # the supervisor starts a dead PostgreSQL again within 30 s
AWAY = (OperationalError, InterfaceError)


class Left(Exception):
    """A second Ctrl-C: the calls in flight go on without us."""


class DatabaseGone(Exception):
    """It did not come back; the rows say what is left to do."""


def watch(job: BatchJob, *, by: User, screen: Screen, signals: Signals, wakeup: int) -> Progress:
    """Where the job stands once nothing of it runs any more. The first signal pauses it, the second raises Left."""
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
    """The progress, waiting for a database that is being started again."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return progress(job)
        except AWAY as error:
            connection.close()
            if signals.count > 1:
                raise Left from error
            if time.monotonic() > deadline:
                raise DatabaseGone(str(error).strip()) from error
            time.sleep(LOOK_EVERY_S)


def _pause(job: BatchJob, *, by: User) -> bool:
    """Whether it is paused now, or has ended before we could; False when the database is away."""
    try:
        with contextlib.suppress(StaleState):
            pause(job, by=by)
    except AWAY:
        connection.close()
        return False
    return True


def _rest(wakeup: int) -> None:
    """Until the next look, or at once when a signal comes."""
    if select.select([wakeup], [], [], LOOK_EVERY_S)[0]:
        with contextlib.suppress(BlockingIOError):
            os.read(wakeup, 512)
