"""A request to Claude, its reply and the provider, as plain values without types of the SDK."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from claude.allowance import Allowance

DEFAULT_BASE_URL = "https://api.anthropic.com"
# Seconds after which an entry of the prompt cache expires, from the start of the last request that used it.
LIFETIMES_S = {"5m": 300, "1h": 3600}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request for a message. `tag` is our id of the call, sent as `x-client-request-id`.

    The first `shared` characters of system prompt and prompt, counted together, are equal for many requests. With a
    `lifetime` (5m or 1h) they are marked for the prompt cache.
    """

    model: str
    max_tokens: int
    prompt: str
    system: str = ""
    schema: dict[str, Any] | None = field(default=None, hash=False)
    temperature: float | None = None
    tag: str = ""
    shared: int = 0
    lifetime: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens as the provider bills them. `input_tokens` are only those after the last cache mark.

    `estimated`: the server did not report all of them, and what is missing is our own count, rather too high.
    """

    input_tokens: int
    output_tokens: int
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    estimated: bool = False

    @property
    def prompt_tokens(self) -> int:
        """The tokens of the whole prompt, cached or not. This size decides the price step."""
        return self.input_tokens + self.cache_write_5m + self.cache_write_1h + self.cache_read


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A paid reply. `text` and `body` are as received and may contain NUL or lone surrogates.

    For a stream, `body` is its text, and `message` the message that was put together from it, as JSON. The other strings
    are safe to store in PostgreSQL. `refusal` is the reason if the model refused, else None. `only_thinking`: it has
    thinking blocks and no text.
    """

    text: str = field(repr=False)
    stop_reason: str | None
    model: str
    usage: Usage
    request_id: str | None
    simulated: bool
    body: bytes = field(repr=False)
    refusal: str | None
    duration_ms: int
    limits: Mapping[str, Allowance] = field(default_factory=dict, repr=False, hash=False)
    message: bytes = field(default=b"", repr=False)
    only_thinking: bool = False

    @property
    def json(self) -> bytes:
        """The message as JSON, whether it was streamed or not."""
        return self.message or self.body


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A server with the Messages API, and the key for it. Without a base URL it is Anthropic's."""

    base_url: str | None
    api_key: str = field(repr=False)

    @property
    def url(self) -> str:
        return (self.base_url or DEFAULT_BASE_URL).rstrip("/")
