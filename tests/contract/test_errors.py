"""Error answers: the exception for each status, what is tried again, and how long the SDK waits."""

import time
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.contract.asking import ask, read
from tests.contract.targets import Target
from tests.support.simulator import RunningSimulator

# status: (exception, error type in the body, whether the SDK tries again)
MAPPING: list[tuple[int, type[anthropic.APIStatusError], str, bool]] = [
    (400, anthropic.BadRequestError, "invalid_request_error", False),
    (401, anthropic.AuthenticationError, "authentication_error", False),
    (402, anthropic.PaymentRequiredError, "billing_error", False),
    (403, anthropic.PermissionDeniedError, "permission_error", False),
    (404, anthropic.NotFoundError, "not_found_error", False),
    (408, anthropic.RequestTimeoutError, "", True),
    (409, anthropic.ConflictError, "", True),
    (413, anthropic.ContentTooLargeError, "request_too_large", False),
    (422, anthropic.UnprocessableEntityError, "", False),
    (429, anthropic.RateLimitError, "rate_limit_error", True),
    (500, anthropic.InternalServerError, "api_error", True),
    (501, anthropic.HTTPNotImplementedError, "", True),
    (503, anthropic.ServiceUnavailableError, "", True),
    (504, anthropic.GatewayTimeoutError, "", True),
    (529, anthropic.OverloadedError, "overloaded_error", True),
]


@pytest.mark.parametrize(("status", "error", "name"), [row[:3] for row in MAPPING])
def test_the_exception_of_a_status(
    claude: Anthropic,
    target: Target,
    status: int,
    error: type[anthropic.APIStatusError],
    name: str,
) -> None:
    target.fail(status)
    with pytest.raises(error) as caught:
        ask(claude)
    assert caught.value.status_code == status
    assert not name or caught.value.type == name
    assert ask(claude).stop_reason == "end_turn", "and then it is over"


@pytest.mark.parametrize(("status", "again"), [(row[0], row[3]) for row in MAPPING])
def test_what_the_sdk_tries_again(claude: Anthropic, target: Target, status: int, again: bool) -> None:
    target.fail(status)
    retrying = claude.with_options(max_retries=2)
    if again:
        assert ask(retrying).stop_reason == "end_turn"
    else:
        with pytest.raises(anthropic.APIStatusError):
            ask(retrying)
    assert target.requests() == (2 if again else 1)


def test_a_stream_is_tried_again_before_it_began(claude: Anthropic, target: Target) -> None:
    target.fail(529)
    assert read(claude.with_options(max_retries=1))[1].stop_reason == "end_turn"
    assert target.requests() == 2


def test_429_with_retry_after_is_waited_for(claude: Anthropic, target: Target) -> None:
    target.fail(429, times=2, retry_after=1)
    before = time.monotonic()
    assert ask(claude.with_options(max_retries=2)).stop_reason == "end_turn"
    assert time.monotonic() - before >= 2
    assert target.requests() == 3


def test_429_without_retries_tells_how_long(claude: Anthropic, target: Target) -> None:
    target.fail(429, retry_after=7)
    with pytest.raises(anthropic.RateLimitError) as caught:
        ask(claude)
    assert caught.value.response.headers["retry-after"] == "7"


def test_no_answer_is_a_timeout(claude: Anthropic, target: Target) -> None:
    target.hold()
    with pytest.raises(anthropic.APITimeoutError):
        ask(claude, timeout=0.4)


def test_no_server_is_a_connection_error() -> None:
    with (
        Anthropic(api_key="x", base_url="http://127.0.0.1:9", max_retries=0) as claude,
        pytest.raises(anthropic.APIConnectionError),
    ):
        ask(claude)


# What only our simulator knows of the service.

SPECIAL: list[tuple[dict[str, Any], type[anthropic.APIStatusError], str | None]] = [
    ({"kind": "spend_limit"}, anthropic.EnforcedSpendLimitReachedError, "enforced_spend_limit_reached"),
    ({"kind": "contract_limit"}, anthropic.ContractSpendLimitReachedError, "contract_spend_limit_reached"),
    ({"kind": "ramp_limited"}, anthropic.RampLimitExceededError, "ramp_limit_exceeded"),
    ({"kind": "gateway_timeout"}, anthropic.GatewayTimeoutError, None),
    ({"kind": "unavailable"}, anthropic.ServiceUnavailableError, None),
]


@pytest.mark.parametrize(("fault", "error", "code"), SPECIAL)
def test_error_codes(
    ours: RunningSimulator,
    our_claude: Anthropic,
    fault: dict[str, Any],
    error: type[anthropic.APIStatusError],
    code: str | None,
) -> None:
    ours.faults([fault])
    with pytest.raises(error) as caught:
        ask(our_claude)
    assert caught.value.error_code == code
    assert caught.value.request_id == ours.ledger()[-1]["request_id"]


def test_x_should_retry_wins_over_the_status(ours: RunningSimulator, our_claude: Anthropic) -> None:
    retrying = our_claude.with_options(max_retries=2)
    ours.faults([{"kind": "bad_request", "should_retry": True}])
    assert ask(retrying).stop_reason == "end_turn"
    ours.faults([{"kind": "rate_limited", "should_retry": False}])
    with pytest.raises(anthropic.RateLimitError):
        ask(retrying)
    assert [entry["status"] for entry in ours.ledger()] == [400, 200, 429]


def test_retry_after_ms_wins_over_retry_after(ours: RunningSimulator, our_claude: Anthropic) -> None:
    ours.faults([{"kind": "rate_limited", "retry_after": 30, "retry_after_ms": 250}])
    before = time.monotonic()
    assert ask(our_claude.with_options(max_retries=1)).stop_reason == "end_turn"
    assert 0.25 <= time.monotonic() - before < 5


@pytest.mark.parametrize(("kind", "billed"), [("reset_before", False), ("reset_after", True)])
def test_a_reset_is_tried_again_even_when_it_was_billed(
    ours: RunningSimulator, our_claude: Anthropic, kind: str, billed: bool
) -> None:
    ours.faults([{"kind": kind}])
    assert ask(our_claude.with_options(max_retries=1)).stop_reason == "end_turn"
    assert [entry["billed"] for entry in ours.ledger()] == [billed, True]
