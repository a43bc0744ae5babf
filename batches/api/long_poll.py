"""How a request of the API waits for an item.

It looks at short intervals and does not LISTEN; docs/decisions says why, with numbers.
"""

import threading
import time
from uuid import UUID

from django.conf import settings
from django.db import connection

from batches.engine.moves import DATABASE_AWAY

LONGEST_S = 60.0
LOOK_EVERY_S = 0.2
# At most half of the threads of the web server wait, so that the others stay free for pages.
PLACES = max(1, settings.WEB_THREADS // 2)
_places = threading.BoundedSemaphore(PLACES)

SETTLED = """
SELECT i.status NOT IN ('queued', 'processing') OR (j.status IN ('paused', 'failed', 'cancelled') AND i.status = 'queued')
  FROM batch_items i JOIN batch_jobs j ON j.id = i.job_id WHERE i.id = %s
"""


def wait_for_item(item_id: UUID, *, seconds: float) -> None:
    """Return when the item has ended, when its job stands still, or after so many seconds.

    Between two looks neither a transaction nor a connection is held. When all places are taken, it returns at once and the
    answer says that the item is not there yet.
    """
    if seconds <= 0 or not _places.acquire(blocking=False):
        return
    try:
        _look_until(item_id, time.monotonic() + min(seconds, LONGEST_S))
    finally:
        _places.release()


def _look_until(item_id: UUID, end: float) -> None:
    while not _is_settled(item_id):
        left = end - time.monotonic()
        if left <= 0:
            return
        connection.close()
        time.sleep(min(LOOK_EVERY_S, left))


def _is_settled(item_id: UUID) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(SETTLED, [item_id])
            row = cursor.fetchone()
    except DATABASE_AWAY:  # It may be back at the next look. If it is not, the answer will say so.
        return False
    return row is None or bool(row[0])
