"""The `usage` of a message as token counts that can be booked. Pure."""

from typing import Any

from claude.messages import Usage

# A higher number cannot be a token count, and would not fit into an integer column.
HIGHEST_COUNT = 1_000_000_000


def usage_of(usage: Any) -> Usage:
    """The tokens in a `usage` object. Raises KeyError, TypeError or ValueError when a call cannot be booked by it."""
    if not isinstance(usage, dict):
        raise TypeError("usage is not an object")
    split = usage.get("cache_creation")
    split = split if isinstance(split, dict) else {}
    write_1h = _count(split.get("ephemeral_1h_input_tokens"))
    write_5m = _count(split.get("ephemeral_5m_input_tokens"))
    written = _count(usage.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=_count(usage["input_tokens"], required=True),
        output_tokens=_count(usage["output_tokens"], required=True),
        # A server that does not divide the writes by lifetime means the default of 5 minutes.
        cache_write_5m=max(write_5m, written - write_1h),
        cache_write_1h=write_1h,
        cache_read=_count(usage.get("cache_read_input_tokens")),
    )


def _count(value: Any, *, required: bool = False) -> int:
    if value is None and not required:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= HIGHEST_COUNT:
        raise ValueError("usage holds something else than a number of tokens")
    return value
