"""The limits of tokens, the headers that tell of all limits, and the errors that are about limits."""

from datetime import UTC, datetime
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.claude.simulator.asking import PROMPT, ask
from tests.support.simulator import RunningSimulator

BODY = {"model": "claude-haiku-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
HEADERS = {"x-api-key": "k", "anthropic-version": "2026-10-21"}


def post(server: RunningSimulator, **changes: Any) -> httpx2.Response:
    return httpx2.post(f"{server.url}/v1/messages", json={**BODY, **changes}, headers=HEADERS)


def told(answer: httpx2.Response, name: str) -> tuple[int, int, float]:
    """(limit, remaining, seconds until full) of one dimension."""
    prefix = f"anthropic-ratelimit-{name}-"
    full_at = datetime.fromisoformat(answer.headers[prefix + "reset"].replace("Z", "+00:00"))
    in_seconds = (full_at - datetime.now(UTC)).total_seconds()
    return int(answer.headers[prefix + "limit"]), int(answer.headers[prefix + "remaining"]), in_seconds


def test_input_tokens_are_limited(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(itpm=10_000)
    big = "Topic: savings. " + "x" * 15_000
    ask(claude, big, output_config={})
    with pytest.raises(anthropic.RateLimitError, match="rate limit of 10,000 input tokens") as caught:
        ask(claude, big, output_config={})
    assert 5 <= int(caught.value.response.headers["retry-after"]) <= 20
    assert ask(claude, "Topic: small", output_config={}).stop_reason == "end_turn"
    assert ask(claude, big, model="claude-haiku-5-5", output_config={}).stop_reason == "end_turn"
    assert [entry["status"] for entry in server.ledger()] == [200, 429, 200, 200]


def test_cache_reads_do_not_count_for_the_input_limit(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(itpm=10_000)
    system = [{"type": "text", "text": "s" * 17_500, "cache_control": {"type": "ephemeral"}}]
    reads = [ask(claude, f"{n}", system=system).usage.cache_read_input_tokens for n in range(4)]
    assert reads == [0, 7000, 7000, 7000]
    with pytest.raises(anthropic.RateLimitError, match="input tokens"):
        ask(claude, system=[{"type": "text", "text": "t" * 17_500}])


def test_output_tokens_count_when_they_are_produced(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(otpm=600)
    assert ask(claude, max_tokens=100_000, timeout=30).usage.output_tokens > 600
    with pytest.raises(anthropic.RateLimitError, match="rate limit of 600 output tokens") as caught:
        ask(claude)
    assert int(caught.value.response.headers["retry-after"]) >= 1
    assert caught.value.response.headers["anthropic-ratelimit-output-tokens-remaining"] == "0"


def test_a_stream_counts_for_the_output_limit(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(otpm=600)
    with claude.messages.stream(
        model="claude-sonnet-5-5", max_tokens=8192, messages=[{"role": "user", "content": PROMPT}]
    ) as stream:
        assert stream.get_final_message().usage.output_tokens > 600
    with pytest.raises(anthropic.RateLimitError, match="output tokens"):
        ask(claude)


def test_output_that_never_arrived_was_produced(server: RunningSimulator, claude: Anthropic) -> None:
    server.options(otpm=600)
    server.faults([{"kind": "reset_after"}])
    with pytest.raises(anthropic.APIConnectionError):
        ask(claude)
    with pytest.raises(anthropic.RateLimitError, match="output tokens"):
        ask(claude)


def test_the_headers_are_true(server: RunningSimulator) -> None:
    server.options(rpm=60, burst=10, itpm=60_000, otpm=30_000)
    first = post(server)
    limit, remaining, full_in = told(first, "requests")
    assert (limit, remaining) == (60, 9)
    assert 0 < full_in < 2.5
    big = post(server, messages=[{"role": "user", "content": "x" * 75_000}])
    limit, remaining, full_in = told(big, "input-tokens")
    assert (limit, remaining) == (60_000, 30_000)
    assert 28 < full_in < 32
    assert told(big, "output-tokens")[:2] == (30_000, 30_000)
    assert told(big, "tokens")[:2] == (90_000, 60_000)
    assert told(post(server), "requests")[1] in (7, 8)


def test_without_limits_only_the_call_itself_is_taken_off(server: RunningSimulator) -> None:
    for _ in range(3):
        answer = post(server, messages=[{"role": "user", "content": "x" * 75_000}])
    assert told(answer, "input-tokens")[:2] == (100_000_000, 99_970_000)
    assert told(answer, "requests")[:2] == (1_000_000, 999_999)


def test_a_moved_clock_leaves_the_limits_alone(server: RunningSimulator) -> None:
    server.options(rpm=1, burst=1)
    assert post(server).status_code == 200
    server.options(clock_offset=3600)
    assert post(server).status_code == 429


FAULTS: list[tuple[dict[str, Any], type[anthropic.APIStatusError], dict[str, str]]] = [
    (
        {"kind": "ramp_limited", "retry_after": 9},
        anthropic.RampLimitExceededError,
        {"retry-after": "9"},
    ),
    ({"kind": "contract_limit"}, anthropic.ContractSpendLimitReachedError, {}),
    (
        {"kind": "rate_limited", "retry_after": 3, "retry_after_ms": 2500.5},
        anthropic.RateLimitError,
        {"retry-after": "3", "retry-after-ms": "2500.5"},
    ),
    (
        {"kind": "rate_limited", "should_retry": False},
        anthropic.RateLimitError,
        {"retry-after": "1", "x-should-retry": "false"},
    ),
    ({"kind": "bad_request", "should_retry": True}, anthropic.BadRequestError, {"x-should-retry": "true"}),
    ({"kind": "too_large"}, anthropic.ContentTooLargeError, {}),
    ({"kind": "unavailable"}, anthropic.ServiceUnavailableError, {}),
    ({"kind": "gateway_timeout"}, anthropic.GatewayTimeoutError, {}),
    ({"kind": "http_error", "status": 409}, anthropic.ConflictError, {}),
]
ADVICE = ("retry-after", "retry-after-ms", "x-should-retry")


@pytest.mark.parametrize(("fault", "error", "headers"), FAULTS)
def test_faults_and_their_advice(
    server: RunningSimulator,
    claude: Anthropic,
    fault: dict[str, Any],
    error: type[anthropic.APIStatusError],
    headers: dict[str, str],
) -> None:
    server.faults([fault])
    with pytest.raises(error) as caught:
        ask(claude)
    answered = caught.value.response.headers
    assert {name: answered[name] for name in ADVICE if name in answered} == headers
    entry = server.ledger()[-1]
    assert (entry["fault"], entry["billed"]) == (fault["kind"], False)


@pytest.mark.parametrize("options", [{"itpm": 0}, {"otpm": -1}, {"clock_offset": None}])
def test_wrong_limits_are_refused(server: RunningSimulator, options: dict[str, Any]) -> None:
    assert httpx2.post(f"{server.url}/_simulator/options", json=options).status_code == 400


@pytest.mark.parametrize(
    "fault", [{"kind": "http_error", "status": 200}, {"kind": "stream_error", "after_chunks": -1}]
)
def test_wrong_faults_are_refused(server: RunningSimulator, fault: dict[str, Any]) -> None:
    answer = httpx2.post(f"{server.url}/_simulator/faults", json={"faults": [fault]})
    assert answer.status_code == 400
