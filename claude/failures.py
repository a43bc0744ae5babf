"""Translate exceptions of the SDK and of HTTP, and streams that broke off, into one of our four errors."""

import anthropic
import httpx2

from claude import errors, meaning
from claude.errors import Busy, ClaudeError, Declined, Unusable
from claude.messages import Provider
from claude.streaming import PartialMessage

# What a call can raise besides the SDK's status errors. The SDK does not wrap errors that happen while a body is read.
TRANSPORT = (anthropic.AnthropicError, httpx2.HTTPError, httpx2.InvalidURL, ValueError)
LARGEST_ERROR_BODY = 1024 * 1024


def from_status(exc: anthropic.APIStatusError, *, provider: Provider) -> ClaudeError:
    body = hide_key(exc.response.content[:LARGEST_ERROR_BODY], provider=provider)
    return meaning.from_response(exc.status_code, headers=exc.response.headers, body=body)


def hide_key(body: bytes, *, provider: Provider) -> bytes:
    """The body without the key: some proxies repeat the one that they refuse. A short one ("demo") is no secret."""
    key = provider.api_key.encode()
    return body.replace(key, b"[key]") if len(key) >= 8 else body


def from_transport(exc: Exception, *, request_id: str | None = None) -> ClaudeError:
    """The error for a failure without a complete response. If the request was sent, nobody knows whether it is billed."""
    cause = exc.__cause__ if isinstance(exc, anthropic.APIConnectionError) and exc.__cause__ else exc
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return Busy(
            "No connection to the provider could be made. Check the network and ANTHROPIC_BASE_URL.",
            kind="connection",
            costs_attempt=True,
        )
    if isinstance(cause, httpx2.TimeoutException):
        return Busy(
            "The provider did not answer completely before the deadline, or fell silent. Lower "
            "max_tokens if this happens often.",
            kind="timeout",
            costs_attempt=True,
            request_id=request_id,
            maybe_billed=True,
        )
    if isinstance(cause, ValueError):
        return Declined(
            f"The request cannot be sent as it is ({cause}). Look for broken characters in the template and its "
            "values.",
            kind="invalid_request",
        )
    return _connection_lost(f"broke off ({type(cause).__name__})", request_id)


def from_stream(
    hearing: PartialMessage, broke: httpx2.HTTPError | None, *, headers: httpx2.Headers
) -> ClaudeError | None:
    """The error for a stream without a complete message, with the tokens it had reported. None when the message is complete."""
    if hearing.is_complete:
        return None
    found = _why(hearing, broke, headers)
    found.body, found.status = hearing.body, 200
    found.usage, found.output_known = hearing.usage, hearing.has_ended
    return found


def _why(hearing: PartialMessage, broke: httpx2.HTTPError | None, headers: httpx2.Headers) -> ClaudeError:
    request_id = errors.request_id(headers)
    if hearing.error is not None:
        return meaning.from_event(hearing.error, headers=headers, begun=hearing.has_begun)
    if hearing.is_malformed or (broke is None and not hearing.events):
        return Unusable(
            "The stream holds something that is no event of the Messages API, so its text cannot be trusted. Check "
            "that ANTHROPIC_BASE_URL names a server that speaks it.",
            kind="unreadable",
            request_id=request_id,
        )
    if broke is not None:
        return from_transport(broke, request_id=request_id)
    return _connection_lost("ended before the message was complete", request_id)


def _connection_lost(how: str, request_id: str | None) -> Busy:
    return Busy(
        f"The connection to the provider {how}.",
        kind="connection",
        costs_attempt=True,
        request_id=request_id,
        maybe_billed=True,
    )
