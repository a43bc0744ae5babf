"""What rooms above this one have the dispatcher do from time to time: they register it here, and this room need not know them."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection

logger = logging.getLogger(__name__)

Duty = Callable[[], object]
_DUTIES: list[Callable[[], Duty]] = []


def add_duty(make: Callable[[], Duty]) -> None:
    """Have each dispatcher process make itself a duty when it starts, and repeat it from time to time."""
    if make not in _DUTIES:
        _DUTIES.append(make)


class DutyLane:
    """Does the duties in a thread of its own, so that nothing is dispatched later because one of them takes long."""

    def __init__(self) -> None:
        self._duties = [make() for make in _DUTIES]
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="duties")
        self._round: Future[None] | None = None

    def begin(self) -> None:
        """Begin a round of all duties, unless the last one is still going on. Returns at once."""
        if self._round is None or self._round.done():
            self._round = self._pool.submit(self._do_all)

    def end(self) -> None:
        """Begin no further round, and wait for the one that is going on."""
        self._pool.shutdown(cancel_futures=True)

    def _do_all(self) -> None:
        try:
            for duty in self._duties:
                duty()
        except Exception:
            logger.exception("A duty of the dispatcher failed: it is done again in the next round")
        finally:
            connection.close()
