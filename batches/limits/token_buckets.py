"""The arithmetic of a rate limit: GCRA buckets, pure. Why it looks so: docs/decisions/0002 and 0017.

A bucket is one timestamp, `tat`: when all that was taken will have been paid for. A call of cost c starts at
`max(now, tat + (c - burst) x interval)` at the earliest and moves `tat` to `max(tat, start) + c x interval`. Whatever
the sizes of the calls, then no window W holds more than `burst + W / interval`. A `reserve` is taken off the burst; out
of it one call at a time leaves before its turn, which is at most one more in any window.
"""

from dataclasses import dataclass

WINDOW_S = 60.0
# Between the permit and the provider's clock lies jitter: a slot may start up to 1 s late, and a packet may dawdle.
# Tokens need none of it: they are counted while they are produced, out of a bucket that holds a minute's worth.
MARGIN_S = 1.5


@dataclass(frozen=True)
class Shape:
    """`burst` at once, then one every `interval_s` seconds.

    `slack` is how much of the burst a batch's call may find in use and still get its permit; an `interactive_slack`
    above it is what batches leave to single generations. `reserve` is a call of the burst that is kept for a single
    generation to leave at once; 0 where the burst is too small to spare one.
    """

    burst: float
    interval_s: float
    slack: float
    interactive_slack: float
    reserve: float


def shape(per_minute: int) -> Shape:
    """Of requests: no 60-second window, jitter of 1.5 s included, holds more than `per_minute`.

    A window W holds at most burst + W / interval permits. From 20 a minute up: burst = limit / 20, at most 5, and
    interval = W / (limit - burst), which uses at least 92% of the limit. Below that this form wastes too much (at 2 a
    minute half), so the burst is 1 and the permits are spaced a hair more than W / limit apart: at most `limit` in a
    window, 97% used.
    """
    window = WINDOW_S + MARGIN_S
    if per_minute < 20:
        return Shape(
            burst=1.0, interval_s=window / per_minute * 1.001, slack=0.0, interactive_slack=0.0, reserve=0.0
        )
    burst = max(1.0, min(5.0, per_minute / 20))
    left = min(1.0, (burst - 1) / 2)
    return Shape(
        burst=burst,
        interval_s=window / (per_minute - burst),
        slack=burst - 1 - left,
        interactive_slack=burst - 1,
        reserve=1.0 if left == 1 else 0.0,
    )


def token_shape(per_minute: int) -> Shape:
    """Of tokens: no 60-second window holds more than `per_minute`, and 93% of it are used by calls of up to 1/16 of it.

    A bigger call starts later and is paid for longer: it passes in any case, and alone if it is bigger than the limit.
    """
    burst = per_minute / 16
    return Shape(
        burst=burst,
        interval_s=WINDOW_S / (per_minute - burst),
        slack=0.0,
        interactive_slack=burst / 2,
        reserve=0.0,
    )
