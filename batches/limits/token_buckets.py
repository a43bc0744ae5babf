"""The arithmetic of a rate limit, as GCRA token buckets. Pure. The reasons are in docs/decisions/0002 and 0017.

A bucket is one timestamp, `tat` (theoretical arrival time): when everything taken so far will have been paid for. A call
of cost c starts at `max(now, tat + (c - burst) x interval)` at the earliest and moves `tat` to
`max(tat, start) + c x interval`. Then no window of W seconds holds more than `burst + W / interval`, whatever the sizes
of the calls. A `reserve` is taken off the burst: one call at a time may use it to start before its turn, which is at most
one more call in any window.
"""

from dataclasses import dataclass

WINDOW_S = 60.0
# Seconds that may lie between a permit and the moment at which the provider counts the call: a slot may start up to 1 s
# late, and the network may delay the request. Token limits need no margin: the provider counts tokens while they are
# produced, from a bucket that holds a minute's worth.
MARGIN_S = 1.5


@dataclass(frozen=True)
class Shape:
    """`burst` at once, then one every `interval_s` seconds.

    A batch's call gets a permit as long as at most `slack` of the burst is in use. `interactive_slack` is the same for
    single generations; it is larger, so that batches leave a part of the burst to them. `reserve` is a part of the burst
    with which one single generation may start at once; 0 where the burst is too small for it.
    """

    burst: float
    interval_s: float
    slack: float
    interactive_slack: float
    reserve: float


def shape(per_minute: int) -> Shape:
    """The bucket for requests: no window of 60 s, a jitter of 1.5 s included, holds more than `per_minute`.

    A window W holds at most burst + W / interval permits. From 20 a minute up: burst = limit / 20, at most 5, and
    interval = W / (limit - burst), which uses at least 92% of the limit. Below 20 this form would waste too much (half of
    the limit at 2 a minute), so there the burst is 1 and the interval is 1.001 x W / limit: at most `limit` permits in a
    window, 97% of the limit used.
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
    """The bucket for tokens: no window of 60 s holds more than `per_minute`; calls of up to a sixteenth of it use 93% of it.

    A bigger call passes too, but starts later and delays the next ones. One bigger than the limit is alone in its window.
    """
    burst = per_minute / 16
    return Shape(
        burst=burst,
        interval_s=WINDOW_S / (per_minute - burst),
        slack=0.0,
        interactive_slack=burst / 2,
        reserve=0.0,
    )
