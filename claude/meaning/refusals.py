"""Which of the four errors an answer is: what the caller must do.

The table of meanings is docs/execution.md section 6. What every other call would meet too (the account, the model, the
address, a part of the request that never differs) is Blocked, and stops the job once. What is about one input is Declined.
"""

from collections.abc import Mapping
from typing import Any

from claude import allowance
from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable, request_id, retry_after
from claude.meaning import topics
from claude.meaning.bodies import Said, find_error, read_body, read_error

SPEND_LIMIT_CODES = frozenset({"enforced_spend_limit_reached", "contract_spend_limit_reached"})
# The HTTP status that has the same meaning as an error event, or an error in an answer with status 200, of this type.
STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "service_unavailable": 503,
    "timeout_error": 504,
    "overloaded_error": 529,
}
SHOWN = 500  # characters of the provider's words in a message
Fields = dict[str, Any]


def from_response(status: int, *, headers: Mapping[str, str], body: bytes) -> ClaudeError:
    """The error that a response other than 200 means. Its body may be any server's JSON, a proxy's HTML, or empty."""
    fields = {**_read_headers(headers), "body": body, "status": status}
    return _finish(_decide(status, read_body(body), where=f"HTTP {status}", fields=fields), headers)


def from_answer(parsed: Any, *, headers: Mapping[str, str], body: bytes) -> ClaudeError:
    """The error in an answer with status 200, as gateways send it once the model has begun. It books nothing."""
    said = read_error(find_error(parsed))
    where = f"an error in an answer with status 200{f', {said.name}' if said.name else ''}"
    fields = {**_read_headers(headers), "body": body, "status": 200}
    return _finish(_decide(_find_status(said), said, where=where, fields=fields), headers)


def from_event(error: dict[str, Any], *, headers: Mapping[str, str], begun: bool) -> ClaudeError:
    """The error that an `error` event in a stream means. `begun`: after the message had started, which costs an attempt."""
    said = read_error(error)
    where = f"an error in the stream, {said.type or 'of no type'}"
    found = _finish(_decide(_find_status(said), said, where=where, fields=_read_headers(headers)), headers)
    if isinstance(found, Busy) and begun:
        found.costs_attempt = found.maybe_billed = True
    return found


def from_page(body: bytes, *, headers: Mapping[str, str]) -> ClaudeError:
    """A web page instead of a message. Without the provider's id of the call something before the provider sent it.

    Then no generation has begun, and nothing is booked.
    """
    said = read_body(body)
    fields = {**_read_headers(headers), "body": body, "status": 200}
    cited = _cite("HTTP 200", said)
    if fields["request_id"]:
        return _finish(
            Unusable(
                f"The provider answered with a web page instead of a message ({cited}).",
                kind="unreadable",
                **fields,
            ),
            headers,
            said,
        )
    return _finish(
        Busy(
            f"A web page came instead of a message ({cited}): a proxy, a sign-in page or another server answered, and not "
            "the Messages API. Nothing is booked. Check ANTHROPIC_BASE_URL and the way to it.",
            kind="not_the_api",
            costs_attempt=True,
            **fields,
        ),
        headers,
        said,
    )


def _read_headers(headers: Mapping[str, str]) -> Fields:
    return {"request_id": request_id(headers), "retry_after": retry_after(headers)}


def _finish(found: ClaudeError, headers: Mapping[str, str], said: Said | None = None) -> ClaudeError:
    found.limits = allowance.read(headers)
    if said is not None:
        found.code, found.type = said.code or None, said.name
    return found


def _find_status(said: Said) -> int:
    """The status that an error without one would have. Unknown errors count as 500."""
    for name in (said.type, said.code):
        if name in STATUS_OF_TYPE:
            return STATUS_OF_TYPE[name]
    if said.number is not None:
        return said.number
    if topics.is_about_load(said):
        return 529
    return 429 if topics.is_about_rate(said) else 500


def _decide(status: int, said: Said, *, where: str, fields: Fields) -> ClaudeError:
    cited = _cite(where, said)
    found = (
        _stop_for_account(status, said, cited, fields)
        or _decline_input(status, said, cited, fields)
        or _stop_for_money(status, said, cited, fields)
        or _wait(status, cited, fields)
        or _stop_for_request(status, said, cited, fields)
        or _decline(status, said, cited, fields)
    )
    found.code, found.type = said.code or None, said.name
    return found


def _stop_for_account(status: int, said: Said, cited: str, fields: Fields) -> Blocked | None:
    # A spend limit comes as 429 as well, but waiting does not help. So this is checked before the rate limit.
    if status == 402 or said.code in SPEND_LIMIT_CODES or topics.is_named_money(said):
        return _block_billing(cited, fields)
    if status == 401 or (_may_be_about_account(status, said) and _is_about_account(status, said)):
        return _block(
            f"The provider refused the API key ({cited}). Check ANTHROPIC_API_KEY, its account, and what the key is "
            "allowed to use, then resume the job.",
            "provider_auth",
            fields,
        )
    return None


