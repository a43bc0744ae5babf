"""The SDK's clients for one provider, divided into shards with connections of their own.

No connection is opened before the first call, so a wrong key or address is an error of that call.
"""

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2

from claude import deadline
from claude.errors import Blocked
from claude.messages import Provider

# One httpx2 client slows down with the number of its connections (4.1 ms per call at 500, 2.1 ms at 50).
CONNECTIONS_PER_SHARD = 50
# Seconds. Common servers close an idle connection after 5 s; sending on one that is being closed would fail with a reset.
KEEPALIVE_S = 4.0


class _Shard:
    """One SDK client with its own connections, and how many calls it carries now."""

    def __init__(self, sdk: anthropic.Anthropic) -> None:
        self.sdk = sdk
        self.in_use = 0


class Connections:
    """The shards of one provider. Safe to share between threads."""

    def __init__(self, provider: Provider, *, shards: int) -> None:
        self._provider = provider
        self._size = max(1, shards)
        self._lock = threading.Lock()
        self.shards: list[_Shard] = []

    @contextmanager
    def borrow(self) -> Iterator[anthropic.Anthropic]:
        """The client with the fewest calls, for one call. Raises Blocked when the key or the address cannot be used."""
        with self._lock:
            self.shards = self.shards or _open(self._provider, self._size)
            shard = min(self.shards, key=lambda candidate: candidate.in_use)
            shard.in_use += 1
        try:
            yield shard.sdk
        finally:
            with self._lock:
                shard.in_use -= 1

    def close(self) -> None:
        """Close all connections. A later call opens new ones."""
        with self._lock:
            shards, self.shards = self.shards, []
        for shard in shards:
            shard.sdk.close()


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
        trusted = (
            httpx2.create_ssl_context()
        )  # takes 20 ms and half a megabyte, so it is made once for all shards
        return [_Shard(_sdk(provider, address, trusted)) for _ in range(count)]
    except (httpx2.InvalidURL, ValueError) as exc:
        raise Blocked(
            "ANTHROPIC_BASE_URL is not an address of the form http://host:port or https://host. Correct it, then "
            "resume the job.",
            kind="provider_auth",
        ) from exc


def _sdk(provider: Provider, address: httpx2.URL, trusted: Any) -> anthropic.Anthropic:
    """One SDK client. Key and address are always passed, so that the SDK takes none from the environment."""
    http = anthropic.DefaultHttpxClient(  # keeps the SDK's TCP keep-alive for long silent calls
        verify=trusted,
        follow_redirects=False,
        limits=httpx2.Limits(
            max_connections=CONNECTIONS_PER_SHARD,
            max_keepalive_connections=CONNECTIONS_PER_SHARD,
            keepalive_expiry=KEEPALIVE_S,
        ),
        # Calls to this machine (the simulator, a local model) do not go through a proxy of the environment.
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
