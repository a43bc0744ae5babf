"""The two servers of the contract, told in the same words what to do next."""

import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tests.support.polling import wait_for
from tests.support.simulator import RunningSimulator, end_with_us

FOREVER = 60.0  # seconds of a stall that no test waits for
WORDS = (
    "The first thing is to write down what comes in and what goes out, month by month, and to look at it. "
    * 12
)


class Target(Protocol):
    """A server that answers well until it is told otherwise for the next requests."""

    base_url: str

    def clear(self) -> None:
        """No requests, nothing planned."""

    def fail(self, status: int, *, times: int = 1, retry_after: int | None = None) -> None:
        """Error answers for the next requests."""

    def hold(self) -> None:
        """The next request is not answered for a long time."""

    def spoil(self, fault: str) -> None:
        """The next stream is one of: truncated, dropped, stalled, malformed; after some chunks of text."""

    def requests(self) -> int:
        """How many requests for a message have come."""


class Ours:
    """Our simulator, driven over its control endpoint."""

    def __init__(self, simulator: RunningSimulator):
        self.simulator = simulator
        self.base_url = simulator.url

    def clear(self) -> None:
        self.simulator.reset()
        self.simulator.options(latency=0, rpm=None, burst=None, itpm=None, otpm=None, clock_offset=0)

    def fail(self, status: int, *, times: int = 1, retry_after: int | None = None) -> None:
        fault: dict[str, Any] = {"kind": "http_error", "status": status, "times": times}
        if retry_after is not None:
            fault = {"kind": "rate_limited", "times": times, "retry_after": retry_after}
        self.simulator.faults([fault])

    def hold(self) -> None:
        self.simulator.faults([{"kind": "stall", "seconds": FOREVER}])

    def spoil(self, fault: str) -> None:
        self.simulator.faults([{"kind": f"stream_{fault}", "after_chunks": 3, "seconds": FOREVER}])

    def requests(self) -> int:
        return len(self.simulator.ledger())


class LLMock:
    """The independent mock, version 0.2.2, as it was installed by `llmock_venv`."""

    KINDS = {"truncated": "truncate", "dropped": "disconnect", "stalled": "stall", "malformed": "malformed"}

    def __init__(self, root: str):
        self.root = root
        self.base_url = f"{root}/anthropic"

    def clear(self) -> None:
        self._call("POST", "reset")
        self._plan({"type": "reply", "text": WORDS, "times": None})

    def fail(self, status: int, *, times: int = 1, retry_after: int | None = None) -> None:
        self._plan({"type": "fail", "status": status, "times": times, "retry_after": retry_after})

    def hold(self) -> None:
        self._plan({"type": "delay", "seconds": FOREVER})

    def spoil(self, fault: str) -> None:
        kind = self.KINDS[fault]
        self._plan(
            {"type": "stream_fault", "kind": kind, "after_chunks": 6, "stall_seconds": FOREVER, "times": 1}
        )

    def requests(self) -> int:
        return int(self._call("GET", "requests")["count"])

    def _plan(self, behaviour: dict[str, Any]) -> None:
        self._call("POST", "scenario", {"behaviors": [behaviour]})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.root}/_llmock/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def running_llmock(program: Path) -> Iterator[LLMock]:
    """Started on a free port; ends with the block, or with pytest."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(end_with_us(command), stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            target = LLMock(f"http://127.0.0.1:{port}")
            wait_for(lambda: _answers(target), what="llmock starts")
            yield target
        finally:
            process.kill()  # asked politely it would wait for every answer that it holds back


def _answers(target: LLMock) -> bool:
    try:
        target.clear()
    except OSError:
        return False
    return True
