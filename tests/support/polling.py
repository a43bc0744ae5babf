"""Waiting for something to become true: poll with a deadline."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction

T = TypeVar("T")


def wait_for(look: Callable[[], T], *, seconds: float = 90, every: float = 0.05, what: str = "") -> T:
    """Returns the first true answer of `look`; raises AssertionError with its last answer when the time is up."""
    ends_at = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends_at:
            raise AssertionError(
                f"{what or look.__name__} did not come true in {seconds} s; last answer: {found!r}"
            )
        time.sleep(every)


@contextmanager
def in_another_connection(do: Callable[[], object]) -> Iterator[None]:
    """Runs `do` in a transaction of another connection, which stays open while the block runs."""
    done, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                do()
                done.set()
                over.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert done.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join(10)
