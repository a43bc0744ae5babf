"""What the ratelimit headers say, as far as it can be read."""

import pytest

from claude.allowance import Allowance, read
from claude.client import Client
from claude.errors import Busy
from claude.meaning import from_response
from claude.messages import Provider, Request
from tests.support.simulator import RunningSimulator


def test_each_dimension_under_our_own_word() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-output-tokens-limit": "80000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-limit": "1",
    }
    assert read(headers) == {
        "requests": Allowance(limit=50, remaining=49),
        "input_tokens": Allowance(limit=None, remaining=0),
        "output_tokens": Allowance(limit=80000, remaining=None),
    }


@pytest.mark.parametrize("value", ["", "many", "-1", "1.5", "1" * 30, "٣", "0"])
def test_what_is_no_limit_is_not_read(value: str) -> None:
    assert read({"anthropic-ratelimit-requests-limit": value}) == {}


@pytest.mark.parametrize(
    ("headers", "body", "too_fast"),
    [
        ({"retry-after": "3"}, b"{}", False),
        ({}, b"{}", True),
        (
            {"retry-after": "3"},
            b'{"error": {"message": "m", "details": {"error_code": "ramp_limit_exceeded"}}}',
            True,
        ),
    ],
)
def test_a_429_that_waiting_alone_does_not_cure(headers: dict[str, str], body: bytes, too_fast: bool) -> None:
    error = from_response(429, headers={**headers, "anthropic-ratelimit-requests-limit": "9"}, body=body)
    assert isinstance(error, Busy)
    assert (error.too_fast, error.limits["requests"].limit) == (too_fast, 9)


def test_replies_and_refusals_carry_them(simulator: RunningSimulator) -> None:
    simulator.reset()
    simulator.options(latency=0, rpm=1, burst=1, otpm=80_000)
    client = Client(Provider(base_url=simulator.url, api_key="demo"), shards=1)
    request = Request(model="claude-sonnet-5-5", max_tokens=1000, prompt="Say something.")
    try:
        reply = client.ask(request, deadline_s=10)
        assert reply.limits["requests"] == Allowance(limit=1, remaining=0)
        assert reply.limits["output_tokens"].limit == 80_000
        with pytest.raises(Busy) as caught:
            client.ask(request, deadline_s=10)
        assert caught.value.limits["requests"] == Allowance(limit=1, remaining=0)
        assert not caught.value.too_fast
    finally:
        client.close()
        simulator.options(rpm=None, burst=None, otpm=None)
