"""How a request of the API waits for an item.

It looks at short intervals and does not LISTEN; docs/decisions says why, with numbers.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.engine.moves import DATABASE_AWAY

LONGEST_S = 60.0
LOOK_EVERY_S = 0.2
# At most half of the threads of the web server wait, so that the others stay free for pages.
PLACES = max(1, settings.WEB_THREADS // 2)

SETTLED = """
SELECT i.status NOT IN ('queued', 'processing') OR (j.status IN ('paused', 'failed', 'cancelled') AND i.status = 'queued')
  FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id WHERE i.id = %s
"""


@dataclass(eq=False)
class Place:
    """A request that waits for this user. `given_up` is set when it shall answer at once."""

    user_id: UUID
    given_up: threading.Event = field(default_factory=threading.Event)


class Places:
    """The waiting places of this process, shared between users: one may have all of them while nobody else wants one."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._taken: list[Place] = []  # the longest waiting first
        self._lock = threading.Lock()

    def take(self, user_id: UUID) -> Place | None:
        """A place, if need be that of the user who has the most, if it is two more. None when all are taken fairly."""
        with self._lock:
            if len(self._taken) >= self.count and not self._take_from_most(user_id):
                return None
            self._taken.append(Place(user_id))
            return self._taken[-1]

    def leave(self, place: Place) -> None:
        with self._lock:
            if place in self._taken:
                self._taken.remove(place)

    def _take_from_most(self, user_id: UUID) -> bool:
        held = Counter(place.user_id for place in self._taken)
        most, number = held.most_common(1)[0]
        if number < held[user_id] + 2:
            return False
        longest = next(place for place in self._taken if place.user_id == most)
        self._taken.remove(longest)
        longest.given_up.set()
        return True


PLACES_HERE = Places(PLACES)


def wait_for_item(item_id: UUID, *, seconds: float, user_id: UUID) -> None:
    """Return when the item has ended, when its job stands still, or after so many seconds.

    Between two looks neither a transaction nor a connection is held. When no place is free, or when it is given to another
    user, it returns at once and the answer says that the item is not there yet.
    """
    place = PLACES_HERE.take(user_id) if seconds > 0 else None
    if place is None:
        return
    try:
        _look_until(item_id, time.monotonic() + min(seconds, LONGEST_S), place)
    finally:
        PLACES_HERE.leave(place)


def _look_until(item_id: UUID, end: float, place: Place) -> None:
    while not _is_settled(item_id):
        left = end - time.monotonic()
        if left <= 0:
            return
        connection.close()
        if place.given_up.wait(min(LOOK_EVERY_S, left)):
            return


def _is_settled(item_id: UUID) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(SETTLED, [item_id])
            row = cursor.fetchone()
    except DATABASE_AWAY:  # It may be back at the next look. If it is not, the answer will say so.
        return False
    return row is None or bool(row[0])
