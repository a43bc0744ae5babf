"""The four errors of a call, named by what the caller must do, and what each HTTP status means.

The table of meanings is docs/execution.md section 6. Statuses and error codes decide, and never the wording, except for
two billing messages that the API sends as an ordinary 400.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from claude import allowance
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
    "too_large",
    "declined",
    "max_tokens",
    "wrong_stop",
    "unreadable",
    "failed_check",
    "bad_characters",
]

ACCELERATION_CODE = "ramp_limit_exceeded"
SPEND_LIMIT_CODES = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})
# Sent as an ordinary 400: an account's own monthly limit, and an empty prepaid balance.
BILLING_MESSAGES = ("You have reached your specified API usage limits", "Your credit balance is too low")
LONGEST_RETRY_AFTER = 86_400.0
MESSAGE_LIMIT = 2_000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def make_storable(text: str, *, limit: int = MESSAGE_LIMIT) -> str:
    """The text as PostgreSQL and psycopg accept it (no NUL, no lone surrogate), cut at `limit` characters."""
    return _UNSTORABLE.sub("\ufffd", text[:limit])


class ClaudeError(Exception):
    """A call without a usable answer. The message is English, can be stored, says what to do, and never contains the key.

    `body`: what the server sent, raw. `retry_after`: in seconds. `limits` (the rate limits in the headers) and `code` are
    set when a response was read. `usage`: the tokens that a stream had reported before it broke off; unless
    `output_known`, more output may be billed. The error can be pickled.
    """

    limits: Mapping[str, Allowance] = {}
    code: str | None = None
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
    """No call with this key can succeed until a person has repaired it (kinds `provider_auth` and `provider_billing`)."""


class Declined(ClaudeError):
    """This request will never succeed, so its item fails."""


class Unusable(ClaudeError):
    """The reply is paid for, but no conversation can be made of it. Try again a few times."""


def from_response(status: int, *, headers: Mapping[str, str], body: bytes) -> ClaudeError:
    """The error that a response other than 200 means. Its body may be the API's JSON, a proxy's HTML, or empty."""
    found = _of_status(status, headers=headers, body=body)
    found.limits, found.code = allowance.read(headers), _code(_error_object(body))
    return found


def _of_status(status: int, *, headers: Mapping[str, str], body: bytes) -> ClaudeError:
    error = _error_object(body)
    said = _read_message(error, body)
    fields = {"request_id": request_id(headers), "body": body, "retry_after": retry_after(headers)}
    return _meaning(
        status,
        said,
        code=_code(error),
        cited=_cite(f"HTTP {status}", said),
        fields={**fields, "status": status},
    )


# The HTTP status that has the same meaning as an error event of this type. Unknown types count as 500.
STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def from_event(error: dict[str, Any], *, headers: Mapping[str, str], begun: bool) -> ClaudeError:
    """The error that an `error` event in a stream means, by its type. `begun`: after the message had started, which costs an attempt."""
    type_ = error.get("type")
    type_ = type_ if isinstance(type_, str) else ""
    said = error["message"] if isinstance(error.get("message"), str) else ""
    found = _meaning(
        STATUS_OF_TYPE.get(type_, 500),
        said,
        code=_code(error),
        cited=_cite(f"an error in the stream, {type_ or 'of no type'}", said),
        fields={"request_id": request_id(headers), "retry_after": retry_after(headers)},
    )
    found.limits, found.code = allowance.read(headers), _code(error)
    if isinstance(found, Busy):
        found.costs_attempt = found.maybe_billed = begun
    return found


def _meaning(status: int, said: str, *, code: str | None, cited: str, fields: dict[str, Any]) -> ClaudeError:
    if _about_money(status, code=code, said=said):
        return Blocked(
            f"The provider stopped this key for reasons of billing ({cited}). Raise the spend limit "
            "or add credit in the provider's console, then resume the job.",
            kind="provider_billing",
            **fields,
        )
    if status in (401, 403):
        return Blocked(
            f"The provider refused the API key ({cited}). Check ANTHROPIC_API_KEY and what the key "
            "is allowed to use, then resume the job.",
            kind="provider_auth",
            **fields,
        )
    return _busy(status, cited, fields) or _declined(status, cited, fields)


def _busy(status: int, cited: str, fields: dict[str, Any]) -> Busy | None:
    if status == 429:
        return Busy(
            f"The provider's rate limit is reached ({cited}). The call is repeated later; lower RATE_LIMIT_RPM if "
            "this happens often.",
            kind="rate_limited",
            costs_attempt=False,
            **fields,
        )
    if status in (503, 529):
        return Busy(
            f"The provider is overloaded ({cited}). The call is repeated later.",
            kind="overloaded",
            costs_attempt=False,
            **fields,
        )
    if status in (408, 504):
        return Busy(
            f"The provider gave up waiting ({cited}). The call is repeated; shorten the prompt or lower max_tokens "
            "if this happens often.",
            kind="timeout",
            costs_attempt=True,
            **fields,
        )
    if status in (409, 499) or status >= 500:
        return Busy(
            f"The provider failed ({cited}). The call is repeated.",
            kind="server_error",
            costs_attempt=True,
            **fields,
        )
    return None


def _declined(status: int, cited: str, fields: dict[str, Any]) -> Declined:
    if status == 404:
        return Declined(
            f"The provider does not know this model or address ({cited}). Check the model's name and "
            "ANTHROPIC_BASE_URL, which must not end in /v1.",
            kind="not_found",
            **fields,
        )
    if status == 413:
        return Declined(
            f"The request is too large for the provider ({cited}). Shorten the prompt.",
            kind="too_large",
            **fields,
        )
    if 300 <= status < 400:
        return Declined(
            f"The server redirects elsewhere ({cited}). Set ANTHROPIC_BASE_URL to the final address.",
            kind="invalid_request",
            **fields,
        )
    return Declined(
        f"The provider does not accept this request ({cited}). Change the template, the values or the model.",
        kind="invalid_request",
        **fields,
    )


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


def _about_money(status: int, *, code: str | None, said: str) -> bool:
    # A spend limit comes as 429 as well, but waiting does not help. So this is checked before the rate limit.
    if status == 402 or (status == 429 and code in SPEND_LIMIT_CODES):
        return True
    return status == 400 and said.startswith(BILLING_MESSAGES)


def _error_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else {}


def _code(error: dict[str, Any]) -> str | None:
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return code if isinstance(code, str) else None


def _read_message(error: dict[str, Any], body: bytes) -> str:
    message = error.get("message")
    if isinstance(message, str):
        return message
    return "" if error else " ".join(body[:200].decode("utf-8", "replace").split())


def _cite(what: str, said: str) -> str:
    return f"{what}: {said[:500]}" if said else what
