"""The four errors of a call, named by what the caller must do. `claude.meaning` says which answer is which."""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from claude.allowance import Allowance
from claude.messages import Usage

Kind = Literal[
    "rate_limited",
    "overloaded",
    "server_error",
    "timeout",
    "connection",
    "provider_auth",
    "provider_billing",
    "invalid_request",
    "not_found",
    "request_refused",
    "too_large",
    "moderated",
    "not_the_api",
    "declined",
    "max_tokens",
    "context_window",
    "wrong_stop",
    "unreadable",
    "failed_check",
    "bad_characters",
]

ACCELERATION_CODE = "ramp_limit_exceeded"
LONGEST_RETRY_AFTER = 86_400.0
MESSAGE_LIMIT = 2_000
LONGEST_NAME = 100
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def make_storable(text: str, *, limit: int = MESSAGE_LIMIT) -> str:
    """The text as PostgreSQL and psycopg accept it (no NUL, no lone surrogate), cut at `limit` characters."""
    return _UNSTORABLE.sub("\ufffd", text[:limit])


class ClaudeError(Exception):
    """A call without a usable answer. The message is English, can be stored, says what to do, and never contains the key.

    `body`: what the server sent, raw. `retry_after`: in seconds. `limits` (the rate limits in the headers), `code` and
    `type` (the server's names of this kind of error) are set when a response was read. `usage`: the tokens that a stream had reported before it broke off; unless
    `output_known`, more output may be billed. The error can be pickled.
    """

    limits: Mapping[str, Allowance] = {}
    code: str | None = None
    type: str = ""
    usage: Usage | None = None
    output_known: bool = False

    def __init__(
        self,
        message: str,
        *,
        kind: Kind,
        status: int | None = None,
        request_id: str | None = None,
        body: bytes = b"",
        retry_after: float | None = None,
    ) -> None:
        self.message = make_storable(message)
        super().__init__(self.message)
        self.kind: Kind = kind
        self.status = status
        self.request_id = request_id
        self.body = body
        self.retry_after = retry_after

    @property
    def name(self) -> str:
        """What it has in common with the same error of another call: status and type, without words and ids."""
        return f"{self.status or 'no answer'} {self.type or self.kind}"[:LONGEST_NAME]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.message, self.__dict__)


def _restore(error_class: type[ClaudeError], message: str, fields: dict[str, Any]) -> ClaudeError:
    error = error_class.__new__(error_class, message)
    error.__dict__.update(fields)
    return error


class Busy(ClaudeError):
    """Try again later. `costs_attempt` is False when the server certainly did no work for us.

    `maybe_billed` is True when the request was sent and no answer came: nobody knows whether it is billed.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Kind,
        costs_attempt: bool,
        status: int | None = None,
        request_id: str | None = None,
        body: bytes = b"",
        retry_after: float | None = None,
        maybe_billed: bool = False,
    ) -> None:
        super().__init__(
            message, kind=kind, status=status, request_id=request_id, body=body, retry_after=retry_after
        )
        self.costs_attempt = costs_attempt
        self.maybe_billed = maybe_billed

    @property
    def blocks_pool(self) -> bool:
        """All calls of the pool must wait, not only this one: `retry_after` seconds, or a default of the caller if None."""
        return self.kind == "rate_limited"

    @property
    def too_fast(self) -> bool:
        """Waiting alone is not enough: the rate grew too fast, or the provider does not say how long to wait."""
        return self.blocks_pool and (self.code == ACCELERATION_CODE or self.retry_after is None)


class Blocked(ClaudeError):
    """No call of this job can succeed until a person has repaired something.

    The key or its account (`provider_auth`, `provider_billing`), the model or the address (`not_found`), or a part of the
    request that every call has (`request_refused`).
    """


class Declined(ClaudeError):
    """This request will never succeed, so its item fails."""


class Unusable(ClaudeError):
    """The reply is paid for, but no conversation can be made of it. Try again a few times."""


def request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's id of the call, safe to store, or None."""
    value = headers.get("request-id")
    return make_storable(value, limit=200) if value else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server asks to wait, from seconds, milliseconds or an HTTP date. None if there is no readable value.

    At most a day: a broken proxy's 10^12 would not fit into an interval column.
    """
    milliseconds = _seconds(headers.get("retry-after-ms"))
    seconds = milliseconds / 1000 if milliseconds is not None else _seconds(headers.get("retry-after"))
    return None if seconds is None else min(seconds, LONGEST_RETRY_AFTER)


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _seconds_until(value)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _seconds_until(http_date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(http_date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
