"""Waitress with deadlines: a connection that sends or reads too slowly is closed. None of them ever holds a thread.

Waitress reads a whole request before it gives it to a thread, and writes from a buffer, so that a slow client costs memory
only. Its own `channel_timeout` counts from the last byte: a client that sends one byte every few seconds would stay for ever.
"""

import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import RequestEntityTooLarge

HEADER_S = 15.0  # from the first byte of a request to the end of its header
BODY_S = 30.0  # from the first byte of a request to the end of its body, and longer for a long one:
BODY_BYTES_PER_S = 20_000  # each of these adds a second
IDLE_S = 30  # between two requests, or before the first
STALLED_S = 60.0  # an answer of which nothing was taken for so long is dropped
CONNECTIONS = 800  # of one process; more wait until one of these ends
ANSWER_IN_BUFFER = (
    64_000_000  # bytes of one answer that wait for a slow reader; what is over a megabyte lies in a file
)
LARGEST_HEADER = 32_768  # bytes
LINGER_S = 0.5  # so long a connection must have been silent before a process that ends closes it: its request may be on the way


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A body that is too large by its own declaration is left unread; the application says so in its own words."""

    error: Any

    def received(self, data: bytes) -> int:
        consumed = int(super().received(data))
        if isinstance(self.error, RequestEntityTooLarge) and not self.chunked:
            self.error = None
            self.headers["CONNECTION"] = "close"  # what follows is the body, not another request
        return consumed


class Connection(HTTPChannel):  # type: ignore[misc]
    """Knows when the request that is being received began. Times are seconds since the epoch, as Waitress counts them."""

    parser_class = Request
    began = 0.0
    last_activity: float
    total_outbufs_len: int
    request: Request | None

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.began = time.time()
        return bool(super().received(data))

    def is_too_slow(self, now: float) -> bool:
        if self.requests:
            return self.total_outbufs_len > 0 and now - self.last_activity > STALLED_S
        if self.total_outbufs_len:
            return now - self.last_activity > STALLED_S
        if self.request is None:
            return now - self.last_activity > IDLE_S
        allowed = (
            BODY_S + self.request.body_bytes_received / BODY_BYTES_PER_S
            if self.request.headers_finished
            else HEADER_S
        )
        return now - self.began > allowed

    @property
    def is_busy(self) -> bool:
        """Whether somebody waits for it: a request is being received or answered."""
        return bool(self.requests or self.total_outbufs_len or self.request is not None)


class PageServer(TcpWSGIServer):  # type: ignore[misc]
    """Serves one listening socket, which several processes share."""

    channel_class = Connection

    def maintenance(self, now: float) -> None:
        for connection in list(self.active_channels.values()):
            if connection.is_too_slow(now):
                connection.will_close = True

    def stop_accepting(self) -> None:
        """The other processes that share the socket keep it open; without any, the port is free."""
        self.accepting = False
        wasyncore.dispatcher.close(self)  # of the socket only: threads still wake the loop up

    def add_task(self, task: Connection) -> None:
        """Once it accepts no more, each answer says that it is the last one on its connection."""
        if not self.accepting:
            task.requests[0].headers["CONNECTION"] = "close"
        super().add_task(task)

    def close_idle(self, now: float) -> int:
        """Close the connections that nobody waits for, and those that are too slow; returns how many are left.

        Closed with a request that is there and not yet read, a connection would be reset, and its page would be missing.
        """
        self.maintenance(now)
        left = 0
        for connection in list(self.active_channels.values()):
            if connection.is_busy or now - connection.last_activity < LINGER_S:
                left += 1
            else:
                connection.will_close = True
        return left


def make_servers(
    application: Callable[..., Iterable[bytes]],
    sockets: list[socket.socket],
    *,
    threads: int,
    largest_body: int,
    trusted_headers: set[str],
    connections: dict[int, Any],
) -> list[PageServer]:
    """A server for each listening socket; they share `threads` and the map `connections` (descriptor -> connection).

    `trusted_headers` are what the proxy in front sets; its address is not asked for. All other X-Forwarded headers are removed.
    """
    adjustments = Adjustments(
        sockets=sockets,
        threads=threads,
        asyncore_use_poll=True,
        cleanup_interval=1,
        connection_limit=CONNECTIONS,
        max_request_body_size=largest_body + 1,
        max_request_header_size=LARGEST_HEADER,
        outbuf_high_watermark=ANSWER_IN_BUFFER,
        ident=None,
        clear_untrusted_proxy_headers=True,
        **({"trusted_proxy": "*", "trusted_proxy_headers": trusted_headers} if trusted_headers else {}),
    )
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    return [
        PageServer(
            application,
            connections,
            _sock=listener,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )
        for listener in sockets
    ]
