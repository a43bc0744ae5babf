"""A small WSGI application for the tests of the web server: it says who answers, grows, and waits for a file."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_grown: list[bytes] = []


def application(environ: dict[str, str], start_response: Callable[..., object]) -> Iterable[bytes]:
    """`/` answers its pid; `/grow?FILE` takes 400 MB, and then answers once FILE exists; `/stream?FILE` waits between two parts."""
    path, file = environ["PATH_INFO"], Path(environ["QUERY_STRING"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Address", environ["REMOTE_ADDR"])])
    if path == "/grow":
        _grown.append(os.urandom(1) * 400_000_000)
        _wait_for(file)
    if path == "/stream":
        return _stream(file)
    return [str(os.getpid()).encode()]


def _stream(file: Path) -> Iterable[bytes]:
    yield b"first "
    _wait_for(file)
    yield b"last"


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.02)
