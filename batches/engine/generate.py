"""One item, from message to conversation: prepare, claim, ask, file.

This is the whole way. Retries, resumed jobs and recovered crashes come back into it as messages.
"""

import functools
import logging
import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.engine.calls import Call, build_call, read_queued_item
from batches.engine.claim import Claim, claim, may_still_leave
from batches.engine.dispatch import next_item
from batches.engine.file import file, read_reply
from batches.engine.moves import DATABASE_AWAY
from batches.engine.retry import break_off, fail_unasked, release, set_back, stop_job, withdraw
from batches.engine.stored_replies import use_stored_reply
from batches.limits.pools import UnknownKey, provider
from batches.models.states import Reason
from claude.client import CONNECTIONS_PER_SHARD, Client
from claude.current_models import UnknownModel, UnknownPrice
from claude.errors import ClaudeError
from claude.messages import Reply
from lorapipe.queues import Queue
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError

logger = logging.getLogger(__name__)

LATEST_START_S = 1.0  # a permit that is used later than this would slip out of its window
SLOWEST_REPEAT_S = 5.0


def generate_item(item_id: UUID, *, worker_id: UUID, queue: Queue) -> UUID | None:
    """Make one conversation of one item; returns the item that goes on in this slot, if one is due.

    Safe to run twice, late, or for an item that is not waiting any more.
    """
    call = prepare_call(item_id)
    claimed = claim_or_withdraw(call, worker_id) if call else None
    if claimed is None:
        return None
    if not wait_for_permit(claimed):
        until_stored(partial(release, claimed))
        return None
    ask_and_file(claimed)
    return choose_next(queue)


def prepare_call(item_id: UUID) -> Call | None:
    """The call that this item asks for; None when there is nothing to ask. What forbids asking is written down.

    An item that a person has retried may have a reply that is paid and kept: it is read first, and not bought again.
    """
    try:
        item = read_queued_item(item_id)
        if item is None or (item.retried_at is not None and use_stored_reply(item)):
            return None
        return build_call(item)
    except DATABASE_AWAY:
        raise
    except UnknownKey as problem:
        stop_job(item_id, reason=Reason.PROVIDER_AUTH, message=str(problem))
    except (UnknownModel, UnknownPrice) as problem:
        stop_job(item_id, reason=Reason.MODEL, message=str(problem))
    except (ValuesError, TemplateSyntax, VariableError) as problem:
        fail_unasked(item_id, kind="values", message=str(problem))
    except Exception as bug:  # it would be rung, and fail, for ever
        logger.exception("No request could be made of item %s", item_id)
        fail_unasked(item_id, kind="internal", message=f"No request could be made ({type(bug).__name__}).")
    return None


def claim_or_withdraw(call: Call, worker_id: UUID) -> Claim | None:
    """Claim the item. When the database breaks off nobody knows whether it did: then the claim is taken back."""
    try:
        return claim(call, worker_id=worker_id)
    except DATABASE_AWAY as problem:
        logger.warning("The claim of item %s broke off (%s)", call.item_id, problem)
        connection.close()
        until_stored(partial(withdraw, call))
    return None


def wait_for_permit(claimed: Claim) -> bool:
    """Wait until the permit starts, holding no connection; False when the call may not leave any more."""
    seconds = claimed.starts_at - time.monotonic()
    if (
        seconds > 0
    ):  # else the connection is used again at once, and one taken anew costs a look at its health
        connection.close()
        time.sleep(seconds)
    return may_still_leave(claimed) and time.monotonic() <= claimed.starts_at + LATEST_START_S


def ask_and_file(claimed: Claim) -> None:
    """The only slow line: no transaction and no connection is held while Claude thinks."""
    connection.close()
    call = claimed.call
    try:
        reply = ask(call)
    except ClaudeError as error:
        until_stored(partial(set_back, claimed, error))
    except Exception as bug:
        logger.exception("The call for item %s broke off", call.item_id)
        until_stored(partial(break_off, claimed, bug))
    else:
        paid = read_reply(reply, model=call.request.model, on=call.on, prices=call.prices)
        until_stored(partial(file, claimed, paid))


def ask(call: Call) -> Reply:
    """One attempt, over at the call's deadline. Raises Busy, Blocked, Declined or Unusable."""
    return _client(call.key).send(call.prepared, deadline_s=call.deadline_s)


@functools.cache
def _client(key: str) -> Client:
    """One a key for the whole process: every slot shares it."""
    return Client(provider(key), shards=-(-settings.ENVIRONMENT.worker_slots // CONNECTIONS_PER_SHARD))


def until_stored(store: Callable[[], None]) -> None:
    """Repeat a filing until the database has it: the reply in our hands is paid. Every filing is safe to repeat."""
    pause_s = 0.1
    while True:
        try:
            return store()
        except DATABASE_AWAY as problem:
            logger.warning("The database did not take it (%s): trying again", problem)
            connection.close()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, SLOWEST_REPEAT_S)


def choose_next(queue: Queue) -> UUID | None:
    """The slot that has just become free is everybody's: whose turn it is goes on in it. If this fails, the dispatcher does it."""
    try:
        return next_item(queue)
    except DATABASE_AWAY as problem:
        logger.warning("The next item was not rung (%s): the dispatcher will", problem)
    return None
