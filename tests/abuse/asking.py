"""Sends one request after another to the product in this process, and notes every answer that is out of bounds.

Each request happens in a savepoint that is undone, so that every one of them finds the same rows.
"""

import logging
import time
import traceback
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from django.db import transaction
from django.test import Client

from tests.guards.sources import ROOT
from tests.support.described_answers import find_undescribed

# Processor time of this thread, which a loaded machine does not stretch much. What is quadratic here takes minutes.
MOST_CPU_S = 4.0
# A page shows again what was typed, and `"` becomes six characters.
LARGEST_ANSWER = 1_000_000
GROWTH = 8
READINESS = "/readyz"  # says 503 where no worker runs


class _Failures(logging.Handler):
    """Keeps the exceptions that Django and the API log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.seen.append(record.exc_info[1])


@dataclass
class Asker:
    """`wrong` has a line for each kind of wrong answer, with the requests that gave it."""

    client: Client
    most_cpu_s: float = MOST_CPU_S
    largest: int = LARGEST_ANSWER
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    asked: set[str] = field(default_factory=set)
    count: int = 0

    def __post_init__(self) -> None:
        self.client.raise_request_exception = False
        self.cookies = {name: each.value for name, each in self.client.cookies.items()}
        self.failures = _Failures()

    def ask(
        self,
        method: str,
        path: str,
        what: str,
        *,
        name: str = "",
        body: bytes = b"",
        content_type: str = "application/octet-stream",
        query: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer. `what` says in a few words what is odd about the request; `name` is that of its URL."""
        self.count += 1
        self.asked.add(f"{method} {name}")
        self.client.cookies = SimpleCookie(self.cookies)
        self.failures.seen.clear()
        logger = logging.getLogger()
        logger.addHandler(self.failures)
        try:
            with transaction.atomic():
                before = time.thread_time()
                answer = self.client.generic(
                    method,
                    path,
                    body,
                    content_type=content_type,
                    QUERY_STRING=query,
                    headers=dict(headers or {}),
                )
                size = len(answer.getvalue())
                cpu_s = time.thread_time() - before
                transaction.set_rollback(True)
        finally:
            logger.removeHandler(self.failures)
        request = f"{method} {path[:150]}: {what[:100]}"
        if problem := find_undescribed(method, name, answer):
            self.wrong[f"is not as the schema of the API says: {problem}"].append(request)
        self._judge(
            request,
            path,
            answer,
            size=size,
            cpu_s=cpu_s,
            sent=len(body) + len(query),
        )
        return answer

    def _judge(self, request: str, path: str, answer: Any, *, size: int, cpu_s: float, sent: int) -> None:
        if answer.status_code >= 500 and (answer.status_code, path) != (503, READINESS):
            self.wrong[f"{answer.status_code} {self._explain(answer)}"].append(request)
        if cpu_s > self.most_cpu_s:
            self.wrong["takes too much work"].append(f"{request}: {cpu_s:.1f} s of processor time")
        if size > self.largest + GROWTH * sent:
            self.wrong["has too large an answer"].append(f"{request}: {size:,} bytes for {sent:,}")

    def _explain(self, answer: Any) -> str:
        raised = self.failures.seen[-1] if self.failures.seen else None
        if raised is None and (info := getattr(answer, "exc_info", None)):
            raised = info[1]
        if raised is None:
            return ""
        ours = [
            each for each in traceback.extract_tb(raised.__traceback__) if each.filename.startswith(str(ROOT))
        ]
        ours = [each for each in ours if ".venv" not in each.filename and "/tests/" not in each.filename]
        place = (
            f"{ours[-1].filename.removeprefix(str(ROOT))}:{ours[-1].lineno}" if ours else "outside our code"
        )
        return f"{type(raised).__name__} at {place}: {str(raised)[:150]}"

    def check(self) -> None:
        """Fails with a line for each kind of wrong answer since the last check, and the first three requests that gave it."""
        lines = [
            f"{len(requests)}x {kind}\n" + "\n".join(f"    {request}" for request in requests[:3])
            for kind, requests in self.wrong.items()
        ]
        self.wrong.clear()
        assert not lines, f"{len(lines)} kinds of wrong answers to {self.count} requests:\n" + "\n".join(
            lines
        )
