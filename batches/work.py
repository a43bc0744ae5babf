"""One item, from message to conversation: prepare, claim, ask, file.

This is the whole way. Retries, resumed jobs and recovered crashes come back into it as messages.
"""

import logging
import time
from collections.abc import Callable
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from batches.engine.ask import ask
from batches.engine.claim import Call, Claim, claim, may_still_leave, prepare
from batches.engine.filing import file, judge
from batches.engine.ring import ring
from batches.engine.setbacks import fail, fail_unasked, release, set_back, stop_job
from batches.states import Reason
from claude.errors import ClaudeError
from claude.lineup import UnknownModel, UnknownPrice
from lorapipe.queues import Queue
from templates_app.rendering import TemplateSyntax, ValuesError

logger = logging.getLogger(__name__)

LATEST_START_S = 1.0  # a permit that is used later than this would slip out of its window
SLOWEST_REPEAT_S = 5.0


def generate(item_id: UUID, *, worker_id: UUID, queue: Queue) -> None:
    """Make one conversation of one item. Safe to run twice, late, or for an item that is not waiting any more."""
    call = resolve(item_id)
    claimed = claim(call, worker_id=worker_id) if call else None
    if claimed is None:
        return
    if not wait_for_permit(claimed):
        until_stored(lambda: release(claimed))
        return
    ask_and_file(claimed)
    ring_next(claimed.call, queue)


def resolve(item_id: UUID) -> Call | None:
    """The call that this item asks for; None when there is nothing to ask. What forbids asking is written down."""
    try:
        return prepare(item_id)
    except (UnknownModel, UnknownPrice) as problem:
        stop_job(item_id, reason=Reason.MODEL, message=str(problem))
    except (ValuesError, TemplateSyntax) as problem:
        fail_unasked(item_id, message=str(problem))
    return None


def wait_for_permit(claimed: Claim) -> bool:
    """Wait until the permit starts, holding no connection; False when the call may not leave any more."""
    connection.close()
    starts_at = time.monotonic() + claimed.leave_in
    time.sleep(claimed.leave_in)
    late_s = time.monotonic() - starts_at
    return late_s <= LATEST_START_S and may_still_leave(claimed)


def ask_and_file(claimed: Claim) -> None:
    """The only slow line: no transaction and no connection is held while Claude thinks."""
    connection.close()
    call = claimed.call
    try:
        paid = judge(ask(call), model=call.request.model, on=call.on)
    except ClaudeError as error:
        problem = error
        until_stored(lambda: set_back(claimed, problem))
    except Exception as bug:
        logger.exception("The call for item %s broke off", call.item_id)
        message = f"The call broke off ({type(bug).__name__}). This is a defect of LoRAPipe."
        until_stored(lambda: fail(claimed, kind="internal", message=message))
    else:
        until_stored(lambda: file(claimed, paid))


def until_stored(store: Callable[[], None]) -> None:
    """Repeat a filing until the database has it: the reply in our hands is paid. Every filing is safe to repeat."""
    pause_s = 0.1
    while True:
        try:
            return store()
        except (OperationalError, InterfaceError) as problem:
            logger.warning("The database did not take it (%s): trying again", problem)
            connection.close()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, SLOWEST_REPEAT_S)


def ring_next(call: Call, queue: Queue) -> None:
    """Fill the slot that has just become free. If this fails, the dispatcher does it within half a second."""
    try:
        ring(queue, job_id=call.job_id, at_most=1)
    except (OperationalError, InterfaceError) as problem:
        logger.warning("The next item was not rung (%s): the dispatcher will", problem)
