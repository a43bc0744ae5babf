"""One supervised process: it is started, watched, restarted after a pause, and stopped."""

import os
import signal
import subprocess
from dataclasses import dataclass, field
from typing import IO

from stack import process
from stack.process import Program

CHUNK = 65_536


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Pauses before a restart, in seconds: each is twice as long as the last.

    A process that ran long enough resets them. So does one that was killed from outside: that does not mean that it cannot run.
    """

    first_s: float = 1.0
    cap_s: float = 30.0
    settled_s: float = 60.0

    def pause(self, deaths: int) -> float:
        return min(self.cap_s, self.first_s * 2.0 ** min(deaths - 1, 16))


@dataclass
class Child:
    """`wanted` says whether the process is restarted when it ends. Times are monotonic seconds."""

    program: Program
    backoff: Backoff = field(default_factory=Backoff)
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = True
    deaths: int = 0
    started_at: float = 0.0
    starts_at: float = 0.0
    _line: bytes = b""

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def output(self) -> IO[bytes] | None:
        """The pipe of its output while it is open; None when it writes to a log."""
        pipe = self.process.stdout if self.process else None
        return None if pipe is None or pipe.closed else pipe

    def start(self, now: float) -> None:
        self.process = process.spawn(self.program)
        self.started_at = now
        if self.output:
            os.set_blocking(self.output.fileno(), False)

    def on_exit(self, now: float) -> tuple[int, float] | None:
        """Once the process has ended: clear it and return (exit code, pause before the restart); otherwise None."""
        if self.process is None or self.process.poll() is None:
            return None
        code = self.process.returncode
        self.process = None
        ran_well = code == -signal.SIGKILL or now - self.started_at >= self.backoff.settled_s
        self.deaths = 1 if ran_well else self.deaths + 1
        pause = self.backoff.pause(self.deaths)
        self.starts_at = now + pause
        return code, pause

    def read(self) -> list[str] | None:
        """The complete lines that have arrived; None at the end of the output."""
        if self.output is None:
            return None
        try:
            arrived = os.read(self.output.fileno(), CHUNK)
        except BlockingIOError:
            return []
        *lines, self._line = (self._line + arrived).split(b"\n") if arrived else (self._line, b"")
        shown = [line.decode(errors="replace") for line in lines]
        return shown if arrived else ([line for line in shown if line] or None)

    def stop(self) -> None:
        """Ask it to end; it is not restarted."""
        self.wanted = False
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.program.stop_signal)

    def kill(self) -> None:
        self.wanted = False
        if self.process and self.process.poll() is None:
            process.signal_group(self.process.pid, self.program.kill_signal)
