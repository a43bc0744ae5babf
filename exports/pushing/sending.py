"""Run the process that sends a folder to the Hub, and look after it: it is ended when the job is not to go on.

A process of its own, because a push can take an hour while a step of a job takes seconds, because somebody else's code that sends
cannot be stopped in a thread, and so that this code sees no secret of the installation but the token. See docs/decisions/0034.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from background.running import JobFailed
from exports.pushing.hub import redact

logger = logging.getLogger(__name__)

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "exports.pushing.hub"]
LOOK_EVERY_S = 2.0
LONGEST_PUSH_S = 6 * 3600.0
LAST_SAID = 2_000  # characters of what a process that broke off has written
# What that process gets of the environment: how to find its code and the network. No key, no token, no password.
PASSED = frozenset(
    {
        *("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    }
)


class Asked(TypedDict):
    """The arguments of `exports.pushing.hub.push`."""

    endpoint: str
    token: str
    repository: str
    private: bool
    message: str
    folder: str


def send(asked: Asked, *, scratch: Path, look: Callable[[], None]) -> dict[str, Any]:
    """What `exports.pushing.hub.push` returns. `scratch` is an empty folder for what the process writes beside.

    `look` is called every two seconds; what it raises ends the process and passes. Raises JobFailed when the process breaks off.
    """
    said, wrong = scratch / "said", scratch / "wrong"
    with said.open("wb") as out, wrong.open("wb") as errors:
        process = subprocess.Popen(
            COMMAND,
            cwd=CHECKOUT,
            env=_build_environment(asked["endpoint"], scratch),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=errors,
            start_new_session=True,
        )
        try:
            _tell(process, asked)
            _wait(process, look)
        finally:
            process.kill()
            process.wait()
            if process.stdin:
                with contextlib.suppress(OSError):
                    process.stdin.close()
    return _read(said, wrong, asked)


def _build_environment(endpoint: str, scratch: Path) -> dict[str, str]:
    passed = {name: value for name, value in os.environ.items() if name.upper() in PASSED}
    off = ("TELEMETRY", "PROGRESS_BARS", "IMPLICIT_TOKEN", "UPDATE_CHECK")
    own = {f"HF_HUB_DISABLE_{name}": "1" for name in off}
    return {**passed, **own, "HOME": str(scratch), "HF_HOME": str(scratch / "home"), "HF_ENDPOINT": endpoint}


def _tell(process: subprocess.Popen[bytes], asked: Asked) -> None:
    """Its standard input stays open: when this worker dies, it is closed, and the process ends."""
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError):  # it has ended already; `_read` says so
        process.stdin.write(f"{json.dumps(asked)}\n".encode())
        process.stdin.flush()


def _wait(process: subprocess.Popen[bytes], look: Callable[[], None]) -> None:
    ends = time.monotonic() + LONGEST_PUSH_S
    while True:
        try:
            process.wait(timeout=LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            look()
            if time.monotonic() > ends:
                hours = round(LONGEST_PUSH_S / 3600)
                raise JobFailed(f"The push took more than {hours} hours and was ended. Push again.") from None
        else:
            return


def _read(said: Path, wrong: Path, asked: Asked) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(said.read_bytes().splitlines()[-1])
    except (IndexError, ValueError) as broken:
        text = wrong.read_text(errors="replace")
        logger.error("The process that pushes broke off: %s", redact(text, asked["token"])[-LAST_SAID:])
        raise JobFailed(
            "The process that sends the files broke off. What it said is in the log. Push again."
        ) from broken
    return answer
