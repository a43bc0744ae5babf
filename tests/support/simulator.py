"""The simulator as a process of its own: real HTTP, its own ledger, faults by request."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from stack import launch
from stack.environment import CHECKOUT
from tests.support.polling import wait_for


def end_with_us(command: list[str]) -> list[str]:
    """The command, wrapped so that its process ends when pytest ends, even when pytest is killed."""
    guard = [launch.__file__, str(int(signal.SIGKILL)), str(os.getpid()), "-1", "-1", str(CHECKOUT)]
    return [sys.executable, "-I", *guard, *command]


class RunningSimulator:
    """Starts on a free port; `stop` ends it. It also ends when pytest is killed."""

    def __init__(self, *options: str) -> None:
        self.options_given = options
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RunningSimulator":
        with tempfile.TemporaryDirectory(prefix="lorapipe-simulator-") as folder:
            port_file = Path(folder) / "port"
            command = [
                sys.executable,
                "-m",
                "claude.simulator",
                "--port",
                "0",
                "--port-file",
                str(port_file),
                *self.options_given,
            ]
            self.process = subprocess.Popen(
                end_with_us(command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
            port = wait_for(
                lambda: port_file.exists() and port_file.read_text().strip(), what="the simulator starts"
            )
        self.url = f"http://127.0.0.1:{port}"
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    def reset(self) -> None:
        """Empty the ledger and forget the faults."""
        self._post("reset", {})

    def faults(self, faults: list[dict[str, Any]]) -> None:
        self._post("faults", {"faults": faults})

    def options(self, **options: Any) -> None:
        self._post("options", options)

    def ledger(self) -> list[dict[str, Any]]:
        """Every request so far, in order of arrival."""
        entries: list[dict[str, Any]] = self._get("ledger")["entries"]
        return entries

    def cpu_seconds(self) -> float:
        """What its process has used so far."""
        return float(self._get("cpu")["seconds"])

    def prompts(self, *, limit: int = 1000) -> list[Any]:
        """The last prompts as they came, once `options(keep_prompts=True)` is set."""
        prompts: list[Any] = self._get(f"prompts?limit={limit}")["prompts"]
        return prompts

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/_simulator/{path}", timeout=10) as answer:
            return json.load(answer)

    def _post(self, path: str, body: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"{self.url}/_simulator/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
