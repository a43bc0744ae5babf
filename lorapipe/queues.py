"""The names of the queues. Other apps may import only this module of the project."""

from enum import StrEnum


class Queue(StrEnum):
    GENERATION = "generation"  # items of batches: long calls, many at once
    # Single generations. They have a small worker of their own, so that they start within 2 seconds.
    INTERACTIVE = "interactive"
