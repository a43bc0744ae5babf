"""The children of a supervisor: prints their output with their names, restarts them, and stops them together."""

import contextlib
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from stack.child import Backoff, Child
from stack.process import Program, signal_group

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
KILLED_S = 5.0  # PostgreSQL's immediate shutdown needs a moment; whatever is left then gets SIGKILL
TICK_S = 0.2
EachLine = Callable[[str], bool]


class Interrupted(Exception):
    """A signal asked us to end while we were starting."""


@dataclass
class Signals:
    """Counts the signals that ask us to end."""

    count: int = 0

    @contextlib.contextmanager
    def caught(self) -> Iterator[int]:
        """Count SIGINT, SIGTERM and SIGHUP; yields a descriptor that becomes readable with each."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        wakeup = signal.set_wakeup_fd(write)
        ignored = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else set()  # nohup
        before = {number: signal.signal(number, self._note) for number in SIGNALS if number not in ignored}
        try:
            yield read
        finally:
            for number, disposition in before.items():
                signal.signal(number, disposition)
            signal.set_wakeup_fd(wakeup)
            os.close(read)
            os.close(write)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


@dataclass
class ProcessGroup:
    """Children by name, in the order of their start.

    Use it from one thread: the kernel ends a child with the thread that started it.
    """

    signals: Signals
    wakeup: int
    say: Callable[[str], None]
    backoff: Backoff = field(default_factory=Backoff)
    on_change: Callable[["ProcessGroup"], None] = lambda group: None
    children: dict[str, Child] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.wakeup, selectors.EVENT_READ, None)

    def start(self, program: Program) -> Child:
        """Start another child."""
        child = self.children[program.name] = Child(program, self.backoff)
        self._start(child)
        return child

    def adopt(self, child: Child) -> None:
        """Watch a child that runs already."""
        self.children[child.name] = child
        self.on_change(self)

    def run_once(self, program: Program, *, each_line: EachLine) -> int:
        """Run a program to its end; a line for which `each_line` is true is not shown. Returns the exit code.

        Raises Interrupted when a signal asks us to end in the meantime.
        """
        child = Child(program, self.backoff, wanted=False)
        child.start(time.monotonic())
        self._listen(child, each_line)
        try:
            while child.output or child.alive:
                self.pump(TICK_S)
                if self.signals.count:
                    raise Interrupted
        finally:
            child.kill()
            self._forget_output(child)
            code = child.process.wait() if child.process else 0
        return code

    def pump(self, seconds: float) -> None:
        """Print the output of the children and restart those that have ended; returns after at most `seconds`."""
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wakeup, 512)
            else:
                self._show(*key.data)
        now = time.monotonic()
        for child in list(self.children.values()):
            self._watch(child, now)

    def stop(self, names: Iterable[str]) -> None:
        """Ask these children to end and wait for them. One that exceeds its grace period is killed; a second signal kills all."""
        children = [self.children[name] for name in names if name in self.children]
        for child in children:
            child.stop()
        started = time.monotonic()
        while running := [child for child in children if child.alive]:
            if self.signals.count > 1:
                return self.kill()
            for child in running:
                if time.monotonic() - started > child.program.grace_s:
                    self.say(f"{child.name} did not end within {child.program.grace_s:.0f} s and is killed")
                    child.kill()
            self.pump(TICK_S)
        return None

    def kill(self) -> None:
        """End all children now, each by the signal that also ends its own children."""
        for child in self.children.values():
            child.kill()
        deadline = time.monotonic() + KILLED_S
        while any(child.alive for child in self.children.values()) and time.monotonic() < deadline:
            self.pump(TICK_S / 4)
        for child in self.children.values():
            if child.process and child.process.poll() is None:
                signal_group(child.process.pid, signal.SIGKILL)
                child.process.wait()

    def close(self) -> None:
        for child in self.children.values():
            self._forget_output(child)
        self._selector.close()

    def _start(self, child: Child) -> None:
        child.start(time.monotonic())
        self._listen(child, None)
        self.on_change(self)

    def _watch(self, child: Child, now: float) -> None:
        if child.process is None:
            if child.wanted and now >= child.starts_at:
                self._start(child)
            return
        if child.process.poll() is None:
            return
        self._drain(child)
        if ended := child.on_exit(now):
            self.on_change(self)
            if child.wanted:
                self.say(
                    f"{child.name} ended ({_describe_exit(ended[0])}); it starts again in {ended[1]:g} s"
                )

    def _drain(self, child: Child) -> None:
        """Print the rest of its output before the pipe is closed."""
        while child.output:
            if not self._show(child, None):
                self._forget_output(child)

    def _show(self, child: Child, each_line: EachLine | None) -> bool:
        """Print the lines that have arrived; False when there were none."""
        lines = child.read()
        for line in lines or ():
            if not (each_line and each_line(line)):
                self.say(f"{child.name:<11} | {line}")
        if lines is None:
            self._forget_output(child)
        return bool(lines)

    def _listen(self, child: Child, each_line: EachLine | None) -> None:
        if child.output:
            self._selector.register(child.output, selectors.EVENT_READ, (child, each_line))

    def _forget_output(self, child: Child) -> None:
        if output := child.output:
            self._selector.unregister(output)
            output.close()


def _describe_exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def say(text: str) -> None:
    """Print at once; when the terminal has gone, the text is dropped."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
