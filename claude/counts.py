"""The `usage` of a message as token counts that can be booked, and our own counts where a server reports none. Pure."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from claude.messages import Usage

# A higher number cannot be a token count, and would not fit into an integer column.
HIGHEST_COUNT = 1_000_000_000
NOTHING = Usage(input_tokens=0, output_tokens=0)
# Our own count is an upper bound: half of the UTF-8 bytes. A token of the current tokenizer is about 2.5 characters of
# English, so this is some 25% too high.
BYTES_PER_TOKEN = 2
# The same counts under the names of other APIs (OpenAI, Amazon, Google), which gateways pass on.
INPUT_NAMES = ("input_tokens", "prompt_tokens", "inputTokens", "promptTokenCount", "prompt_token_count")
OUTPUT_NAMES = (
    *("output_tokens", "completion_tokens", "outputTokens", "candidatesTokenCount", "candidates_token_count"),
)


def bound_tokens(*texts: str) -> int:
    """An upper bound of the tokens of these texts, without asking the provider."""
    return bound_bytes(count_bytes(*texts))


def count_bytes(*texts: str) -> int:
    """The UTF-8 bytes of these texts together."""
    return len("".join(texts).encode("utf-8", "surrogatepass"))


def bound_bytes(size: int) -> int:
    """An upper bound of the tokens of so many UTF-8 bytes."""
    return -(-size // BYTES_PER_TOKEN)


def bound_prompt(asked: Mapping[str, Any]) -> int:
    """An upper bound of the prompt's tokens, from the body of its request."""
    parts = {name: asked[name] for name in ("system", "messages", "output_config") if name in asked}
    return bound_tokens(json.dumps(parts, ensure_ascii=False)) if parts else 0


def usage_of(usage: Any) -> Usage:
    """The tokens in a `usage` object. Raises KeyError, TypeError or ValueError when a call cannot be booked by it."""
    if not isinstance(usage, dict):
        raise TypeError("usage is not an object")
    input_, output = _find_count(usage, INPUT_NAMES), _find_count(usage, OUTPUT_NAMES)
    return replace(_read_cache(usage), input_tokens=input_, output_tokens=output)


def complete_usage(usage: Any, *, prompt: int, written: int) -> Usage:
    """The tokens in a `usage` object; what it does not say is replaced by our own counts, and the result is `estimated`.

    `prompt` and `written`: upper bounds of the tokens of the prompt and of the reply. A count of 0 is none where there is text.
    """
    usage = usage if isinstance(usage, dict) else {}
    input_, output = _count_or_none(usage, INPUT_NAMES), _count_or_none(usage, OUTPUT_NAMES)
    try:
        cached = _read_cache(usage)
    except ValueError:
        cached, input_ = NOTHING, None
    found = replace(cached, input_tokens=input_ or 0, output_tokens=output or 0)
    if input_ is None or (prompt and not found.prompt_tokens):
        found = replace(found, input_tokens=prompt, estimated=True)
    if output is None or (written and not output):
        found = replace(found, output_tokens=written, estimated=True)
    return found


def _read_cache(usage: dict[str, Any]) -> Usage:
    """The tokens written to and read from the cache. Raises ValueError."""
    split = usage.get("cache_creation")
    split = split if isinstance(split, dict) else {}
    write_1h = _count(split.get("ephemeral_1h_input_tokens"))
    write_5m = _count(split.get("ephemeral_5m_input_tokens"))
    written = _count(usage.get("cache_creation_input_tokens"))
    return replace(
        NOTHING,
        # A server that does not divide the writes by lifetime means the default of 5 minutes.
        cache_write_5m=max(write_5m, written - write_1h),
        cache_write_1h=write_1h,
        cache_read=_count(usage.get("cache_read_input_tokens")),
    )


def _count_or_none(usage: dict[str, Any], names: tuple[str, ...]) -> int | None:
    try:
        return _find_count(usage, names)
    except (KeyError, ValueError):
        return None


def _find_count(usage: dict[str, Any], names: tuple[str, ...]) -> int:
    """The first count under one of these names. Raises KeyError, or ValueError when it is no number of tokens."""
    name = next((name for name in names if usage.get(name) is not None), names[0])
    return _count(usage[name], required=True)


def _count(value: Any, *, required: bool = False) -> int:
    if value is None and not required:
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= HIGHEST_COUNT:
        raise ValueError("usage holds something else than a number of tokens")
    return value
