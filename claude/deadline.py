"""One deadline for a whole HTTP call: connecting, sending, waiting and every single read.

The timeouts of httpx2 apply to each read, so a server that sends one byte every few seconds, in the headers or in the
body, never times out. Here the timeout of each network operation is cut to what is left until the deadline. Only name
resolution can take longer. The decision is docs/decisions/0007.
"""

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import httpx2

_call = threading.local()  # the SDK runs a synchronous call in the caller's thread, from start to end


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every network operation of this thread time out `seconds` from now, until the block ends."""
    _call.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _call.ends_at = None


def shorten(seconds: float) -> None:
    """Move this thread's deadline to `seconds` from now, if it is later."""
    ends_at: float | None = getattr(_call, "ends_at", None)
    if ends_at is not None:
        _call.ends_at = min(ends_at, time.monotonic() + seconds)


def enforce(client: httpx2.Client) -> None:
    """Make the connections of this client obey `within`.

    It uses private names, because httpx2 does not pass on the argument of httpcore2's pool that sets the backend. The
    tests with servers that send single bytes fail if these names ever change.
    """
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx2.HTTPTransport):
            transport._pool._network_backend = _Backend(transport._pool._network_backend)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    def __init__(self, inner: httpcore2.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))


def _left(timeout: float | None, expired: type[httpcore2.TimeoutException]) -> float | None:
    ends_at: float | None = getattr(_call, "ends_at", None)
    if ends_at is None:
        return timeout
    left = ends_at - time.monotonic()
    if left <= 0:
        raise expired("The deadline of the whole call has passed.")
    return left if timeout is None else min(timeout, left)
