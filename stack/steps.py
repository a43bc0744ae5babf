"""Says what a start is doing, and how many seconds each step took."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

REMIND_S = 2.5  # nothing is silent for longer than three seconds


@contextlib.contextmanager
def announce_step(doing: str, say: Callable[[str], None]) -> Iterator[None]:
    """Say at the end of the block how long it took, and that it still runs while it does. `doing`: `Starting PostgreSQL`."""
    started, ended = time.monotonic(), threading.Event()

    def remind() -> None:
        while not ended.wait(REMIND_S):
            say(f"{doing}: {time.monotonic() - started:.0f} s so far")

    watcher = threading.Thread(target=remind, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    say(f"{doing}: {time.monotonic() - started:.1f} s")
