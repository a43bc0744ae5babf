"""Faults that a test can ask for: which one, when, for which requests, how often."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from claude.simulator.rules.rejection import Rejection

KINDS = {
    # answered with an error
    "rate_limited",
    "spend_limit",
    "server_error",
    "overloaded",
    "unauthorized",
    "billing",
    "bad_request",
    "ramp_limited",
    "contract_limit",
    "too_large",
    "unavailable",
    "gateway_timeout",
    "http_error",
    # not answered
    "reset_before",
    "reset_after",
    # answered late
    "stall",
    "drip",
    # answered with something odd
    "refusal",
    "max_tokens",
    "fence",
    "prose",
    "truncated_json",
    "wrong_roles",
    "empty",
    "nul",
    "surrogate",
    "huge",
    "not_json_body",
    "unresolved_placeholder",
    # streams that go wrong after they began; only requests with stream: true can be hit
    "stream_error",
    "stream_truncated",
    "stream_unstopped",
    "stream_dropped",
    "stream_stalled",
    "stream_malformed",
    "stream_nameless",
    "stream_unknown_event",
}
STATUSES = range(400, 600)


@dataclass(kw_only=True)
class Fault:
    """One fault. `times`: how often it is applied; 0 or None: without end.

    It is applied to requests whose prompt contains `match` and that come with the API key `key`; empty: to all. `share`:
    only to this share of them. Whether a request is in the share depends on the request, the seed, and how often the same
    request came before. So the order of different requests does not matter, and a repeated request is drawn again.

    For error answers: `retry_after` in seconds (429 only), `retry_after_ms` as well, `should_retry` for the header
    x-should-retry, `status` of an `http_error`. For streams: the fault comes after `after_chunks` text deltas; None means
    2, and 0 for `stream_nameless`.
    """

    kind: str
    times: int | None = 1
    after: int = 0
    match: str = ""
    key: str = ""
    share: float = 1.0
    retry_after: int = 1
    retry_after_ms: float | None = None
    should_retry: bool | None = None
    status: int = 500
    after_chunks: int | None = None
    seconds: float = 30.0
    size: int | None = None
    interval: float = 0.5
    category: str | None = "general_harms"
    seen: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)
    _drawn: Counter[bytes] = field(default_factory=Counter, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status} is no error; it must be from 400 to 599")
        if self.after_chunks is not None and self.after_chunks < 0:
            raise ValueError("after_chunks must be 0 or more, or null")

    def strikes(self, *, prompt: str, digest: bytes, seed: int, stream: bool, key: str) -> bool:
        """Whether the fault is applied to this request, which is counted if it matches."""
        if self._spent() or self.match not in prompt or (self.kind.startswith("stream_") and not stream):
            return False
        if self.key not in ("", key):
            return False
        self.seen += 1
        if self.seen <= self.after or not self._draw(digest, seed):
            return False
        self.hits += 1
        return True

    def state(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}

    def _spent(self) -> bool:
        return bool(self.times) and self.hits >= (self.times or 0)

    def _draw(self, digest: bytes, seed: int) -> bool:
        if self.share >= 1:
            return True
        self._drawn[digest] += 1
        key = f"{self.kind} {seed} {self._drawn[digest]} ".encode() + digest
        return int.from_bytes(hashlib.sha256(key).digest()[:8]) < self.share * 2**64


class Faults:
    """The current list of faults. Of several that match, the first one is applied."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def set(self, wanted: Sequence[Mapping[str, Any]], *, append: bool = False) -> None:
        """Replace or extend the list. Raises ValueError for an unknown kind or field."""
        made = [_fault(one) for one in wanted]
        self._faults = [*self._faults, *made] if append else made

    def strike(self, *, prompt: str, digest: bytes, seed: int, stream: bool, key: str) -> Fault | None:
        hit = (
            one
            for one in self._faults
            if one.strikes(prompt=prompt, digest=digest, seed=seed, stream=stream, key=key)
        )
        return next(hit, None)

    def state(self) -> list[dict[str, Any]]:
        return [fault.state() for fault in self._faults]


_RATE = "This request would exceed your organization's rate limit. Please try again later."
_RAMP = "This request would exceed your organization's acceleration limit. Please increase your traffic gradually."
_SPEND = "You have reached your organization's monthly spend limit."
# kind: (status, message, error code, with retry-after)
_ERRORS: Mapping[str, tuple[int, str, str | None, bool]] = {
    "rate_limited": (429, _RATE, None, True),
    "ramp_limited": (429, _RAMP, "ramp_limit_exceeded", True),
    "spend_limit": (429, _SPEND, "enforced_spend_limit_reached", False),
    "contract_limit": (
        429,
        "You have reached your contract's spend limit.",
        "contract_spend_limit_reached",
        False,
    ),
    "server_error": (500, "Internal server error", None, False),
    "unavailable": (503, "The service is temporarily unavailable", None, False),
    "gateway_timeout": (504, "The request took too long", None, False),
    "overloaded": (529, "Overloaded", None, False),
    "unauthorized": (401, "invalid x-api-key", None, False),
    "billing": (402, "There is a problem with your organization's billing.", None, False),
    "bad_request": (400, "messages: this request was refused because a test asked for it", None, False),
    "too_large": (413, "Request exceeds the maximum size", None, False),
}


def error(fault: Fault) -> Rejection | None:
    """The error answer of this fault; None for kinds of faults that do something else."""
    if fault.kind == "http_error":
        status, message, code, waits = (
            fault.status,
            f"Error {fault.status} that a test asked for",
            None,
            False,
        )
    elif fault.kind in _ERRORS:
        status, message, code, waits = _ERRORS[fault.kind]
    else:
        return None
    return Rejection(
        status,
        message,
        code=code,
        retry_after=max(1, int(fault.retry_after)) if waits else None,
        retry_after_ms=fault.retry_after_ms,
        should_retry=fault.should_retry,
    )


def _fault(wanted: Mapping[str, Any]) -> Fault:
    if wanted.get("kind") not in KINDS:
        raise ValueError(f"unknown kind of fault {wanted.get('kind')!r}; known: {', '.join(sorted(KINDS))}")
    known = {one.name for one in fields(Fault) if one.init}
    extra = sorted(set(wanted) - known)
    if extra:
        raise ValueError(f"unknown field of a fault {extra[0]!r}; known: {', '.join(sorted(known))}")
    return Fault(**wanted)
