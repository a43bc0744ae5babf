"""One item from message to result: prepare, claim, ask, file. This file is the whole way, from top to bottom.

What the result is (a conversation, a judgement of one) is the item's kind: `batches.engine.kinds`. There is no second path: retries, resumed jobs
and items of crashed workers come back as messages into `generate_item`.
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
from batches.engine.kinds.kind import TargetDeleted
from batches.engine.moves import DATABASE_AWAY
from batches.engine.retry import break_off, fail_unasked, handle_error, release, stop_job, withdraw
from batches.engine.stored_replies import use_stored_reply
from batches.limits.limiter import NoLimiter
from batches.limits.pools import UnknownKey, make_missing_limits
from batches.models.states import Reason
from claude.client import CONNECTIONS_PER_SHARD, Client
from claude.current_models import UnknownModel, UnknownPrice
from claude.errors import ClaudeError
from claude.messages import Provider, Reply
from lorapipe.queues import Queue
from templates_app.text.rendering import TemplateSyntax, ValuesError, VariableError

logger = logging.getLogger(__name__)

# A permit that is used later than this would count in another window of the rate limit than it was granted for.
LATEST_START_S = 1.0
SLOWEST_REPEAT_S = 5.0  # the longest pause between two attempts to store a reply
CLIENTS = 64  # how many keys have a client at the same time


def generate_item(item_id: UUID, *, worker_id: UUID, queue: Queue) -> UUID | None:
    """Make the result of one item. Returns the item to go on with in this slot, or None.

    Safe to run twice, late, or for an item that is no longer queued.
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
    """Prepare the item's call. None when no call is to be made; if that is an error, it is stored on the item or its job.

    An item that a person has retried may have a stored reply that is paid already. It is used first. Raises the
    database's errors.
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
    except TargetDeleted as problem:
        fail_unasked(item_id, kind="deleted", message=str(problem))
    except Exception as bug:  # otherwise the item would be dispatched and fail for ever
        logger.exception("No request could be made of item %s", item_id)
        fail_unasked(item_id, kind="internal", message=f"No request could be made ({type(bug).__name__}).")
    return None


def claim_or_withdraw(call: Call, worker_id: UUID) -> Claim | None:
    """Claim the item; None when the claim is refused.

    When the connection breaks off, nobody knows whether the claim was committed: then it is withdrawn. The limiter has no
    rows yet for a key that was changed a moment ago.
    """
    try:
        try:
            return claim(call, worker_id=worker_id)
        except NoLimiter:
            make_missing_limits()
            return claim(call, worker_id=worker_id)
    except DATABASE_AWAY as problem:
        logger.warning("The claim of item %s broke off (%s)", call.item_id, problem)
        connection.close()
        until_stored(partial(withdraw, call))
    return None


def wait_for_permit(claimed: Claim) -> bool:
    """Wait until the permit starts, without holding a connection. False when the call may no longer be made."""
    seconds = claimed.starts_at - time.monotonic()
    # Without a wait the connection is kept: it is needed again at once, and a new one costs a health check.
    if seconds > 0:
        connection.close()
        time.sleep(seconds)
    return may_still_leave(claimed) and time.monotonic() <= claimed.starts_at + LATEST_START_S


def ask_and_file(claimed: Claim) -> None:
    """Ask Claude and store what came of it. No transaction and no database connection is held during the call."""
    connection.close()
    call = claimed.call
    try:
        reply = ask(call)
    except ClaudeError as error:
        until_stored(partial(handle_error, claimed, error))
    except Exception as bug:
        logger.exception("The call for item %s broke off", call.item_id)
        until_stored(partial(break_off, claimed, bug))
    else:
        until_stored(partial(file, claimed, read_reply(call, reply)))


def ask(call: Call) -> Reply:
    """Make one attempt, which ends at the call's deadline. Raises Busy, Blocked, Declined or Unusable."""
    return _client(call.provider).send(call.prepared, deadline_s=call.deadline_s)


@functools.lru_cache(maxsize=CLIENTS)
def _client(provider: Provider) -> Client:
    """The HTTP client of a provider. All slots of the process share it; a changed key is another provider."""
    return Client(provider, shards=-(-settings.ENVIRONMENT.worker_slots // CONNECTIONS_PER_SHARD))


def until_stored(store: Callable[[], None]) -> None:
    """Repeat `store` until the database has accepted it, because the reply in memory is paid for.

    `store` must be safe to repeat. Pauses of 0.1, 0.2, 0.4 ... up to 5 s lie between the attempts.
    """
    pause_s = 0.1
    while True:
        try:
            return store()
        except DATABASE_AWAY as problem:
            logger.warning("The database could not store a result (%s): trying again", problem)
            connection.close()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, SLOWEST_REPEAT_S)


def choose_next(queue: Queue) -> UUID | None:
    """The item that the free slot goes on with: of whichever job has its turn, not necessarily of the same job."""
    try:
        return next_item(queue)
    except DATABASE_AWAY as problem:
        logger.warning("The next item could not be chosen (%s): the dispatcher will dispatch it", problem)
    return None
