"""Which template versions wait for their prompts to be counted: the dispatcher tells a worker (`engine/count.py`), no page waits.

As with items the row decides and the message is a hint.
"""

import logging
from collections.abc import Sequence
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.db import connection
from kombu.exceptions import OperationalError as BrokerError

from lorapipe.queues import Queue

logger = logging.getLogger(__name__)

COUNT = "batches.count_prompts"
AT_ONCE = 50
RING_AGAIN_S = 60
DUE = """
UPDATE prompt_sizes SET next_at = clock_timestamp() + make_interval(secs => %(again)s)
 WHERE id IN (SELECT id FROM prompt_sizes WHERE counted_at IS NULL AND (next_at IS NULL OR next_at <= now()) AND simulated = %(simulated)s
               ORDER BY created_at LIMIT %(at_once)s FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""


def due_counts() -> list[UUID]:
    """Rows that wait for a worker; they are not due again for a minute. Publish them after the commit."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"again": RING_AGAIN_S, "at_once": AT_ONCE, "simulated": settings.DEMO})
        return [row[0] for row in cursor.fetchall()]


def publish_counts(ids: Sequence[UUID]) -> None:
    """Tell the interactive worker. A broker that is away changes nothing: they are due again in a minute."""
    for row_id in ids:
        try:
            current_app.send_task(
                COUNT, args=[str(row_id)], queue=Queue.INTERACTIVE.value, retry=False, ignore_result=True
            )
        except (BrokerError, OSError) as problem:
            logger.warning("The broker is away (%s): prompts will be counted later", problem)
            return
