"""The web processes as the Procfile starts them, with a small application: what a slow client, or a large process, does to the others."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stack.environment import CHECKOUT, count_web_processes
from stack.services import free_port
from tests.support.polling import wait_for

START = "web: gunicorn -c python:lorapipe.web_server.config lorapipe.wsgi"
HALF_HEADER = b"GET / HTTP/1.1\r\nHost: x\r\nX-"
HALF_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"


class Web:
    def __init__(self, **variables: str) -> None:
        self.port = free_port()
        words = START.split()[2:-1]
        self.process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("gunicorn")),
                *words,
                "tests.support.small_pages:application",
            ],
            env={**os.environ, "PORT": str(self.port), "LORAPIPE_WEB_MEMORY_MB": "300", **variables},
            cwd=CHECKOUT,
        )

    def ask(self, path: str = "/", **headers: str) -> tuple[str, http.client.HTTPMessage]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as line:
            line.request("GET", path, headers=headers)
            answer = line.getresponse()
            return answer.read().decode(), answer.headers

    def is_up(self) -> bool:
        try:
            return bool(self.ask()[0])
        except OSError:
            return False

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@pytest.fixture
def web(request: pytest.FixtureRequest) -> Iterator[Web]:
    found = Web(**getattr(request, "param", {}))
    try:
        wait_for(found.is_up, seconds=60, what="the web answers")
        yield found
    finally:
        found.end()


def test_the_procfile_starts_it_like_this() -> None:
    assert START in (CHECKOUT / "Procfile").read_text().splitlines()


def test_half_open_connections_hold_no_page(web: Web) -> None:
    """Far more of them than there are threads; each would have held one until it is complete."""
    held = [socket.create_connection(("127.0.0.1", web.port)) for _ in range(200)]
    for index, line in enumerate(held):
        line.sendall((HALF_HEADER, HALF_BODY, b"")[index % 3])
    for _ in range(20):
        web.ask()
    for line in held:
        line.close()


def test_a_process_above_the_ceiling_finishes_and_is_replaced(web: Web, tmp_path: Path) -> None:
    """Its request of a minute gets its answer, and meanwhile the others answer everybody else."""
    file, answers = tmp_path / "go", list[str]()
    thread = threading.Thread(target=lambda: answers.append(web.ask(f"/grow?{file}")[0]))
    thread.start()
    last: list[str] = []

    def leaves() -> bool:
        """Whether the last thirty answers came from all processes but one."""
        last.append(web.ask()[0])
        return len(set(last[-30:])) == count_web_processes() - 1 and len(last) >= 30

    wait_for(leaves, seconds=60, every=0.1, what="the large process accepts no more")
    assert not answers
    file.touch()
    thread.join(60)
    assert len(answers) == 1
    assert answers[0] not in last[-30:]
    wait_for(
        lambda: web.ask()[0] not in {*last, *answers}, seconds=60, every=0.02, what="another one answers"
    )


def test_a_stream_goes_on_while_its_process_is_replaced(web: Web, tmp_path: Path) -> None:
    """As at `kill -HUP`: all processes are replaced, and an export that has begun ends whole."""
    file = tmp_path / "go"
    with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)) as line:
        line.request("GET", f"/stream?{file}")
        answer = line.getresponse()
        before = {web.ask()[0] for _ in range(20)}
        web.process.send_signal(signal.SIGHUP)
        wait_for(lambda: web.ask()[0] not in before, seconds=60, every=0.02, what="new processes answer")
        file.touch()
        assert answer.read() == b"first last"


def test_a_killed_server_leaves_the_port(web: Web, tmp_path: Path) -> None:
    """Its processes end without it, whatever they have begun: the supervisor starts another one on that port."""
    with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)) as line:
        line.request("GET", f"/stream?{tmp_path / 'never'}")
        line.getresponse()
        web.process.kill()
        web.process.wait(30)

        def free() -> bool:
            try:
                socket.create_server(("127.0.0.1", web.port), reuse_port=False).close()
            except OSError:
                return False
            return True

        wait_for(free, what="the port is free")


@pytest.mark.parametrize(
    ("web", "counted"),
    [({}, "127.0.0.1"), ({"LORAPIPE_BEHIND_PROXY": "1"}, "203.0.113.9")],
    indirect=["web"],
    ids=["alone", "behind a proxy"],
)
def test_the_last_forwarded_address_counts_behind_a_proxy(web: Web, counted: str) -> None:
    """What stands before the last one is written by the client."""
    _, headers = web.ask(**{"X-Forwarded-For": "198.51.100.7, 203.0.113.9"})
    assert headers["X-Address"] == counted
