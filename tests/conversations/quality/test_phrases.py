"""The lists of patterns are read once, however many threads want them first."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from conversations.quality.detectors import phrases

THREADS = 8


@pytest.fixture(autouse=True)
def unread() -> None:
    phrases._read.cache_clear()


def test_threads_that_come_at_once_compile_the_patterns_once() -> None:
    together = Barrier(THREADS)

    def read(name: str) -> phrases.PhraseBook:
        together.wait()
        return phrases.read_phrases(name)

    with ThreadPoolExecutor(THREADS) as pool:
        books = set(pool.map(read, ["stock"] * THREADS))
    assert len(books) == 1
    assert phrases._read.cache_info().misses == 1
