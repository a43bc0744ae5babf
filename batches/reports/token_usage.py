"""The tokens of a batch's calls, and what the provider's prompt cache has saved of their price."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from batches.models import BatchJob


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """`input` is every token of the prompts, written to the cache, read from it, or neither. `saved` in USD."""

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
        """Of the input, the share that was read from the cache."""
        return round(100 * self.cache_read / self.input, 1) if self.input else 0.0


def tokens_of(job: BatchJob) -> Tokens:
    """One query. What was saved is less than 0 while more was written than read."""
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
