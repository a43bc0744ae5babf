"""Use a stored reply: one that is paid and kept in the log, but has no result. It is read again at no cost.

There are two sorts: replies that a defect of LoRAPipe kept from being stored, and replies that arrived for an item which
had been cancelled.
"""

import logging
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import QuerySet

from batches.engine.file import complete_delta
from batches.engine.kinds.kind import Kind, Origin, Result
from batches.engine.kinds.registry import find_kind
from batches.engine.moves import (
    DATABASE_AWAY,
    Delta,
    LockedItem,
    end_item,
    lock_item,
    lock_log,
    settle,
)
from batches.models import BatchItem, GenerationLog
from batches.models.states import ItemStatus, LogState
from claude import translation
from claude.errors import ClaudeError
from claude.messages import Reply

logger = logging.getLogger(__name__)

STORED = (LogState.SUCCEEDED, LogState.UNUSABLE)
# The states in which an item may be completed by a stored reply. A processing item waits for the reply of its own call.
USABLE_FROM = (ItemStatus.QUEUED, ItemStatus.FAILED, ItemStatus.CANCELLED)


def find_stored_replies(item_id: UUID) -> "QuerySet[GenerationLog]":
    """The item's stored replies (paid, without a result), the newest first."""
    rows = GenerationLog.objects.filter(item=item_id, state__in=STORED, conversation=None)
    return rows.filter(response_body__isnull=False).order_by("-created_at")


def was_reply_removed(item_id: UUID) -> bool:
    """Whether a reply was stored for the item that is not kept any more (`batches.actions.payloads`)."""
    rows = GenerationLog.objects.filter(item=item_id, state__in=STORED, conversation=None)
    return rows.filter(payloads_removed_at__isnull=False).exists()


def use_stored_reply(item: BatchItem) -> bool:
    """Make the item's result from one of its stored replies. False when none of them can be read.

    Safe to repeat, and safe while a worker claims the item: the item's state decides, read under its lock.
    """
    kind = find_kind(item.kind)
    origin = kind.build_origin(item)
    for log in find_stored_replies(item.pk):
        found = _read(log, kind, origin)
        if found is not None and _file(item, log, kind, origin, *found):
            return True
    return False


def _read(log: GenerationLog, kind: Kind[Any, Any], origin: Origin) -> tuple[Reply, Result] | None:
    """The reply and what it holds, read by today's rules; None when there is no result in it."""
    try:
        reply = _reply(log)
        return reply, kind.read(reply, origin)
    except ClaudeError:
        return None
    except Exception:
        logger.exception("The stored reply %s could not be read", log.pk)
        return None


def _reply(log: GenerationLog) -> Reply:
    """The reply, from the raw body: JSON, or the text of a stream."""
    headers = {"request-id": log.provider_request_id}
    if log.simulated:
        headers[translation.SIMULATOR_HEADER] = "1"
    return translation.reply(
        bytes(log.response_body or b""),
        headers=headers,
        duration_ms=log.duration_ms or 0,
        asked=log.request_payload,
    )


def _file(
    item: BatchItem, log: GenerationLog, kind: Kind[Any, Any], origin: Origin, reply: Reply, result: Result
) -> bool:
    """Store the result and complete the item. The money was booked when the reply arrived, and is not changed."""
    with transaction.atomic():
        locked, row = lock_item(item.pk), lock_log(log.pk)
        if locked.status == ItemStatus.COMPLETED:
            return True
        if locked.status not in USABLE_FROM or row.state not in STORED:
            return False
        try:
            with transaction.atomic():
                key = uuid4()
                successful = kind.write(result, origin=origin, reply=reply, cost_usd=log.cost_usd, key=key)
                _complete(item, log, locked, conversation_id=kind.name_conversation(origin, key))
                connection.check_constraints()
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("The stored reply of item %s could not be stored", item.pk)
            return False
        settle(locked.job_id, complete_delta(Delta(), locked, successful=successful))
    return True


def _complete(item: BatchItem, log: GenerationLog, locked: LockedItem, *, conversation_id: UUID) -> None:
    GenerationLog.objects.filter(pk=log.pk).update(
        state=LogState.SUCCEEDED, conversation=conversation_id, error_kind="", error_message=""
    )
    BatchItem.objects.filter(pk=item.pk).update(current_log=log)
    end_item(locked, status=ItemStatus.COMPLETED)
