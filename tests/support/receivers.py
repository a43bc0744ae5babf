"""Receivers of webhooks: one that answers, and ones that never come to an end."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

DRIP_S = 0.05
ALL_AT_ONCE = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


class Dripping:
    """A server that answers with `begin` and then with one byte now and then, for ever. `held` counts who waits."""

    def __init__(self, begin: bytes) -> None:
        self.begin = begin
        self.held = 0
        self.ended = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/hook"

    def serve(self) -> None:
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            self.held += 1
            threading.Thread(target=self._drip, args=[caller], daemon=True).start()

    def _drip(self, caller: socket.socket) -> None:
        with caller:
            try:
                caller.recv(65_536)
                caller.sendall(self.begin)
                while not self.ended.wait(DRIP_S):
                    caller.sendall(b"x")
            except OSError:
                pass


@contextmanager
def dripping(begin: bytes) -> Iterator[Dripping]:
    """`begin` b"" drips the status line itself; `ALL_AT_ONCE` gives the status and the headers, and drips the body."""
    made = Dripping(begin)
    with _running(made.serve):
        yield made
        made.ended.set()
        made.socket.shutdown(socket.SHUT_RDWR)
        made.socket.close()


@contextmanager
def _running(serve: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    thread.join(timeout=10)
