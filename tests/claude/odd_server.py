"""A tiny HTTP server for answers that no decent server gives: drips, resets, HTML, broken JSON."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """What one request looked like."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class OddServer:
    """Where it listens, what it got, and `stop` that ends every drip at the end of the test."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


class Answering(BaseHTTPRequestHandler):
    """One request, read whole and noted; `answer` of the concrete class replies."""

    protocol_version = "HTTP/1.1"
    server_state: OddServer
    reply_with: Callable[["Answering"], None]

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", "0"))) or b"{}"
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server_state.seen.append(Seen(self.path, headers, json.loads(raw)))
        try:
            type(self).reply_with(self)
        except OSError:
            self.close_connection = True  # the client has left, as most of these tests want

    def answer(
        self,
        status: int,
        body: bytes,
        *,
        headers: dict[str, str] | None = None,
        type_: str = "application/json",
    ) -> None:
        self.send_response(status)
        self.send_header("content-type", type_)
        self.send_header("content-length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, chunk: bytes, *, every: float = 0.05, limit: int = 2_000) -> None:
        """Send `chunk` again and again until the client leaves or the test ends."""
        self.close_connection = True
        for _ in range(limit):
            if self.server_state.stop.wait(every):
                return
            self.wfile.write(chunk)
            self.wfile.flush()

    def reset(self) -> None:
        """End with RST instead of FIN."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def shutdown_request(self, request: Any) -> None:
        with suppress(OSError):
            super().shutdown_request(request)


@contextmanager
def odd_server(reply_with: Callable[[Answering], None]) -> Iterator[OddServer]:
    """A server on a free port of this machine that answers every request with `reply_with`."""
    state = OddServer("")
    handler = type("Handler", (Answering,), {"server_state": state, "reply_with": staticmethod(reply_with)})
    server = _Server(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


def message(**changes: Any) -> bytes:
    """The body of an ordinary 200, with `changes`."""
    return json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [{"type": "text", "text": "hello"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "stop_details": None,
            "usage": {"input_tokens": 12, "output_tokens": 34},
        }
        | changes
    ).encode()


def failure(kind: str, said: str, *, code: str | None = None) -> bytes:
    """The body of an API error."""
    error: dict[str, Any] = {"type": kind, "message": said}
    if code:
        error["details"] = {"error_code": code}
    return json.dumps({"type": "error", "error": error, "request_id": "req_body"}).encode()
