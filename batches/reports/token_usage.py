"""The tokens of a batch's calls, and how much the provider's prompt cache has saved."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from batches.models import BatchJob


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """`input`: all tokens of the prompts, whether written to the cache, read from it, or neither. `saved` in USD."""

    input: int
    output: int
    cache_write: int
    cache_read: int
    saved: Decimal

    @property
    def all(self) -> int:
        return self.input + self.output

    @property
    def is_cached(self) -> bool:
        return self.cache_write + self.cache_read > 0

    @property
    def read_percent(self) -> float:
        """The share of the input tokens that was read from the cache, in percent."""
        return round(100 * self.cache_read / self.input, 1) if self.input else 0.0


def tokens_of(job: BatchJob) -> Tokens:
    """The sums over a job's log rows, in one query. `saved` is below 0 while cache writes cost more than reads saved."""
    found = job.logs.aggregate(
        plain=Sum("input_tokens", default=0),
        output=Sum("output_tokens", default=0),
        write=Sum("cache_write_tokens", default=0),
        read=Sum("cache_read_tokens", default=0),
        saved=Sum("cache_saved_usd", default=Decimal(0)),
    )
    return Tokens(
        input=found["plain"] + found["write"] + found["read"],
        output=found["output"],
        cache_write=found["write"],
        cache_read=found["read"],
        saved=found["saved"],
    )
