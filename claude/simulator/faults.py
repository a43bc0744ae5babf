"""Things that go wrong on request: which fault, when, for whom, how often."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from claude.simulator.rejection import Rejection

KINDS = {
    # answered with an error
    "rate_limited",
    "spend_limit",
    "server_error",
    "overloaded",
    "unauthorized",
    "billing",
    "bad_request",
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
}


@dataclass(kw_only=True)
class Fault:
    """One fault. `times` 0 or None: for ever. `share`: of the matching requests, chosen by their hash.

    The share looks at the request, the seed and how often this request came before: the order of different requests
    does not matter, and a request that is tried again is drawn again.
    """

    kind: str
    times: int | None = 1
    after: int = 0
    match: str = ""
    share: float = 1.0
    retry_after: int = 1
    seconds: float = 30.0
    size: int | None = None
    interval: float = 0.5
    category: str | None = "general_harms"
    seen: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)
    _drawn: Counter[bytes] = field(default_factory=Counter, init=False, repr=False)

    def strikes(self, *, prompt: str, digest: bytes, seed: int) -> bool:
        """Counts this request, and says whether it is hit."""
        if self._spent() or self.match not in prompt:
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
    """The list in force; the first one that strikes counts."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def set(self, wanted: Sequence[Mapping[str, Any]], *, append: bool = False) -> None:
        """Replaces (or extends) the list. ValueError for an unknown kind or field."""
        made = [_fault(one) for one in wanted]
        self._faults = [*self._faults, *made] if append else made

    def strike(self, *, prompt: str, digest: bytes, seed: int) -> Fault | None:
        hit = (one for one in self._faults if one.strikes(prompt=prompt, digest=digest, seed=seed))
        return next(hit, None)

    def state(self) -> list[dict[str, Any]]:
        return [fault.state() for fault in self._faults]


def error(fault: Fault) -> Rejection | None:
    """The error answer of this fault; None for the kinds that are no error answer."""
    made = {
        "rate_limited": Rejection(
            429,
            "This request would exceed your organization's rate limit. Please try again later.",
            retry_after=max(1, int(fault.retry_after)),
        ),
        "spend_limit": Rejection(
            429,
            "You have reached your organization's monthly spend limit.",
            code="enforced_spend_limit_reached",
        ),
        "server_error": Rejection(500, "Internal server error"),
        "overloaded": Rejection(529, "Overloaded"),
        "unauthorized": Rejection(401, "invalid x-api-key"),
        "billing": Rejection(402, "There is a problem with your organization's billing."),
        "bad_request": Rejection(400, "messages: this request was refused because a test asked for it"),
    }
    return made.get(fault.kind)


def _fault(wanted: Mapping[str, Any]) -> Fault:
    if wanted.get("kind") not in KINDS:
        raise ValueError(f"unknown kind of fault {wanted.get('kind')!r}; known: {', '.join(sorted(KINDS))}")
    known = {one.name for one in fields(Fault) if one.init}
    extra = sorted(set(wanted) - known)
    if extra:
        raise ValueError(f"unknown field of a fault {extra[0]!r}; known: {', '.join(sorted(known))}")
    return Fault(**wanted)
