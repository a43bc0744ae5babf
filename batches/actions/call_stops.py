"""Stop all calls of the installation to the provider, and allow them again. For its operators, in the admin or a terminal."""

import logging

from django.db import transaction

from batches.engine.dispatch import renew_dispatches
from batches.models import CallStop
from workspaces.audit import record
from workspaces.models import ClockTimestamp, User
from workspaces.states import Action, TargetKind

logger = logging.getLogger(__name__)

NAME = "calls to the provider"


@transaction.atomic
def stop_calls(*, reason: str = "", by: User | None) -> CallStop:
    """From this commit on no call begins. Those in flight are finished and filed, because they are paid for.

    A second stop changes nothing: the first one stays in force.
    """
    if found := CallStop.find_open():
        return found
    made = CallStop.objects.create(stopped_by=by, reason=reason)
    record(
        action=Action.STOP_CALLS,
        kind=TargetKind.INSTALLATION,
        target=made,
        name=NAME,
        by=by,
        after={"reason": reason} if reason else {},
    )
    logger.warning("All calls are stopped")
    return made


@transaction.atomic
def allow_calls(*, by: User | None) -> bool:
    """Let calls begin again. What was queued goes on by itself. False if nothing was stopped."""
    if not CallStop.objects.filter(allowed_at=None).update(allowed_at=ClockTimestamp()):
        return False
    renew_dispatches()
    record(action=Action.ALLOW_CALLS, kind=TargetKind.INSTALLATION, name=NAME, by=by)
    logger.warning("Calls are allowed again")
    return True
