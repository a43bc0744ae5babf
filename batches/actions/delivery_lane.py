"""Threads of the dispatcher that send notices to webhooks.

They share nothing with the workers: a receiver that is slow, or that never ends its answer, holds up other receivers at
most, and those only as far as there are threads. One thread at a time serves a workspace.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.db import connection

from batches.actions.notices import AT_ONCE, deliver, find_due_workspaces, take_due

logger = logging.getLogger(__name__)

THREADS = 8


class DeliveryLane:
    """Sends what is due, in threads of its own. Several processes may do so: each notice is taken by one of them."""

    def __init__(self, *, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="delivery")
        self._served: set[UUID] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def send_due(self) -> None:
        """Give each workspace that has due notices to a thread, unless one serves it already. Returns at once."""
        with self._lock:
            served = tuple(self._served)
        for workspace_id in find_due_workspaces(served=served):
            with self._lock:
                self._served.add(workspace_id)
            self._pool.submit(self._serve, workspace_id)

    def end(self) -> None:
        """Begin nothing new, and wait for what is being sent: as long as one delivery may take at most."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)

    def _serve(self, workspace_id: UUID) -> None:
        """Send this workspace's notices, one after the other. After a failure another workspace has its turn first."""
        try:
            for _ in range(AT_ONCE):
                notice_id = None if self._stopping.is_set() else take_due(workspace_id)
                if notice_id is None or not deliver(notice_id):
                    return
        except Exception:
            logger.exception("Notices of workspace %s were not sent: they will be tried again", workspace_id)
        finally:
            connection.close()
            with self._lock:
                self._served.discard(workspace_id)
