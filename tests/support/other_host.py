"""Another machine as far as network and clock go: a network namespace with one veth pair to ours (Linux, root)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.simulator import end_with_us

LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")


def clock_library() -> str | None:
    """Debian's libfaketime, or what LIBFAKETIME names."""
    named = os.environ.get("LIBFAKETIME")
    found = [str(path) for pattern in LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
    return named or next(iter(found), None)


def why_not() -> str | None:
    """Why no namespace can be made here; None when it can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (Debian: apt install iproute2)"
    name = f"lp-probe-{os.getpid()}"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=False)
    return None


@dataclass
class OtherHost:
    """`address` is our address as the other host sees it. `reach` opens one port at a time to it."""

    name: str
    address: str
    ending: ExitStack

    def reach(self, port: int) -> int:
        """A port at `address` that forwards to this port of our loopback, so that no server has to listen on other addresses."""
        command = end_with_us([sys.executable, "-m", "tests.support.relay", self.address, str(port)])
        relay = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.ending.callback(_end, relay)
        assert relay.stdout
        return int(relay.stdout.readline())

    def command(self, words: list[str], *, clock: str) -> list[str]:
        """The command that runs these words on the other host. `clock` is for libfaketime: "+7m" is seven minutes fast."""
        library = clock_library()
        shifted = (
            [f"LD_PRELOAD={library}", f"FAKETIME={clock}", "FAKETIME_DONT_FAKE_MONOTONIC=1"]
            if library
            else []
        )
        return [shutil.which("ip") or "ip", "netns", "exec", self.name, "env", *shifted, *words]


@contextmanager
def other_host() -> Iterator[OtherHost]:
    number = os.getpid() % 65_000
    name, cable = f"lp-{number}", f"lp{number}"
    ours, theirs = (
        f"10.213.{number // 256}.{number % 256 & 0xFC | 1}",
        f"10.213.{number // 256}.{number % 256 & 0xFC | 2}",
    )
    with ExitStack() as ending:
        ip("netns", "add", name)
        ending.callback(ip, "netns", "delete", name)
        ip("link", "add", f"{cable}a", "type", "veth", "peer", "name", f"{cable}b", "netns", name)
        ip("addr", "add", f"{ours}/30", "dev", f"{cable}a")
        ip("link", "set", f"{cable}a", "up")
        ip("-n", name, "addr", "add", f"{theirs}/30", "dev", f"{cable}b")
        ip("-n", name, "link", "set", f"{cable}b", "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield OtherHost(name, ours, ending)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _end(relay: subprocess.Popen[str]) -> None:
    relay.kill()
    relay.communicate()
