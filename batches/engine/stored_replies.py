"""A reply that was paid and is kept, without a conversation: read it again instead of buying another.

Such are replies that a defect of ours kept from being stored, and those that came for an item that was cancelled.
"""

import logging
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from batches.engine.calls import build_origin
from batches.engine.file import complete_delta
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
from conversations import generation
from conversations.models import Conversation
from conversations.parsing import Draft, read

logger = logging.getLogger(__name__)

STORED = (LogState.SUCCEEDED, LogState.UNUSABLE)
# From these an item is completed by a kept reply; a processing one waits for the reply that is on its way.
USABLE_FROM = (ItemStatus.QUEUED, ItemStatus.FAILED, ItemStatus.CANCELLED)


def find_stored_replies(item_id: UUID) -> "QuerySet[GenerationLog]":
    """The item's paid replies of which there is no conversation, the newest first."""
    rows = GenerationLog.objects.filter(item=item_id, state__in=STORED, conversation=None)
    return rows.filter(response_body__isnull=False).order_by("-created_at")


def use_stored_reply(item: BatchItem) -> bool:
    """Make the item's conversation of a reply that is kept; False where none can be read. It costs nothing.

    Safe to repeat, and beside a worker: the item's state decides under its lock.
    """
    for log in find_stored_replies(item.pk):
        found = _read(log)
        if found is not None and _file(item, log, *found):
            return True
    return False


def _read(log: GenerationLog) -> tuple[Reply, Draft] | None:
    """The conversation in it, as it is read today; None where there is none."""
    try:
        reply = _reply(log)
        return reply, read(reply)
    except ClaudeError:
        return None
    except Exception:
        logger.exception("The kept reply %s could not be read", log.pk)
        return None


def _reply(log: GenerationLog) -> Reply:
    """From the body as it came, JSON or the text of a stream."""
    headers = {"request-id": log.provider_request_id}
    if log.simulated:
        headers[translation.SIMULATOR_HEADER] = "1"
    return translation.reply(
        bytes(log.response_body or b""), headers=headers, duration_ms=log.duration_ms or 0
    )


def _file(item: BatchItem, log: GenerationLog, reply: Reply, draft: Draft) -> bool:
    """The conversation and the item's completion. The money was booked when the reply came, and stays as it is."""
    with transaction.atomic():
        locked, row = lock_item(item.pk), lock_log(log.pk)
        if locked.status == ItemStatus.COMPLETED:
            return True
        if locked.status not in USABLE_FROM or row.state not in STORED:
            return False
        try:
            with transaction.atomic():
                made = _write(item, log, reply, draft, locked)
                connection.check_constraints()
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("The kept reply of item %s could not be stored", item.pk)
            return False
        settle(locked.job_id, complete_delta(Delta(), locked, made))
    return True


def _write(
    item: BatchItem, log: GenerationLog, reply: Reply, draft: Draft, locked: LockedItem
) -> Conversation:
    made = generation.write(
        draft,
        origin=build_origin(item),
        reply=reply,
        cost_usd=log.cost_usd,
        reserved_usd=log.reservation_usd,
    )
    GenerationLog.objects.filter(pk=log.pk).update(
        state=LogState.SUCCEEDED, conversation=made, error_kind="", error_message=""
    )
    BatchItem.objects.filter(pk=item.pk).update(current_log=log)
    end_item(locked, status=ItemStatus.COMPLETED)
    return made
