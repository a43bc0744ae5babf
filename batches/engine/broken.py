"""What a call costs whose answer broke off, and how its tokens are kept (docs/decisions/0011)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from batches.engine.calls import Call
from claude.errors import ClaudeError
from claude.messages import Usage


def known_cost(error: ClaudeError, *, call: Call) -> Decimal | None:
    """In USD: the prompt as the stream told it, and of the output the most that was asked for where nobody knows better.

    None when nothing was told: then the whole reservation stands for it.
    """
    usage = error.usage
    if usage is None:
        return None
    if not error.output_known:
        usage = replace(usage, output_tokens=max(usage.output_tokens, call.request.max_tokens))
    return call.prices.cost(usage, model=call.request.model, on=call.on)


def token_fields(usage: Usage | None) -> dict[str, Any]:
    """A log row's counts; none where the provider told none."""
    if usage is None:
        return {}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "cache_read_tokens": usage.cache_read,
    }
