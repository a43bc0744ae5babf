"""The variables of those who operate an installation: what is logged and measured, and for how long it is kept. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MOST_DAYS = 36_500
PLAIN, JSON = "plain", "json"
LOOPBACK = "loopback"


@dataclass(frozen=True, kw_only=True)
class Observing:
    """`audit_days` 0: entries of the audit log are kept for good. `slow_query_ms` 0: statements are not timed.

    `metrics_from_loopback`: a program on this machine reads /metrics without a token.
    """

    audit_days: int = 0
    slow_query_ms: int = 500
    logs_json: bool = False
    metrics_from_loopback: bool = False


class Reads(Protocol):
    """What is used of the reader of `stack.environment`."""

    def whole(self, name: str, *, default: int, low: int, high: int) -> int: ...

    def text(
        self, name: str, *, default: str | None, check: Callable[[str], str | None], secret: bool = False
    ) -> str | None: ...


def read_observing(reader: Reads) -> Observing:
    return Observing(
        audit_days=reader.whole("LORAPIPE_AUDIT_DAYS", default=0, low=0, high=MOST_DAYS),
        slow_query_ms=reader.whole("LORAPIPE_SLOW_QUERY_MS", default=500, low=0, high=60_000),
        logs_json=reader.text("LORAPIPE_LOG_FORMAT", default=PLAIN, check=_format_problem) == JSON,
        metrics_from_loopback=reader.text("LORAPIPE_METRICS", default=None, check=_metrics_problem)
        == LOOPBACK,
    )


def _format_problem(value: str) -> str | None:
    return None if value in (PLAIN, JSON) else f"must be {PLAIN} or {JSON}"


def _metrics_problem(value: str) -> str | None:
    if value == LOOPBACK:
        return None
    return f"must be {LOOPBACK}, for programs on this machine; unset it, and /metrics asks for a token of an administrator"
