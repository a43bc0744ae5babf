"""Step 4 of 4: file a reply, in one transaction with a savepoint inside.

The outer part books what was paid: usage, cost and the raw body. The savepoint stores the result (a conversation with its
turns, a judgement) and completes the item. Whatever goes wrong with the text rolls back the savepoint only; the money is
booked in any case.
"""

import json
import logging
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from batches.engine.calls import Call
from batches.engine.claim import Claim
from batches.engine.kinds.kind import Result
from batches.engine.moves import (
    DATABASE_AWAY,
    Delta,
    LockedItem,
    LockedLog,
    backoff_s,
    book,
    end_item,
    lock_item,
    lock_log,
    requeue,
    settle,
    settle_requeued,
)
from batches.engine.prompt_cache import record_reply
from batches.models import GenerationLog
from batches.models.states import OPEN_ITEMS, ItemStatus, LogState
from claude import current_models
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.messages import Reply, Request, Usage
from conversations import generation

logger = logging.getLogger(__name__)

# In these states an item can still be completed by a paid reply, even if another worker has claimed it since.
WINNABLE = (ItemStatus.PROCESSING, ItemStatus.QUEUED, ItemStatus.FAILED)
UNUSABLE_REPLIES = 3  # this many are paid for, then the item fails
CUT_REPLIES = 2  # the first one, and one with twice the max_tokens


@dataclass(frozen=True)
class Paid:
    """A reply with its cost in USD and its result: what its kind reads from it, or the error that reading it raised.

    An error other than ClaudeError is a defect of LoRAPipe. `saved`: what caching saved of the cost, in USD.
    """

    reply: Reply
    cost: Decimal
    result: Result | Exception
    saved: Decimal = Decimal(0)


def read_reply(call: Call, reply: Reply) -> Paid:
    """Price a reply by the table that its call was made under, and read it. It asks no database and is done before any lock is taken.

    Raises UnknownPrice.
    """
    model, on, prices = call.request.model, call.on, call.prices
    cost = generation.compute_cost(reply, model=model, on=on, prices=prices)
    saved = generation.compute_saving(reply, model=model, on=on, prices=prices)
    try:
        return Paid(reply, cost, call.kind.read(reply, call.origin), saved)
    except Exception as problem:
        return Paid(reply, cost, problem, saved)


def file(claim: Claim, paid: Paid) -> None:
    """Store a paid reply: usage, cost and body always; the result unless another reply has completed the item.

    Safe to repeat, and safe long after the claim: the states of item and log row and the constraint of one result per
    item guard it, not the claim's token. Raises the database's errors; then nothing is stored.
    """
    with transaction.atomic():
        item, log = lock_item(claim.call.item_id), lock_log(claim.call.log_id)
        if lifetime := claim.call.request.lifetime:
            record_reply(log_id=log.id, lifetime=lifetime, usage=paid.reply.usage)
        if isinstance(paid.result, ClaudeError):
            _file_problem(claim, paid.result, item, log, cost=paid.cost, fields=reply_fields(paid))
        elif isinstance(paid.result, Exception):
            _file_bug(paid.result, paid, item, log)
        else:
            _file_result(claim, paid, item, log)


def file_unreadable(claim: Claim, problem: Unusable) -> None:
    """File an answer with status 200 that is no message; its body is kept.

    The cost is that of the tokens which a stream has reported, or the whole reservation if it has reported none.
    """
    cost = compute_known_cost(problem, call=claim.call)
    fields = {
        "response_body": problem.body,
        "provider_request_id": (problem.request_id or "")[:100],
        **token_fields(problem.usage),
    }
    with transaction.atomic():
        item, log = lock_item(claim.call.item_id), lock_log(claim.call.log_id)
        worst = claim.call.reservation
        _file_problem(
            claim, problem, item, log, cost=worst if cost is None else cost, fields=fields, refused=True
        )