def _may_be_about_account(status: int, said: Said) -> bool:
    """Not a failing server, a web page of a firewall, or a filter whose words may repeat the prompt."""
    return (
        status < 500 and not said.is_page and not topics.is_filtered(said) and not topics.is_about_rate(said)
    )


def _is_about_account(status: int, said: Said) -> bool:
    about_request = (
        topics.is_about_one_input,
        topics.is_about_model,
        topics.is_about_schema,
        topics.is_about_money,
    )
    return topics.is_about_account(said) or (
        status == 403 and not any(is_it(said) for is_it in about_request)
    )


def _decline_input(status: int, said: Said, cited: str, fields: Fields) -> Declined | None:
    if status in (429, 503, 529) or not topics.is_about_one_input(said):
        return None
    return Declined(
        f"The provider's content filter stopped this one ({cited}). Word its topic or its values differently; the other "
        "items are not concerned.",
        kind="moderated",
        **fields,
    )


def _stop_for_money(status: int, said: Said, cited: str, fields: Fields) -> Blocked | None:
    return _block_billing(cited, fields) if status not in (503, 529) and topics.is_about_money(said) else None


def _block_billing(cited: str, fields: Fields) -> Blocked:
    return _block(
        f"The provider stopped this key for reasons of billing ({cited}). Raise the spend limit or the budget, or add "
        "credit, where the key was made; then resume the job.",
        "provider_billing",
        fields,
    )


def _wait(status: int, cited: str, fields: Fields) -> Busy | None:
    if status == 429:
        return Busy(
            f"The provider's rate limit is reached ({cited}). Lower RATE_LIMIT_RPM if this happens often.",
            kind="rate_limited",
            costs_attempt=False,
            **fields,
        )
    if status in (503, 529):
        return Busy(
            f"The provider is overloaded ({cited}).",
            kind="overloaded",
            costs_attempt=False,
            **fields,
        )
    if status in (408, 504):
        return Busy(
            f"The provider gave up waiting ({cited}). Shorten the prompt or lower max_tokens if this happens "
            "often.",
            kind="timeout",
            costs_attempt=True,
            **fields,
        )
    if status in (409, 425, 499) or status >= 500:
        return Busy(
            f"The provider failed ({cited}).",
            kind="server_error",
            costs_attempt=True,
            **fields,
        )
    return None


def _stop_for_request(status: int, said: Said, cited: str, fields: Fields) -> Blocked | None:
    """What is refused for every call of the job: the address, the schema, a field, the model."""
    if 300 <= status < 400:
        return _block(
            f"The server redirects elsewhere ({cited}). Set ANTHROPIC_BASE_URL to the final address, then resume the job.",
            "not_found",
            fields,
        )
    if status == 413 or (said.is_page and status not in (404, 405, 410)):
        return None
    if topics.is_about_schema(said):
        return _block(
            f"The server does not accept the schema that every call sends ({cited}). Run the test under Settings, Provider "
            "(or ./run manage check_provider): it finds this out, and the shape is then asked for in words. Or take the tick "
            "off “Structured outputs” of the model under Admin, Models. Then resume the job.",
            "request_refused",
            fields,
        )
    if status not in (404, 405, 410) and topics.is_about_parameter(said):
        return _block(
            f"The server does not accept a part of the request that every call sends ({cited}). Change the setting that it "
            "names, or what the model takes under Admin, Models; then resume the job.",
            "request_refused",
            fields,
        )
    if status in (404, 405, 410) or (topics.is_about_model(said) and not topics.is_about_length(said)):
        return _block(
            f"The provider does not know this model or address ({cited}). Check the model's name (ANTHROPIC_MODEL, or the "
            "template's own) and ANTHROPIC_BASE_URL, which must not end in /v1; then resume the job.",
            "not_found",
            fields,
        )
    return None


def _block(message: str, kind: Any, fields: Fields) -> Blocked:
    return Blocked(message, kind=kind, **fields)


def _decline(status: int, said: Said, cited: str, fields: Fields) -> Declined:
    if status == 413 or topics.is_about_length(said):
        return Declined(
            f"The request is too large for the provider ({cited}). Shorten the prompt.",
            kind="too_large",
            **fields,
        )
    if said.is_page:
        return Declined(
            f"A proxy or a firewall on the way to the provider refused this call ({cited}). Look at what it says; the "
            "provider did not see the call.",
            kind="invalid_request",
            **fields,
        )
    return Declined(
        f"The provider does not accept this request ({cited}). Change the template, the values or the model.",
        kind="invalid_request",
        **fields,
    )


def _cite(where: str, said: Said) -> str:
    return f"{where}: {said.text[:SHOWN]}" if said.text else where
