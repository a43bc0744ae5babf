"""What strangers can do to the pages of others: python -m bench.strangers.half_open [--seconds N] [--connections N] [--guessers N].

Starts `./run` in a folder of its own, holds half-open connections (no header, half a header, half a body, one more byte every few
seconds), lets guessers try passwords without a pause, and measures what a signed-in user waits for his pages meanwhile.
"""

import argparse
import http.client
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import cycle
from statistics import quantiles
from urllib.parse import urlencode

from bench.start import wait_for_page
from stack.environment import CHECKOUT
from stack.services import free_port

GOAL_S = 1.0  # 95th percentile
PAGES = ("/", "/batches/", "/conversations/", "/templates/", "/settings/terms/")
BEGINNINGS = (
    b"",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
    b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\nname=",
)
DRIP_S = 3.0
TOKEN = re.compile(r"lp_[\w-]{20,}")
LINK = re.compile(r"http://[^ ]+/sign-in/([^ /]+)/")


class Strangers:
    """Half-open connections, opened again as soon as they are closed, and guessers."""

    def __init__(self, port: int) -> None:
        self.port, self.over = port, threading.Event()
        self.opened = 0
        self.guesses: Counter[str] = Counter()

    def hold(self, count: int) -> None:
        beginnings = cycle(BEGINNINGS)
        held: list[tuple[socket.socket, bytes]] = []
        while not self.over.is_set():
            while len(held) < count:
                line, beginning = (
                    socket.create_connection(("127.0.0.1", self.port), timeout=5),
                    next(beginnings),
                )
                line.sendall(beginning)
                line.setblocking(False)
                held.append((line, beginning))
                self.opened += 1
            self.over.wait(DRIP_S)
            held = [(line, beginning) for line, beginning in held if _is_open(line, beginning)]
        for line, _ in held:
            line.close()

    def guess(self, number: int) -> None:
        """Without a pause, from an address of its own (127.0.1.1 and so on)."""
        body = urlencode({"name": "owner", "password": "guess", "csrfmiddlewaretoken": "x" * 32})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={'x' * 32}"}
        while not self.over.is_set():
            try:
                status, _ = ask(
                    self.port, "POST", "/sign-in/", body, headers, address=f"127.0.1.{number + 1}"
                )
                self.guesses[str(status)] += 1
            except OSError:
                self.guesses["no answer"] += 1


def _is_open(line: socket.socket, beginning: bytes) -> bool:
    """Send one more byte where a request has begun; close it here too when the server has closed it."""
    try:
        if beginning:
            line.send(b"x")
        if line.recv(4096):
            raise ConnectionResetError
    except BlockingIOError:
        return True
    except OSError:
        pass
    line.close()
    return False


def ask(
    port: int,
    method: str,
    path: str,
    body: str | bytes | None,
    headers: dict[str, str],
    *,
    address: str = "127.0.0.1",
) -> tuple[int, http.client.HTTPMessage]:
    """Status and headers of the answer to a request from this address."""
    with closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(address, 0))
    ) as line:
        line.request(method, path, body, headers)
        answer = line.getresponse()
        answer.read()
        return answer.status, answer.headers


def sign_in(port: int, token: str) -> dict[str, str]:
    """The headers of a person who is signed in by a link."""
    _, page = ask(port, "GET", f"/sign-in/{token}/", None, {})
    crumb = re.search(r"csrftoken=([^;]+)", str(page.get_all("Set-Cookie")))
    cookie = crumb[1] if crumb else ""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={cookie}"}
    _, answer = ask(port, "POST", f"/sign-in/{token}/", urlencode({"csrfmiddlewaretoken": cookie}), headers)
    session = re.search(r"sessionid=([^;]+)", str(answer.get_all("Set-Cookie")))
    if session is None:
        raise SystemExit("The sign-in link did not sign in.")
    return {"Cookie": f"sessionid={session[1]}"}


def measure(port: int, headers: dict[str, str], seconds: float, *, goal_s: float = GOAL_S) -> None:
    waited: list[float] = []
    failed: Counter[str] = Counter()
    ends_at, pages = time.monotonic() + seconds, cycle(PAGES)
    while time.monotonic() < ends_at:
        path, began = next(pages), time.monotonic()
        try:
            status, _ = ask(port, "GET", path, None, headers)
            if status != 200:
                failed[f"{path} {status}"] += 1
        except OSError as error:
            failed[f"{path} {type(error).__name__}"] += 1
        waited.append(time.monotonic() - began)
        time.sleep(0.1)
    p95 = quantiles(waited, n=20)[-1]
    print(
        f"{len(waited)} pages: median {sorted(waited)[len(waited) // 2]:.3f} s, p95 {p95:.3f} s, longest {max(waited):.3f} s"
        f"{' OVER' if p95 > goal_s or failed else ''}; failed: {dict(failed)}"
    )


@contextmanager
def started(*also: list[str]) -> Iterator[tuple[int, dict[str, str], str]]:
    """`./run` in a folder of its own: its port, the headers of its signed-in owner, and a token of the same person.

    `also`: commands of `./run manage` to be carried out before.
    """
    with (
        tempfile.TemporaryDirectory(prefix="lorapipe-half-open-") as folder,
        tempfile.TemporaryFile("w+") as said,
    ):
        os.chmod(folder, 0o711)  # PostgreSQL runs as another user when we are root
        port = free_port()
        environ = {**os.environ, "LORAPIPE_DATA_DIR": f"{folder}/data", "PORT": str(port)}
        running = subprocess.Popen([CHECKOUT / "run"], env=environ, stdout=said, stderr=said)
        try:
            wait_for_page(f"http://127.0.0.1:{port}/sign-in/", running)
            for command in (["sign_in_link"], ["create_token", "owner"], *also):
                subprocess.run(
                    [CHECKOUT / "run", "manage", *command], env=environ, check=True, stdout=said, stderr=said
                )
            time.sleep(10)  # the workers start
            said.seek(0)
            text = said.read()
            yield port, sign_in(port, LINK.findall(text)[-1]), TOKEN.findall(text)[-1]
        finally:
            with suppress(ProcessLookupError):
                running.send_signal(signal.SIGTERM)
            running.wait(60)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--connections", type=int, default=200)
    options.add_argument("--guessers", type=int, default=20)
    chosen = options.parse_args()
    with started() as (port, headers, _):
        print("alone: ", end="", flush=True)
        measure(port, headers, min(10, chosen.seconds))
        strangers = Strangers(port)
        threads = [
            threading.Thread(target=strangers.guess, args=(number,)) for number in range(chosen.guessers)
        ]
        threads.append(threading.Thread(target=strangers.hold, args=(chosen.connections,)))
        for thread in threads:
            thread.start()
        print(f"{chosen.connections} half-open, {chosen.guessers} guessers: ", end="", flush=True)
        try:
            measure(port, headers, chosen.seconds)
        finally:
            strangers.over.set()
        for thread in threads:
            thread.join(60)
        print(f"opened {strangers.opened}; answers to guesses: {dict(strangers.guesses)}")


if __name__ == "__main__":
    main()