def _file_result(claim: Claim, paid: Paid, item: LockedItem, log: LockedLog) -> None:
    if item.status == ItemStatus.COMPLETED:
        _book_without_item(paid, item, log, state=LogState.SURPLUS)
    elif item.status not in WINNABLE:
        # The item was cancelled: the reply is kept, and a person may still use it.
        _book_without_item(paid, item, log, state=LogState.SUCCEEDED)
    elif claim.call.kind.is_deleted(claim.call.origin):
        _keep_without_target(claim, paid, item, log)
    else:
        _complete(claim, paid, item, log)


def _keep_without_target(claim: Claim, paid: Paid, item: LockedItem, log: LockedLog) -> None:
    """What the result belongs to was deleted during the call. The reply is kept in the log, and a person may still use it."""
    delta = book(log, state=LogState.SUCCEEDED, cost=paid.cost, **reply_fields(paid))
    if delta is None:
        return
    if item.status in OPEN_ITEMS:
        end_item(item, status=ItemStatus.FAILED, kind="deleted", message=claim.call.kind.deleted)
        delta.in_flight = -1 if item.status == ItemStatus.PROCESSING else 0
        delta.failed = 1
    settle(item.job_id, delta)


def _complete(claim: Claim, paid: Paid, item: LockedItem, log: LockedLog) -> None:
    key = uuid4()  # chosen beforehand, so that the log row is written once and not twice
    conversation = claim.call.kind.name_conversation(claim.call.origin, key)
    delta = book(
        log, state=LogState.SUCCEEDED, cost=paid.cost, conversation=conversation, **reply_fields(paid)
    )
    if delta is None:
        return
    try:
        with transaction.atomic():
            successful = claim.call.kind.write(
                paid.result, origin=claim.call.origin, reply=paid.reply, cost_usd=paid.cost, key=key
            )
            end_item(item, status=ItemStatus.COMPLETED, log_id=claim.call.log_id)
            # Deferred constraints would fail at the commit only, and take the booking of the money with them.
            connection.check_constraints()
    except DATABASE_AWAY:
        raise  # the caller repeats the whole filing
    except Exception as bug:
        _park(bug, item, log, delta)
        return
    settle(item.job_id, complete_delta(delta, item, successful=successful))


def complete_delta(delta: Delta, item: LockedItem, *, successful: bool) -> Delta:
    """Add the item's completion to the changes of its job. They depend on the status that the item had before."""
    delta.completed = 1
    delta.successful = int(successful)
    delta.in_flight = -1 if item.status == ItemStatus.PROCESSING else 0
    delta.failed = -1 if item.status == ItemStatus.FAILED else 0
    return delta


def _file_bug(bug: Exception, paid: Paid, item: LockedItem, log: LockedLog) -> None:
    delta = book(log, state=LogState.UNUSABLE, cost=paid.cost, **reply_fields(paid))
    if delta is not None:
        _park(bug, item, log, delta)


def _park(bug: Exception, item: LockedItem, log: LockedLog, delta: Delta) -> None:
    """Fail an item whose reply we could not read or store. The reply is paid and kept, and is not paid for a second time."""
    logger.exception("The paid reply of item %s could not be stored", item.id, exc_info=bug)
    message = (
        "The reply is paid and kept, but could not be stored as what it is. This is a defect of LoRAPipe."
    )
    GenerationLog.objects.filter(pk=log.id).update(
        state=LogState.UNUSABLE,
        conversation=None,
        error_kind="internal",
        error_message=f"{message} ({type(bug).__name__})",
    )
    if item.status in OPEN_ITEMS:
        end_item(item, status=ItemStatus.FAILED, kind="internal", message=message)
        delta.in_flight = -1 if item.status == ItemStatus.PROCESSING else 0
        delta.failed, delta.stops = 1, True
    settle(item.job_id, delta)


def _book_without_item(paid: Paid, item: LockedItem, log: LockedLog, *, state: LogState) -> None:
    delta = book(log, state=state, cost=paid.cost, **reply_fields(paid))
    if delta is not None:
        settle(item.job_id, delta)


# --- paid, but without a result ---------------------------------------------------------------------


