"""What may be changed while the simulator runs."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime

SCHEMAS = ("enforced", "ignored", "refused")


@dataclass(kw_only=True)
class Options:
    """The options. `latency` in seconds, varied for each request by `jitter` (a share). Limits per minute and model pool.

    `clock_offset`: seconds by which the clock of caches and model retirements is moved; rate limits use the real time.
    `flawed_every`: each n-th conversation is flawed on purpose, see replies/flaws.py; 0 for none.
    The last four imitate a server that can do less: no count_tokens, no list of models, a schema that is `ignored` or
    `refused` instead of `enforced`, and any model name accepted, at a price of 0.
    """

    latency: float = 1.0
    jitter: float = 0.2
    seed: int = 0
    rpm: float | None = None
    burst: float | None = None
    itpm: float | None = None
    otpm: float | None = None
    clock_offset: float = 0
    keep_prompts: bool = False
    flawed_every: int = 0
    counts_tokens: bool = True
    lists_models: bool = True
    schema: str = "enforced"
    any_model: bool = False

    def __post_init__(self) -> None:
        if self.latency < 0 or not 0 <= self.jitter <= 1:
            raise ValueError("latency must be 0 or more, jitter between 0 and 1")
        if any(limit is not None and limit <= 0 for limit in (self.rpm, self.itpm, self.otpm)):
            raise ValueError("rpm, itpm and otpm must be above 0, or null")
        if self.burst is not None and self.burst < 1:
            raise ValueError("burst must be at least 1, or null")
        if self.schema not in SCHEMAS:
            raise ValueError(f"schema must be one of {', '.join(SCHEMAS)}")
        if self.flawed_every < 0:
            raise ValueError("flawed_every must be 0 or more")
        if not math.isfinite(self.clock_offset):
            raise ValueError("clock_offset must be a number of seconds")

    def clock(self) -> float:
        """The simulated time in Unix seconds."""
        return time.time() + self.clock_offset

    def today(self) -> date:
        return datetime.fromtimestamp(self.clock(), UTC).date()

    def delay(self, digest: bytes) -> float:
        """The latency in seconds, varied by the hash of the request."""
        place = int.from_bytes(digest[:4]) / 2**32
        return self.latency * (1 + self.jitter * (2 * place - 1))

    def limits(self) -> dict[str, float | None]:
        return {name: getattr(self, name) for name in ("rpm", "burst", "itpm", "otpm")}
