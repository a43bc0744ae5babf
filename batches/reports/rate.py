"""How many items end in a minute, without the time in which nothing could end. Pure.

A pause, an outage, a crash or a stopped worker leaves one long gap between two ends. It says nothing about how fast the
batch is when it runs, so it is left out, whatever its cause was.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median

FEWEST_ENDS = 5
# A gap is an interruption when it is longer than this many usual gaps and usual calls, and than so many seconds.
TIMES = 3
SHORTEST_S = 2.0
# More long gaps than this are the pace of the batch itself, as when a provider lets a few calls through each minute.
MOST_INTERRUPTIONS = 3


def measure_rate(ends: Sequence[datetime], *, until: datetime, call_s: float) -> float | None:
    """Items per minute, from the times at which the latest ones ended, in order; None before the fifth.

    `until`: the time up to which it is measured; `call_s`: how long a call usually takes, in seconds. Calls that began
    together end together, so a gap of the length of a call is no interruption.
    """
    if len(ends) < FEWEST_ENDS:
        return None
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(ends)]
    longest = max(SHORTEST_S, TIMES * median(gaps), TIMES * call_s)
    worked = [gap for gap in gaps if gap <= longest]
    if len(gaps) - len(worked) > MOST_INTERRUPTIONS:
        worked = gaps
    since_last = max(0.0, (until - ends[-1]).total_seconds())
    span = sum(worked) + (since_last if since_last <= longest else 0.0)
    return len(worked) / span * 60 if span > 0 else None
