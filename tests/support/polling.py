"""Waiting without sleeping blindly: poll with a deadline."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction

T = TypeVar("T")


def wait_for(look: Callable[[], T], *, seconds: float = 30, every: float = 0.05, what: str = "") -> T:
    """The first true answer of `look`; AssertionError with its last answer when the time is up."""
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
    """What `do` has done in a transaction of another connection stays open while the block runs."""
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
