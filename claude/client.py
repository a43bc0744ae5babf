"""The only door to Claude: one call over HTTP, with one deadline and no retries of its own.

The SDK's hidden retries carry no idempotency key and can be second bills, so they are off. Nothing of
`anthropic` or `httpx2` leaves this module: every failure becomes one of the four errors.
"""

import ipaddress
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2

from claude import deadline, errors, translation
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.messages import Provider, Reply, Request

# One httpx2 client slows down with the number of its connections (4.1 ms per call at 500, 2.1 ms at 50).
CONNECTIONS_PER_SHARD = 50
CONNECT_TIMEOUT_S = 5.0
# Shorter than the 5 s after which common servers close an idle connection: a reused dead one is a reset.
KEEPALIVE_S = 4.0
LARGEST_BODY = 16 * 1024 * 1024
LARGEST_ERROR_BODY = 1024 * 1024


class _Shard:
    """One SDK client with its own connections, and how many calls it carries now."""

    def __init__(self, sdk: anthropic.Anthropic) -> None:
        self.sdk = sdk
        self.in_use = 0


class Client:
    """Asks one provider. Safe to share between threads; `shards` times 50 calls can be in flight.

    Opens nothing before the first call, so that a wrong key or address is an error of that call.
    """

    def __init__(self, provider: Provider, *, shards: int) -> None:
        self._provider = provider
        self._size = max(1, shards)
        self._lock = threading.Lock()
        self._shards: list[_Shard] = []

    def ask(self, request: Request, *, deadline_s: float) -> Reply:
        """One paid attempt, over after `deadline_s` seconds at the latest (name resolution aside).

        Raises Busy, Blocked, Declined or Unusable, each with the provider's request id if there was one.
        """
        started = time.monotonic()
        with self._shard() as sdk, deadline.within(deadline_s):
            try:
                body, headers = _call(sdk, request, deadline_s)
            except anthropic.APIStatusError as exc:
                raise self._from_status(exc) from exc
            except (anthropic.AnthropicError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as exc:
                raise _from_transport(exc) from exc
        return translation.reply(
            body, headers=headers, duration_ms=round((time.monotonic() - started) * 1000)
        )

    def close(self) -> None:
        """Close all connections. A later call opens new ones."""
        with self._lock:
            shards, self._shards = self._shards, []
        for shard in shards:
            shard.sdk.close()

    @contextmanager
    def _shard(self) -> Iterator[anthropic.Anthropic]:
        with self._lock:
            self._shards = self._shards or _open(self._provider, self._size)
            shard = min(self._shards, key=lambda candidate: candidate.in_use)
            shard.in_use += 1
        try:
            yield shard.sdk
        finally:
            with self._lock:
                shard.in_use -= 1

    def _from_status(self, exc: anthropic.APIStatusError) -> ClaudeError:
        body = exc.response.content[:LARGEST_ERROR_BODY]
        key = self._provider.api_key.encode()
        if len(key) >= 8:  # some proxies repeat the key they refuse; a short one ("demo") is no secret
            body = body.replace(key, b"[key]")
        return errors.from_response(exc.status_code, headers=exc.response.headers, body=body)


def _open(provider: Provider, count: int) -> list[_Shard]:
    key = provider.api_key
    if not key.strip() or not key.isascii() or not key.isprintable():
        raise Blocked(
            "The API key is empty or holds characters that cannot be sent. Check ANTHROPIC_API_KEY, then resume "
            "the job.",
            kind="provider_auth",
        )
    try:
        urlsplit(provider.url)  # refuses brackets that httpx2 takes for a host
        address = httpx2.URL(provider.url)
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError("no http(s) address")
        trusted = httpx2.create_ssl_context()  # 20 ms and half a megabyte: once for all shards
        return [_Shard(_sdk(provider, address, trusted)) for _ in range(count)]
    except (httpx2.InvalidURL, ValueError) as exc:
        raise Blocked(
            "ANTHROPIC_BASE_URL is not an address of the form http://host:port or https://host. Correct it, then "
            "resume the job.",
            kind="provider_auth",
        ) from exc


def _sdk(provider: Provider, address: httpx2.URL, trusted: Any) -> anthropic.Anthropic:
    """Key and address are always passed, so that nothing is taken from the environment instead."""
    http = anthropic.DefaultHttpxClient(  # keeps the SDK's TCP keep-alive for long silent calls
        verify=trusted,
        follow_redirects=False,
        limits=httpx2.Limits(
            max_connections=CONNECTIONS_PER_SHARD,
            max_keepalive_connections=CONNECTIONS_PER_SHARD,
            keepalive_expiry=KEEPALIVE_S,
        ),
        # A proxy of the environment cannot reach our own simulator or a local model.
        mounts={f"all://{address.netloc.decode('ascii')}": None} if _is_local(address.host) else {},
    )
    deadline.enforce(http)
    return anthropic.Anthropic(
        api_key=provider.api_key, base_url=provider.url, max_retries=0, http_client=http
    )


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _call(sdk: anthropic.Anthropic, request: Request, deadline_s: float) -> tuple[bytes, httpx2.Headers]:
    # Everything but the required fields goes as extra_body: `create` has no argument for a temperature any
    # more, and what was logged is then what is sent, field by field.
    extra = translation.payload(request)
    model, max_tokens, messages = (extra.pop(name) for name in ("model", "max_tokens", "messages"))
    with sdk.messages.with_streaming_response.create(
        model=model,
        max_tokens=max_tokens,
        messages=messages,
        extra_body=extra,
        extra_headers=translation.headers(request),
        timeout=httpx2.Timeout(deadline_s, connect=min(CONNECT_TIMEOUT_S, deadline_s)),
    ) as response:
        try:
            return _body(response.iter_bytes(), response.headers), response.headers
        except httpx2.HTTPError as exc:
            raise _from_transport(exc, request_id=errors.request_id(response.headers)) from exc


def _body(chunks: Iterator[bytes], headers: httpx2.Headers) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Unusable(
                f"The reply is larger than {LARGEST_BODY // 2**20} MB and was not read to its end. The call is "
                "repeated.",
                kind="unreadable",
                status=200,
                request_id=errors.request_id(headers),
                body=bytes(body[:LARGEST_ERROR_BODY]),
            )
    return bytes(body)


def _from_transport(exc: Exception, *, request_id: str | None = None) -> ClaudeError:
    """What a failure without a complete response means. Once sent, nobody knows whether it was billed."""
    cause = exc.__cause__ if isinstance(exc, anthropic.APIConnectionError) and exc.__cause__ else exc
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return Busy(
            "No connection to the provider could be made. Check the network and ANTHROPIC_BASE_URL; the call is "
            "repeated.",
            kind="connection",
            costs_attempt=True,
        )
    if isinstance(cause, httpx2.TimeoutException):
        return Busy(
            "The provider did not answer completely before the deadline. The call is repeated; lower max_tokens "
            "if this happens often.",
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
    return Busy(
        f"The connection to the provider broke off ({type(cause).__name__}). The call is repeated.",
        kind="connection",
        costs_attempt=True,
        request_id=request_id,
        maybe_billed=True,
    )
