"""Waiting without sleeping blindly: poll with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

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
