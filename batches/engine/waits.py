"""How long to wait before a failed call is tried again."""

import random

from django.conf import settings

JITTER = 0.25


def backoff_s(failures: int) -> float:
    """Seconds: 1, 2, 4, 8, 16 for the first to the fifth failure and beyond, 25% more or less at random."""
    steps: list[float] = settings.ENGINE_BACKOFF_S
    step = steps[min(max(failures, 1), len(steps)) - 1]
    return step * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
