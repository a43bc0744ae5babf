"""Slots of this process that have become free: whoever comes first rings for all that wait, and each goes on by itself.

No message is needed for a slot that stays busy, and when a hundred replies come at once, a few rings serve them all.
"""

import threading
from collections import deque
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from batches.engine.dispatch import stamp
from lorapipe.queues import Queue


@dataclass(slots=True)
class Free:
    """A slot that waits to be told what to make next."""

    item: UUID | None = None
    told: bool = False


_waiting: dict[Queue, deque[Free]] = {queue: deque() for queue in Queue}
_ringing = threading.Lock()


def next_of(queue: Queue) -> UUID | None:
    """The item that goes on in the caller's slot, chosen in the common order; None when none is due for it.

    Where the database breaks off, the slots that were rung for are left to the dispatcher.
    """
    connection.ensure_connection()  # before waiting: who rings must not need one that a waiting slot holds
    slot = Free()
    _waiting[queue].append(slot)
    with _ringing:
        if not slot.told:
            _ring_for(queue)
    return slot.item


def _ring_for(queue: Queue) -> None:
    waiting = _waiting[queue]
    slots = [waiting.popleft() for _ in range(len(waiting))]
    for each in slots:
        each.told = True
    with transaction.atomic():
        found = stamp(queue, at_most=len(slots))
    for each, item in zip(slots, found, strict=False):
        each.item = item