def _file_problem(
    claim: Claim,
    problem: ClaudeError,
    item: LockedItem,
    log: LockedLog,
    *,
    cost: Decimal,
    fields: dict[str, Any],
    refused: bool = False,
) -> None:
    """`refused`: what came was no reply of the model at all, so it counts as a refusal."""
    fields = {**fields, "error_kind": problem.kind, "error_message": problem.message}
    delta = book(log, state=LogState.UNUSABLE, cost=cost, **fields)
    if delta is None:
        return
    if refused:
        note_refusal(delta, problem)
    if item.token != claim.token:  # the item was reaped and belongs to another claim: book the money only
        settle(item.job_id, delta)
        return
    delta.in_flight = -1
    if _is_final(problem, item, asked=claim.call.request):
        end_item(item, status=ItemStatus.FAILED, kind=problem.kind, message=problem.message)
        delta.failed, delta.stops = 1, True
        settle(item.job_id, delta)
    else:
        requeue(item, wait_s=backoff_s(item.attempt), kind=problem.kind, message=problem.message)
        settle_requeued(item, delta)


def _is_final(problem: ClaudeError, item: LockedItem, *, asked: Request) -> bool:
    """Whether the item fails now. The limits are counted in its log rows, this one included."""
    if isinstance(problem, Declined) or item.attempt >= settings.ENGINE_MAX_ATTEMPTS:
        return True
    bought = GenerationLog.objects.filter(item_id=item.id, state=LogState.UNUSABLE)
    if problem.kind == "max_tokens":
        no_more_room = asked.max_tokens >= current_models.find_card(asked.model).max_output
        return no_more_room or bought.filter(error_kind="max_tokens").count() >= CUT_REPLIES
    # After a retry by a person the count starts at 0. Cut-off replies are counted above over all retries, because the
    # same prompt would be cut off again.
    lately = bought.exclude(error_kind="max_tokens").exclude(created_at__lt=F("item__retried_at"))
    return lately.count() >= UNUSABLE_REPLIES


def compute_known_cost(error: ClaudeError, *, call: Call) -> Decimal | None:
    """The cost in USD of a stream that broke off, or None when it had reported no tokens.

    The prompt is priced as reported. The output is priced at `max_tokens` unless the final count had arrived.
    """
    usage = error.usage
    if usage is None:
        return None
    if not error.output_known:
        usage = replace(usage, output_tokens=max(usage.output_tokens, call.request.max_tokens))
    return call.prices.cost(usage, model=call.request.model, on=call.on)


def note_refusal(delta: Delta, error: ClaudeError) -> None:
    """Count this answer among the refusals in a row of its job, unless it cost no attempt or stops the job anyway."""
    if isinstance(error, Blocked) or (isinstance(error, Busy) and not error.costs_attempt):
        return
    delta.refusal, delta.passing, delta.note = error.name, isinstance(error, Busy), error.message


def token_fields(usage: Usage | None) -> dict[str, Any]:
    """The token columns of a log row; empty when the provider reported no usage."""
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "cache_read_tokens": usage.cache_read,
        "estimated": usage.estimated,
    }


def reply_fields(paid: Paid) -> dict[str, Any]:
    """The columns of a log row that come from the reply. The body is kept raw, and as JSON where PostgreSQL can store it."""
    reply = paid.reply
    return {
        "response_body": reply.body,
        "response_payload": parse_representable(reply.json),
        "simulated": reply.simulated,
        **token_fields(reply.usage),
        "cache_saved_usd": paid.saved,
        "duration_ms": reply.duration_ms,
        "provider_request_id": (reply.request_id or "")[:100],
        "stop_reason": (reply.stop_reason or "")[:40],
        "reading_notes": "" if isinstance(paid.result, Exception) else "\n".join(paid.result.repairs),
        "reported": reply.limits,
    }


def parse_representable(body: bytes) -> Any:
    """The body as JSON. None when it is no JSON, or when it cannot be stored: jsonb refuses NUL, psycopg lone surrogates."""
    try:
        text = body.decode()
        payload = json.loads(text)
        dumped = json.dumps(payload, ensure_ascii=False, allow_nan=False)
        dumped.encode()
    except (ValueError, RecursionError):
        return None
    return None if "\\u0000" in dumped else payload
