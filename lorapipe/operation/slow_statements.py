"""Which statements of our processes take long: counted in memory, stored every few seconds, and shown in the admin.

A statement is kept without its values (docs/decisions/0036-slow-statements.md).
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)

STORE_AFTER_S = 5.0
MOST_IN_MEMORY = 200
MOST_STORED = 1_000
LONGEST_STATEMENT = 2_000
LONGEST_LOGGED = 300

_LINE_COMMENT = re.compile(r"--[^\n]*")
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"(?<![\w.$\"])\d+(?:\.\d+)?\b")
_PLACES = re.compile(r"\((?:\s*(?:%s|\?)\s*,)+\s*(?:%s|\?)\s*\)")
_SAVEPOINT = re.compile(r'"s\d+_x\d+"')

STORE = """
INSERT INTO slow_statements (id, fingerprint, process, statement, calls, total_ms, longest_ms, last_at)
VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, clock_timestamp())
ON CONFLICT (fingerprint, process) DO UPDATE
   SET calls = slow_statements.calls + EXCLUDED.calls, total_ms = slow_statements.total_ms + EXCLUDED.total_ms,
       longest_ms = greatest(slow_statements.longest_ms, EXCLUDED.longest_ms), last_at = EXCLUDED.last_at
"""
FORGET = """
DELETE FROM slow_statements WHERE id IN (SELECT id FROM slow_statements ORDER BY last_at DESC OFFSET %s)
"""


def normalise(statement: str) -> str:
    """The statement on one line, without comments and values: texts and numbers become `?`, lists of places one place."""
    text = statement[: 10 * LONGEST_STATEMENT]
    for pattern, instead in (
        (_BLOCK_COMMENT, " "),
        (_LINE_COMMENT, " "),
        (_TEXT, "?"),
        (_SAVEPOINT, "savepoint"),
        (_NUMBER, "?"),
        (_PLACES, "(...)"),
    ):
        text = pattern.sub(instead, text)
    return " ".join(text.split())[:LONGEST_STATEMENT]


@dataclass
class Seen:
    """How often a statement was slow since it was stored last, in milliseconds together, and the longest."""

    calls: int = 0
    total_ms: float = 0.0
    longest_ms: float = 0.0


class Collector:
    """Collects the slow statements of this process. A thread of its own stores them, apart from every transaction."""

    def __init__(self, *, threshold_ms: float, store_after_s: float | None = STORE_AFTER_S) -> None:
        self.threshold_ms = threshold_ms
        self.store_after_s = store_after_s
        self._seen: dict[str, Seen] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def time(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Django's wrapper around each statement."""
        started = time.monotonic()
        try:
            return execute(sql, params, many, context)
        finally:
            took_ms = (time.monotonic() - started) * 1000
            if took_ms >= self.threshold_ms and "slow_statements" not in sql:
                self.add(sql, took_ms)

    def add(self, sql: str, took_ms: float) -> None:
        statement = normalise(sql)
        with self._lock:
            if statement not in self._seen and len(self._seen) >= MOST_IN_MEMORY:
                return
            seen = self._seen.setdefault(statement, Seen())
            seen.calls += 1
            seen.total_ms += took_ms
            seen.longest_ms = max(seen.longest_ms, took_ms)
            if self._timer is None and self.store_after_s is not None:
                self._timer = threading.Timer(self.store_after_s, self._store_apart)
                self._timer.daemon = True
                self._timer.start()

    def take(self) -> dict[str, Seen]:
        """What was collected; it begins anew."""
        with self._lock:
            taken, self._seen, self._timer = self._seen, {}, None
        return taken

    def store(self) -> None:
        """Log what was collected, and add it to the table, which keeps the last thousand statements."""
        taken = self.take()
        for statement, seen in taken.items():
            logger.warning(
                "Slow statement, %d times, %d ms at most: %s",
                seen.calls,
                seen.longest_ms,
                statement[:LONGEST_LOGGED],
            )
        with connection.cursor() as cursor:
            for statement, seen in sorted(taken.items()):
                values = [seen.calls, seen.total_ms, seen.longest_ms]
                cursor.execute(STORE, [make_fingerprint(statement), settings.PROCESS, statement, *values])
            cursor.execute(FORGET, [MOST_STORED])

    def _store_apart(self) -> None:
        try:
            self.store()
        except (DatabaseError, InterfaceError) as problem:  # what is slow may also be away
            logger.warning("Slow statements could not be stored (%s)", problem)
        finally:
            connection.close()


def make_fingerprint(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()


def watch_connections(collector: Collector) -> None:
    """Time every statement of the connections that this process makes from now on."""

    def add_wrapper(connection: Any, **_: Any) -> None:
        if collector.time not in connection.execute_wrappers:
            connection.execute_wrappers.append(collector.time)

    connection_created.connect(add_wrapper, weak=False, dispatch_uid="slow statements")
