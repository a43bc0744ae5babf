"""What the provider's headers say about its own limits. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

HIGHEST = 1_000_000_000
# Our words, and theirs.
NAMES = {"requests": "requests", "input_tokens": "input-tokens", "output_tokens": "output-tokens"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """One limit: so many a minute, and so many left now. None: not said, or not readable.

    Tokens left are told to the nearest thousand. The `reset` header is the moment of a full bucket on the provider's
    clock, which may differ from ours: it is not read.
    """

    limit: int | None
    remaining: int | None


def read(headers: Mapping[str, str]) -> dict[str, Allowance]:
    """By `requests`, `input_tokens` and `output_tokens`; what is not said at all is left out."""
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
