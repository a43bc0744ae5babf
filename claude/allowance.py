"""The provider's rate limits as its response headers report them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

HIGHEST = 1_000_000_000
# Our names of the dimensions, and those in the headers.
NAMES = {"requests": "requests", "input_tokens": "input-tokens", "output_tokens": "output-tokens"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """One rate limit: how many per minute, and how many are left now. None: not reported, or not readable.

    The provider rounds tokens to thousands. Its `reset` header, the time at which the bucket is full again, is not read:
    it is on the provider's clock, which may differ from ours.
    """

    limit: int | None
    remaining: int | None


def read(headers: Mapping[str, str]) -> dict[str, Allowance]:
    """The limits by `requests`, `input_tokens` and `output_tokens`. Dimensions that are not reported are left out."""
    found = {
        name: Allowance(
            limit=_count(headers.get(f"anthropic-ratelimit-{theirs}-limit")) or None,
            remaining=_count(headers.get(f"anthropic-ratelimit-{theirs}-remaining")),
        )
        for name, theirs in NAMES.items()
    }
    return {name: each for name, each in found.items() if each.limit or each.remaining is not None}


def _count(value: str | None) -> int | None:
    """A whole number as servers write it; None for anything else."""
    text = (value or "").strip()
    return min(int(text), HIGHEST) if text.isascii() and text.isdigit() and len(text) < 20 else None
