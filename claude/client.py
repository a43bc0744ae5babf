"""The client of the Messages API: one call over HTTP, with one deadline and without retries.

The SDK's own retries are turned off: they carry no idempotency key, so a retried call may be billed twice. No type or
exception of `anthropic` or `httpx2` leaves the package: every failure becomes one of the errors in `claude.errors`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx2

from claude import deadline, errors, failures, streaming, translation
from claude.connections import CONNECTIONS_PER_SHARD, Connections
from claude.errors import Unusable
from claude.messages import Provider, Reply, Request
from claude.translation import PreparedRequest

__all__ = ["CONNECTIONS_PER_SHARD", "Client"]

CONNECT_TIMEOUT_S = 5.0
# A stream sends something every few seconds, at least a ping. After so many seconds without a byte it is taken for dead.
SILENCE_S = 120.0
# Seconds that the server has to end a stream after its last event. If it does, the connection can be used again.
CLOSING_S = 1.0
LARGEST_BODY = 16 * 1024 * 1024


class Client:
    """Calls one provider. Safe to share between threads; up to `shards` x 50 calls can be in flight at once.

    It opens no connection before the first call, so a wrong key or address is an error of that call.
    """

    def __init__(self, provider: Provider, *, shards: int, silence_s: float = SILENCE_S) -> None:
        self._provider = provider
        self._silence_s = silence_s
        self._connections = Connections(provider, shards=shards)

    def ask(self, request: Request, *, deadline_s: float) -> Reply:
        """`send` for a request that nobody has logged."""
        return self.send(translation.prepare(request), deadline_s=deadline_s)

    def send(self, prepared: PreparedRequest, *, deadline_s: float) -> Reply:
        """Make one paid attempt, which ends after `deadline_s` seconds at the latest (name resolution not counted).

        Raises Busy, Blocked, Declined or Unusable, each with the provider's request id if there was one, and after a
        stream that broke off with the tokens that it had reported.
        """
        started = time.monotonic()
        silence_s = min(self._silence_s, deadline_s) if prepared.body.get("stream") else deadline_s
        with self.line(deadline_s) as sdk:
            body, headers, message = _call(
                sdk,
                prepared,
                timeout=httpx2.Timeout(
                    deadline_s, read=silence_s, connect=min(CONNECT_TIMEOUT_S, deadline_s)
                ),
            )
        took_ms = round((time.monotonic() - started) * 1000)
        return translation.reply(
            failures.hide_key(body, provider=self._provider),
            headers=headers,
            duration_ms=took_ms,
            message=message,
            asked=prepared.body,
        )

    @contextmanager
    def line(self, deadline_s: float) -> Iterator[anthropic.Anthropic]:
        """The SDK for one call of at most `deadline_s` seconds. Its exceptions are raised as one of our four errors."""
        with self._connections.borrow() as sdk, deadline.within(deadline_s):
            try:
                yield sdk
            except anthropic.APIStatusError as exc:
                raise failures.from_status(exc, provider=self._provider) from exc
            except failures.TRANSPORT as exc:
                raise failures.from_transport(exc) from exc

    def close(self) -> None:
        """Close all connections. A later call opens new ones."""
        self._connections.close()


def _call(
    sdk: anthropic.Anthropic, prepared: PreparedRequest, *, timeout: httpx2.Timeout
) -> tuple[bytes, httpx2.Headers, dict[str, Any] | None]:
    """The raw body, the headers, and for a stream the message that was put together from it."""
    # All but the required fields are passed as extra_body. `create` has no argument for a temperature any more, and in this
    # way the SDK changes nothing: the body that was logged is the one that is sent.
    extra = dict(prepared.body)
    model, max_tokens, messages = (extra.pop(name) for name in ("model", "max_tokens", "messages"))
    with sdk.messages.with_streaming_response.create(
        model=model,
        max_tokens=max_tokens,
        messages=messages,
        stream=True if extra.pop("stream", False) else anthropic.omit,
        extra_body=extra,
        extra_headers=dict(prepared.headers),
        timeout=timeout,
    ) as response:
        if streaming.is_stream(response.headers.get("content-type", "")):
            partial = _listen(response.iter_bytes(), response.headers)
            whole = partial.message() if streaming.looks_like_stream(partial.body) else None
            return partial.body, response.headers, whole
        try:
            return _body(response.iter_bytes(), response.headers), response.headers, None
        except httpx2.HTTPError as exc:
            raise failures.from_transport(exc, request_id=errors.request_id(response.headers)) from exc


def _listen(chunks: Iterator[bytes], headers: httpx2.Headers) -> streaming.PartialMessage:
    """Read a stream to its end. Raises one of our errors unless the message is complete, or the body is no stream at all."""
    hearing, broke = streaming.PartialMessage(), None
    try:
        for chunk in chunks:
            hearing.feed(chunk)
            if hearing.size > LARGEST_BODY:
                raise _too_large(hearing.body, headers)
            if hearing.is_over:
                deadline.shorten(CLOSING_S)
    except httpx2.HTTPError as exc:
        broke = exc
    if broke is None and hearing.size and not streaming.looks_like_stream(hearing.body):
        return hearing  # an error or a web page, whatever its content type says
    problem = failures.from_stream(hearing, broke, headers=headers)
    if problem is not None:
        raise problem from broke
    return hearing


def _body(chunks: Iterator[bytes], headers: httpx2.Headers) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _too_large(bytes(body), headers)
    return bytes(body)


def _too_large(body: bytes, headers: httpx2.Headers) -> Unusable:
    return Unusable(
        f"The reply is larger than {LARGEST_BODY // 2**20} MB and was not read to its end.",
        kind="unreadable",
        status=200,
        request_id=errors.request_id(headers),
        body=body[: failures.LARGEST_ERROR_BODY],
    )
