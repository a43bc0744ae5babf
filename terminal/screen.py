"""The output of the terminal: messages, a progress bar, a question, and one JSON object."""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TextIO

from batches.reports.progress import Progress

BAR = 24
LINE_EVERY_S = 10.0  # without a terminal, a line is written this often
CLEAR = "\r\x1b[K"


class Screen:
    """Writes messages to standard output, or with --json to standard error. Progress always goes to standard error."""

    def __init__(self, *, only_json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._only_json = only_json
        self._bar_is_drawn = False
        self._next_line_at = 0.0

    @property
    def can_ask(self) -> bool:
        return sys.stdin is not None and sys.stdin.isatty() and self._err.isatty()

    def say(self, text: str) -> None:
        self._clear()
        self._print(text, self._err if self._only_json else self._out)

    def complain(self, text: str) -> None:
        self._clear()
        self._print(text, self._err)

    def ask(self, question: str) -> bool:
        self._print(f"{question} [y/N] ", self._err, end="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def result(self, answer: Mapping[str, Any]) -> None:
        if self._only_json:
            self._print(json.dumps(answer, ensure_ascii=False, allow_nan=False), self._out)

    def show(self, now: Progress) -> None:
        """Show the progress as a bar, or without a terminal as a line every 10 seconds."""
        if self._err.isatty():
            width = shutil.get_terminal_size().columns
            self._print(f"{CLEAR}{format_progress(now)[: width - 1]}", self._err, end="")
            self._bar_is_drawn = True
        elif time.monotonic() >= self._next_line_at:
            self._print(format_progress(now), self._err)
            self._next_line_at = time.monotonic() + LINE_EVERY_S

    def _clear(self) -> None:
        if self._bar_is_drawn:
            self._bar_is_drawn = False
            self._print(CLEAR, self._err, end="")

    def _print(self, text: str, stream: TextIO, *, end: str = "\n") -> None:
        """Print a text. Errors are ignored, because a job goes on even if its terminal is closed."""
        with contextlib.suppress(OSError):
            print(_make_printable(text, stream), file=stream, end=end, flush=True)


def format_progress(now: Progress) -> str:
    """`[######------] 34/90, 2 failed, 118/min, $0.4213, 29 s left`"""
    done = BAR * now.ended // max(1, now.total)
    parts = [f"[{'#' * done}{'-' * (BAR - done)}] {now.ended}/{now.total}"]
    parts += [f"{now.failed} failed"] if now.failed else []
    parts += [f"{now.items_per_minute:.0f}/min"] if now.items_per_minute else []
    parts += [format_money(now.spent)]
    parts += [f"{format_duration(now.remaining_s)} left"] if now.remaining_s is not None else []
    return ", ".join([*parts, *_describe_waiting(now)])


def _describe_waiting(now: Progress) -> list[str]:
    if now.in_flight and now.word in ("pausing", "stopping", "cancelling"):
        return [f"{now.word}, {now.in_flight} in flight"]
    if now.blocked_until:
        return [f"Claude asked to wait until {now.blocked_until:%H:%M:%S} UTC"]
    if now.bound and now.bound.by == "breaker" and now.bound.until:
        return [f"Claude is overloaded, trying again at {now.bound.until:%H:%M:%S} UTC"]
    return [] if now.has_worker or now.ended == now.total else ["waiting for a worker"]


def format_money(amount: Decimal) -> str:
    """The amount in cents; below one dollar also in hundredths of a cent, unless they are zero."""
    if amount >= 1:
        return f"${amount:,.2f}"
    text = f"{amount:.4f}"
    return f"${text.removesuffix('00')}"


def format_duration(seconds: float) -> str:
    """`42 s`, `7 min`, `2 h 5 min`: as exact as an estimate deserves."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _make_printable(text: str, stream: TextIO) -> str:
    """The text with `?` for characters that the stream cannot encode, so that an old terminal does not end the job."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding, "replace")
