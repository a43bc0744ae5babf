"""Each fault, seen through the real SDK, and what the ledger says of it."""

import json
import time
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.claude.simulator.asking import PROMPT, ask, text_of, told
from tests.support.simulator import RunningSimulator

ERRORS = [
    ("rate_limited", anthropic.RateLimitError, 429, "rate_limit_error"),
    ("spend_limit", anthropic.EnforcedSpendLimitReachedError, 429, "rate_limit_error"),
    ("server_error", anthropic.InternalServerError, 500, "api_error"),
    ("overloaded", anthropic.OverloadedError, 529, "overloaded_error"),
    ("unauthorized", anthropic.AuthenticationError, 401, "authentication_error"),
    ("billing", anthropic.PaymentRequiredError, 402, "billing_error"),
    ("bad_request", anthropic.BadRequestError, 400, "invalid_request_error"),
]


@pytest.mark.parametrize(("kind", "error", "status", "name"), ERRORS)
def test_errors(
    server: RunningSimulator,
    claude: Anthropic,
    kind: str,
    error: type[anthropic.APIStatusError],
    status: int,
    name: str,
) -> None:
    server.faults([{"kind": kind, "retry_after": 7}])
    with pytest.raises(error) as caught:
        ask(claude)
    entry = server.ledger()[-1]
    assert (caught.value.status_code, caught.value.type) == (status, name)
    assert caught.value.request_id == entry["request_id"]
    assert caught.value.response.headers.get("retry-after") == ("7" if kind == "rate_limited" else None)
    assert caught.value.response.headers["x-lorapipe-simulator"] == "1"
    assert (entry["fault"], entry["status"], entry["billed"], entry["cost_usd"]) == (kind, status, False, "0")
    assert ask(claude).stop_reason == "end_turn"


@pytest.mark.parametrize(("kind", "billed"), [("reset_before", False), ("reset_after", True)])
def test_resets(server: RunningSimulator, claude: Anthropic, kind: str, billed: bool) -> None:
    server.faults([{"kind": kind}])
    with pytest.raises(anthropic.APIConnectionError):
        ask(claude)
    entry = server.ledger()[-1]
    assert (entry["billed"], entry["status"], entry["delivered"]) == (billed, None, False)
    assert (float(entry["cost_usd"]) > 0) == billed
    assert ask(claude).stop_reason == "end_turn"


def test_refusal(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "refusal", "category": "frontier_llm"}])
    message = ask(claude)
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.category == "frontier_llm"
    assert text_of(message) == ""
    assert server.ledger()[-1]["billed"]


def test_max_tokens(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "max_tokens"}])
    message = ask(claude, max_tokens=4000)
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 4000
    assert text_of(message).startswith("{")
    assert server.ledger()[-1]["output_tokens"] == 4000


def test_fence_and_prose(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "fence"}, {"kind": "prose"}])
    fenced, prose = text_of(ask(claude)), text_of(ask(claude))
    assert fenced.startswith("```json\n{")
    assert fenced.endswith("}\n```")
    assert prose.startswith("Here is")
    assert json.loads(prose[prose.index("{") : prose.rindex("}") + 1])["turns"]


def test_truncated_json_says_end_turn(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "truncated_json"}])
    message = ask(claude)
    assert message.stop_reason == "end_turn"
    with pytest.raises(ValueError):
        told(message)


def test_wrong_roles_come_in_two_kinds(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "wrong_roles", "times": 0}])
    kinds = set()
    for number in range(12):
        roles = [turn["role"] for turn in told(ask(claude, f"{PROMPT} {number}"))["turns"]]
        assert roles != ["user", "assistant"] * (len(roles) // 2)
        kinds.add("starts with assistant" if roles[0] == "assistant" else "two users")
    assert kinds == {"starts with assistant", "two users"}


def test_empty_has_no_text_block(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "empty"}])
    assert [block.type for block in ask(claude).content] == ["thinking"]


@pytest.mark.parametrize(
    ("kind", "mark"), [("nul", "\x00"), ("surrogate", "\ud800"), ("unresolved_placeholder", "{{persona}}")]
)
def test_odd_characters(server: RunningSimulator, claude: Anthropic, kind: str, mark: str) -> None:
    server.faults([{"kind": kind}])
    turns = told(ask(claude))["turns"]
    assert sum(mark in turn["content"] for turn in turns) == 1


def test_huge(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "huge"}, {"kind": "huge", "size": 3_000_000}])
    message = ask(claude)
    assert 2_000_000 < len(text_of(message)) < 2_100_000
    assert message.usage.output_tokens == 8192
    assert told(message)["turns"]
    assert len(text_of(ask(claude))) > 3_000_000


def test_a_body_that_is_html(server: RunningSimulator) -> None:
    server.faults([{"kind": "not_json_body"}])
    body = {"model": "claude-haiku-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    answer = httpx2.post(f"{server.url}/v1/messages", json=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert server.ledger()[-1]["billed"]


def test_stall_outlasts_the_client_and_is_billed(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "stall", "seconds": 0.6}])
    with pytest.raises(anthropic.APITimeoutError):
        ask(claude, timeout=0.2)
    deadline = time.monotonic() + 10
    while not (entry := server.ledger()[-1])["answered_at"]:
        assert time.monotonic() < deadline
    assert entry["billed"]
    assert not entry["delivered"]


def test_drip_sends_the_body_slowly(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "drip", "interval": 0.02, "size": 500}])
    before = time.monotonic()
    assert told(ask(claude))["turns"]
    assert time.monotonic() - before > 0.1


def test_after_times_and_match(server: RunningSimulator, claude: Anthropic) -> None:
    server.faults([{"kind": "refusal", "after": 1, "times": 2, "match": "velvet"}])
    stops = [ask(claude, f"{PROMPT} velvet {n}").stop_reason for n in range(4)]
    assert stops == ["end_turn", "refusal", "refusal", "end_turn"]
    assert ask(claude).stop_reason == "end_turn"


@pytest.mark.parametrize("times", [0, None])
def test_for_ever(server: RunningSimulator, claude: Anthropic, times: int | None) -> None:
    server.faults([{"kind": "refusal", "times": times}])
    assert {ask(claude, f"{PROMPT} {n}").stop_reason for n in range(5)} == {"refusal"}
    server.faults([])
    assert ask(claude).stop_reason == "end_turn"


def struck(claude: Anthropic, order: list[int]) -> dict[int, str | None]:
    return {n: ask(claude, f"{PROMPT} {n}").stop_reason for n in order}


def test_share_is_drawn_from_the_request(server: RunningSimulator, claude: Anthropic) -> None:
    fault: dict[str, Any] = {"kind": "refusal", "times": 0, "share": 0.4}
    server.faults([fault])
    first = struck(claude, list(range(40)))
    server.faults([fault])
    assert struck(claude, list(reversed(range(40)))) == first
    assert 6 <= list(first.values()).count("refusal") <= 26
    again = struck(claude, list(range(40)))
    assert again != first, "a request that is tried again is drawn again"


@pytest.mark.parametrize("fault", [{"kind": "meteor"}, {"kind": "refusal", "colour": "red"}])
def test_an_unknown_fault_is_refused(server: RunningSimulator, fault: dict[str, Any]) -> None:
    answer = httpx2.post(f"{server.url}/_simulator/faults", json={"faults": [fault]})
    assert answer.status_code == 400
    assert "unknown" in answer.json()["error"]["message"]
