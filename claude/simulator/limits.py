"""Request limit: a token bucket per model pool, refilled continuously, like the real one."""

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

UNLIMITED = 1_000_000  # requests a minute that the headers name when no limit is set
INPUT_PER_MINUTE = 2_000_000
OUTPUT_PER_MINUTE = 400_000


@dataclass
class _Bucket:
    level: float
    at: float


@dataclass(frozen=True)
class Grant:
    """`wait` is 0 when the request may go on, else seconds until it could."""

    wait: float
    limit: int
    remaining: int
    full_in: float

    def headers(self, *, now: float, input_tokens: int = 0, output_tokens: int = 0) -> dict[str, str]:
        """The twelve ratelimit headers; token limits are named but not enforced."""
        tokens = (
            ("requests", self.limit, self.remaining, self.full_in),
            ("input-tokens", *_share(INPUT_PER_MINUTE, input_tokens)),
            ("output-tokens", *_share(OUTPUT_PER_MINUTE, output_tokens)),
            ("tokens", *_share(INPUT_PER_MINUTE + OUTPUT_PER_MINUTE, input_tokens + output_tokens)),
        )
        headers: dict[str, str] = {}
        for name, limit, remaining, full_in in tokens:
            prefix = f"anthropic-ratelimit-{name}-"
            headers[prefix + "limit"] = str(limit)
            headers[prefix + "remaining"] = str(remaining)
            headers[prefix + "reset"] = _rfc3339(now + full_in)
        return headers


class Limits:
    """`rpm` None: no limit. `burst` None: what ten seconds refill, at least 1."""

    def __init__(self, *, rpm: float | None, burst: float | None):
        self._buckets: dict[str, _Bucket] = defaultdict(lambda: _Bucket(self.burst, -math.inf))
        self.set(rpm=rpm, burst=burst)

    def set(self, *, rpm: float | None, burst: float | None) -> None:
        """Starts again with full buckets."""
        self.rpm = rpm
        self.burst = burst if burst is not None else max(1.0, (rpm or 0) / 6)
        self._buckets.clear()

    def named(self) -> int:
        """The limit that the headers name."""
        return UNLIMITED if self.rpm is None else math.ceil(self.rpm)

    def take(self, pool: str, *, now: float) -> Grant:
        """Takes one request out of the pool's bucket, or says how long to wait."""
        if self.rpm is None:
            return Grant(0, UNLIMITED, UNLIMITED - 1, 0)
        bucket, rate = self._buckets[pool], self.rpm / 60
        bucket.level = min(self.burst, bucket.level + (now - bucket.at) * rate)
        bucket.at = now
        wait = 0.0 if bucket.level >= 1 else (1 - bucket.level) / rate
        if not wait:
            bucket.level -= 1
        return Grant(wait, self.named(), int(bucket.level), (self.burst - bucket.level) / rate)


def _share(limit: int, used: int) -> tuple[int, int, float]:
    return limit, round(max(0, limit - used), -3), 60 * used / limit


def _rfc3339(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC) + timedelta(microseconds=999_999)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
