"""The queues' names. The one module of the project that other rooms may import."""

from enum import StrEnum


class Queue(StrEnum):
    GENERATION = "generation"  # items of batches: long calls, many at once
    INTERACTIVE = (
        "interactive"  # single generations: a small worker of its own, so that they start within 2 s
    )
