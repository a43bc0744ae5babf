"""What must not be lost is stored again and again until the database has it."""

import logging
import time
from collections.abc import Callable

from django.db import connection

from batches.engine.moves import DATABASE_AWAY

logger = logging.getLogger(__name__)

SLOWEST_REPEAT_S = 5.0


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
