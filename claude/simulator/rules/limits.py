"""Rate limits of requests, input and output tokens per minute: a token bucket each per model pool, refilled continuously."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from claude.simulator.rules.rejection import Rejection

# The limits in the headers if none is set. They are not enforced, so only the reply itself is subtracted from them.
UNLIMITED = {"requests": 1_000_000, "input-tokens": 100_000_000, "output-tokens": 100_000_000}
WORDS = {
    "requests": "requests per minute",
    "input-tokens": "input tokens per minute",
    "output-tokens": "output tokens per minute",
}


@dataclass
class _Bucket:
    """A bucket. `level` may fall below zero, because output is counted when it is produced and not when it is requested."""

    rate: float
    size: float
    level: float
    at: float

    def fill(self, now: float) -> None:
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now

    def wait(self, wanted: float) -> float:
        return max(0.0, (wanted - self.level) / self.rate)


@dataclass(frozen=True)
class Line:
    """One dimension as the headers show it."""

    limit: int
    remaining: int
    full_in: float


class Limits:
    """The limits of all pools, per minute; None: no limit.

    `burst`: how many requests at once; None: as many as ten seconds refill, at least 1. A token bucket holds a minute's worth.
    """

    def __init__(self) -> None:
        self.set()

    def set(
        self,
        *,
        rpm: float | None = None,
        burst: float | None = None,
        itpm: float | None = None,
        otpm: float | None = None,
    ) -> None:
        """Set the limits and start with full buckets."""
        burst = burst if burst is not None else max(1.0, (rpm or 0) / 6)
        wanted = {"requests": (rpm, burst), "input-tokens": (itpm, itpm), "output-tokens": (otpm, otpm)}
        self._limits = {name: limit for name, (limit, _) in wanted.items() if limit is not None}
        self._sizes = {name: size or 0.0 for name, (_, size) in wanted.items()}
        self._pools: dict[str, dict[str, _Bucket]] = {}

    def take(self, pool: str, *, input_tokens: int, now: float) -> None:
        """Take one request and its input tokens. Raises a Rejection (429 with the time to wait) if there is no room for all.

        The size of the output is not known yet: a request is refused only while earlier output is over the limit.
        """
        wanted = {"requests": 1.0, "input-tokens": float(input_tokens), "output-tokens": 1.0}
        buckets = self._buckets(pool, now)
        waits = {name: bucket.wait(wanted[name]) for name, bucket in buckets.items()}
        if any(waits.values()):
            raise self._refusal(max(waits, key=lambda name: waits[name]), max(waits.values()))
        for name in buckets.keys() & {"requests", "input-tokens"}:
            buckets[name].level -= wanted[name]

    def record_output(self, pool: str, output_tokens: int, *, now: float) -> None:
        bucket = self._buckets(pool, now).get("output-tokens")
        if bucket is not None:
            bucket.level -= output_tokens

    def headers(
        self, pool: str | None, *, own: Mapping[str, int], now: float, clock: float
    ) -> dict[str, str]:
        """The twelve ratelimit headers. `own`: what this request used, for the dimensions that are not enforced."""
        buckets = self._buckets(pool, now) if pool else {}
        lines = {name: self._line(name, buckets.get(name), own.get(name, 0)) for name in UNLIMITED}
        both = lines["input-tokens"], lines["output-tokens"]
        lines["tokens"] = Line(
            sum(line.limit for line in both),
            sum(line.remaining for line in both),
            max(line.full_in for line in both),
        )
        headers: dict[str, str] = {}
        for name, line in lines.items():
            prefix = f"anthropic-ratelimit-{name}-"
            headers[prefix + "limit"] = str(line.limit)
            headers[prefix + "remaining"] = str(line.remaining)
            headers[prefix + "reset"] = _rfc3339(clock + line.full_in)
        return headers

    def _buckets(self, pool: str, now: float) -> dict[str, _Bucket]:
        if pool not in self._pools:
            self._pools[pool] = {
                name: _Bucket(limit / 60, self._sizes[name], self._sizes[name], now)
                for name, limit in self._limits.items()
            }
        for bucket in self._pools[pool].values():
            bucket.fill(now)
        return self._pools[pool]

    def _line(self, name: str, bucket: _Bucket | None, own: int) -> Line:
        limit = self._limits.get(name)
        if limit is None:
            named = UNLIMITED[name]
            return Line(named, _round_remaining(name, named - own), 60 * own / named if own else 0)
        if bucket is None:
            return Line(math.ceil(limit), math.ceil(limit), 0)
        full_in = (bucket.size - bucket.level) / bucket.rate
        return Line(math.ceil(limit), _round_remaining(name, bucket.level), full_in)

    def _refusal(self, name: str, wait: float) -> Rejection:
        limit = math.ceil(self._limits[name])
        return Rejection(
            429,
            f"This request would exceed your organization's rate limit of {limit:,} {WORDS[name]}.",
            retry_after=max(1, math.ceil(wait)),
        )


def _round_remaining(name: str, remaining: float) -> int:
    """The number in the headers: tokens rounded to thousands, requests exactly; never below zero."""
    return max(0, int(remaining) if name == "requests" else int(round(remaining, -3)))


def _rfc3339(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC) + timedelta(microseconds=999_999)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
