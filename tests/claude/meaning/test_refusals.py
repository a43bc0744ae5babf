"""What the answers of many servers mean, in their own forms and wordings: whom an error concerns, and what is to be done."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude.errors import Blocked, Busy, ClaudeError, Declined, Unusable
from claude.meaning import from_answer, from_event, from_response, holds_error
from claude.translation import reply

PAGE = b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body>Please</body></html>"


def api(kind: str, said: str, **more: Any) -> dict[str, Any]:
    """As the Messages API writes it."""
    return {"type": "error", "error": {"type": kind, "message": said, **more}, "request_id": "req_1"}


def chat(said: str, kind: str | None = None, code: str | int | None = None, **more: Any) -> dict[str, Any]:
    """As OpenAI and the gateways that follow it write it."""
    return {"error": {"message": said, "type": kind, "param": None, "code": code, **more}}


def meaning(status: int, body: Any, **headers: str) -> ClaudeError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return from_response(status, headers={name.replace("_", "-"): v for name, v in headers.items()}, body=raw)


BILLING = [
    (400, api("invalid_request_error", "You have reached your specified workspace API usage limits. You will regain access soon.")),
    (400, api("invalid_request_error", "You have reached your specified API usage limits.")),
    (400, api("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")),
    (400, api("invalid_request_error", "Your organization has exceeded its monthly usage limit.")),
    (403, api("permission_error", "This workspace has reached its spend limit for November.")),
    (429, api("rate_limit_error", "This organization has reached its monthly spend cap.")),
    (402, chat("This request requires more credits, or fewer max_tokens.", code=402)),
    (400, chat("Budget has been exceeded! Current cost: 26.07, Max budget: 25.0", "budget_exceeded", "400")),
    (429, chat("LiteLLM User: team-a, exceeded budget for model=claude-sonnet-5-5", "budget_exceeded", "429")),
    (429, chat("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota")),
    (403, chat("用户额度不足, 剩余额度: 0", "new_api_error", "insufficient_user_quota")),
    (500, chat("litellm.APIError: AnthropicException - Your credit balance is too low", None, "500")),
    (403, {"message": "The virtual key's daily budget was exhausted"}),
    (400, {"detail": "Insufficient funds: top up your wallet"}),
    (400, chat("Your team has hit its usage cap")),
    (429, chat("Account balance is negative", code="1113")),
]  # fmt: skip
ACCOUNT = [
    (401, api("authentication_error", "invalid x-api-key")),
    (401, b"<html>Unauthorized</html>"),
    (403, api("permission_error", "no")),
    (403, b""),
    (400, api("invalid_request_error", "This organization has been disabled.")),
    (403, api("permission_error", "Your account was suspended for violating our usage policy.")),
    (400, chat("Your API key has expired. Please renew it.", code="API_KEY_INVALID")),
    (404, chat("The project of this key was archived: account is not active")),
    (400, {"error": "Incorrect API key provided"}),
    (400, {"errors": [{"code": 10000, "message": "Authentication error"}], "success": False}),
    (429, chat("Your account is deactivated")),
]
UNKNOWN = [
    (404, api("not_found_error", "model: claude-9-opus")),
    (404, b""),
    (405, b"Method Not Allowed"),
    (307, b""),
    (404, b"<html><title>404 Not Found</title></html>"),
    (400, chat("The model `claude-9` does not exist or you do not have access to it.", code="model_not_found")),
    (400, api("invalid_request_error", "claude-2.1 is not a valid model ID")),
    (400, {"message": "The provided model identifier is invalid."}),
    (403, chat("You don't have access to the model with the specified model ID.")),
    (422, {"detail": [{"loc": ["body", "model"], "msg": "Unknown model", "type": "value_error", "input": "budget exceeded"}]}),
    (410, {"detail": "This model was retired on 2026-06-01"}),
    (404, {"error": "model 'qwen' not found, try pulling it first"}),
    (400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Model x is no longer supported"}}]),
]  # fmt: skip
REQUEST = [
    (400, api("invalid_request_error", "output_config.format: Extra inputs are not permitted")),
    (400, chat("litellm.BadRequestError: VertexAIException - output_format: Extra inputs are not permitted")),
    (400, api("invalid_request_error", "Schema is too complex for compilation.")),
    (422, {"detail": [{"loc": ["body", "output_config"], "msg": "Extra inputs are not permitted", "type": "extra"}]}),
    (400, chat("response_format of type json_schema is not supported by this deployment")),
    (400, api("invalid_request_error", "thinking: Extra inputs are not permitted")),
    (400, api("invalid_request_error", "`temperature` is deprecated for this model.")),
    (400, api("invalid_request_error", "max_tokens: 64000 > 8192, which is the maximum allowed for claude-x")),
    (400, api("invalid_request_error", "anthropic-version: \"2026-10-21\" is not a valid version")),
]  # fmt: skip
FILTERED = [
    (403, {"error": {"code": 403, "message": "Your chosen model requires moderation and your input was flagged",
                     "metadata": {"reasons": ["violence"], "flagged_input": "I exceeded my budget"}}}),
    (400, api("invalid_request_error", "Output blocked by content filtering policy")),
    (400, chat("The response was filtered due to the prompt triggering Azure's content management policy.", None, "content_filter")),
    (422, chat("This prompt was rejected by our safety system.")),
    (451, {"message": "The input violates our usage guidelines"}),
    (403, chat("Request refused", "guardrail_intervened")),
    (400, {"error": {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."}}),
    (403, {"error": {"message": "Prompt flagged: my account was suspended and my credit balance is too low",
                     "metadata": {"reasons": ["finance"]}}}),
]  # fmt: skip
ONE_ITEM = [
    (400, api("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), "too_large"),
    (400, chat("This model's maximum context length is 8192 tokens.", code="context_length_exceeded"), "too_large"),
    (400, chat("No.", "model_context_window_exceeded"), "too_large"),
    (400, api("invalid_request_error", "The thinking budget exceeds what this prompt leaves"), "invalid_request"),
    (413, b"<html>Too large</html>", "too_large"),
    (400, api("invalid_request_error", "messages: text content blocks must be non-empty"), "invalid_request"),
    (403, PAGE, "invalid_request"),
    (418, b"I'm a teapot", "invalid_request"),
]  # fmt: skip
LATER = [
    (429, api("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute"), "rate_limited"),
    (429, chat("You have exceeded your organization's rate limit: 40000 tokens per minute"), "rate_limited"),
    (429, chat("Quota exceeded for quota metric 'requests' per minute per project"), "rate_limited"),
    (429, chat("Too many requests for this account: concurrency limit reached"), "rate_limited"),
    (503, chat("No healthy upstream"), "overloaded"),
    (529, api("overloaded_error", "Overloaded"), "overloaded"),
    (502, PAGE, "server_error"),
    (524, b"error code: 524", "server_error"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        *((status, body, "provider_billing") for status, body in BILLING),
        *((status, body, "provider_auth") for status, body in ACCOUNT),
        *((status, body, "not_found") for status, body in UNKNOWN),
        *((status, body, "request_refused") for status, body in REQUEST),
    ],
)
def test_what_every_call_would_meet_stops_the_job(status: int, body: Any, kind: str) -> None:
    found = meaning(status, body)
    assert (type(found), found.kind, found.status) == (Blocked, kind, status)
    assert "resume" in str(found)


@pytest.mark.parametrize(
    ("status", "body", "kind"), [*((status, body, "moderated") for status, body in FILTERED), *ONE_ITEM]
)
def test_what_is_about_one_input_fails_that_item_only(status: int, body: Any, kind: str) -> None:
    found = meaning(status, body)
    assert (type(found), found.kind, found.status) == (Declined, kind, status)


@pytest.mark.parametrize(("status", "body", "kind"), LATER)
def test_what_time_cures_is_waited_for(status: int, body: Any, kind: str) -> None:
    found = meaning(status, body)
    assert (type(found), found.kind) == (Busy, kind)


@pytest.mark.parametrize(("status", "body"), [*BILLING, *FILTERED])
def test_the_providers_words_are_shown(status: int, body: Any) -> None:
    error = body[0] if isinstance(body, list) else body
    inner = error.get("error", error)
    said = inner.get("message") or inner.get("detail")
    assert said[:60] in str(meaning(status, body))


def test_a_refused_schema_says_which_switch_to_set() -> None:
    said = str(meaning(*REQUEST[0]))
    assert "check_provider" in said
    assert "Structured outputs" in said


def test_the_words_behind_a_gateway_count_and_are_shown() -> None:
    raw = json.dumps(api("invalid_request_error", "Your credit balance is too low"))
    found = meaning(
        400, {"error": {"code": 400, "message": "Provider returned error", "metadata": {"raw": raw}}}
    )
    assert found.kind == "provider_billing"
    assert "credit balance is too low" in str(found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (api("odd_error", "Request 4711 refused"), api("odd_error", "Request 4712 refused: try another day")),
        (chat("no (id=a1)", "odd", 499), chat("no (id=b2)", "odd", 498)),
        (b"<html>blocked, ray 81</html>", b"<html>blocked, ray 82</html>"),
    ],
)
def test_words_and_ids_make_no_other_kind_of_refusal(first: Any, second: Any) -> None:
    assert meaning(418, first).name == meaning(418, second).name
    assert meaning(418, first).name != meaning(422, first).name


# --- an answer with status 200 ---------------------------------------------------------------------------


def read(body: Any, **headers: str) -> ClaudeError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ClaudeError) as caught:
        reply(raw, headers={name.replace("_", "-"): v for name, v in headers.items()}, duration_ms=1)
    return caught.value


@pytest.mark.parametrize(
    ("body", "error", "kind"),
    [
        ({"error": {"code": 502, "message": "Provider returned error"}}, Busy, "server_error"),
        (api("overloaded_error", "Overloaded"), Busy, "overloaded"),
        ({"error": {"message": "The model is at capacity, try again", "code": 503}}, Busy, "overloaded"),
        ({"error": "Rate limit reached, 3 requests per second"}, Busy, "rate_limited"),
        ({"error": {"code": 402, "message": "Insufficient credits"}}, Blocked, "provider_billing"),
        ({"error": {"code": "401", "message": "No auth credentials found"}}, Blocked, "provider_auth"),
        ({"error": {"code": 403, "message": "Flagged", "metadata": {"reasons": ["x"]}}}, Declined, "moderated"),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, Blocked, "provider_billing"),
        ({"success": False, "errors": [{"message": "The server is overloaded"}]}, Busy, "overloaded"),
        ({"type": "message", "content": [], "error": {"type": "api_error", "message": "x"}}, Busy, "server_error"),
    ],
)  # fmt: skip
def test_an_error_in_a_200_is_read_as_that_error(body: Any, error: type[ClaudeError], kind: str) -> None:
    found = read(body, request_id="req_1")
    assert (type(found), found.kind, found.status) == (error, kind, 200)
    assert "in an answer with status 200" in str(found)
    assert not getattr(found, "maybe_billed", False), "nothing is booked"


def test_a_web_page_from_before_the_provider_books_nothing() -> None:
    found = read(PAGE)
    assert isinstance(found, Busy)
    assert (found.kind, found.costs_attempt, found.maybe_billed) == ("not_the_api", True, False)
    assert "Sign in to the network" in str(found)
    assert type(read(PAGE, request_id="req_1")) is Unusable, "the provider itself has answered"


@pytest.mark.parametrize(
    "body", [b" \n<html lang='en'>x</html>", b"<?xml version='1.0'?><!DOCTYPE html><p>", b"<!-- x --><HTML>"]
)
def test_what_a_web_page_looks_like(body: bytes) -> None:
    assert read(body).kind == "not_the_api"


def test_the_reply_of_another_api_is_billed_as_it_says() -> None:
    body = {
        "choices": [{"message": {"content": "x"}}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 7},
    }
    found = read(body)
    assert (type(found), found.output_known) == (Unusable, True)
    assert found.usage
    assert (found.usage.input_tokens, found.usage.output_tokens) == (40, 7)
    assert not holds_error(body)


def test_an_error_event_of_a_gateway_has_no_type() -> None:
    found = from_event({"message": "Upstream overloaded", "code": 529}, headers={}, begun=False)
    assert (type(found), found.kind) == (Busy, "overloaded")
    late = from_event({"message": "boom", "code": 500}, headers={}, begun=True)
    assert isinstance(late, Busy)
    assert (late.costs_attempt, late.maybe_billed) == (True, True)


def test_a_failure_before_the_message_has_begun_costs_an_attempt_and_no_money() -> None:
    found = from_event({"type": "api_error", "message": "x"}, headers={}, begun=False)
    assert isinstance(found, Busy)
    assert (found.costs_attempt, found.maybe_billed) == (True, False)


def test_an_answer_without_words_is_an_error_all_the_same() -> None:
    assert from_answer({"error": {"code": 1}}, headers={}, body=b"{}").kind == "server_error"


NAMES = st.sampled_from(
    [
        "error",
        "errors",
        "detail",
        "message",
        "type",
        "code",
        "metadata",
        "raw",
        "reasons",
        "loc",
        "details",
        "content",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.dictionaries(NAMES, JSON, max_size=4) | JSON,
    status=st.sampled_from([200, 307, 400, 403, 429, 500]),
)
def test_any_json_means_one_of_our_errors(body: Any, status: int) -> None:
    raw = json.dumps(body).encode()
    if status != 200:
        assert isinstance(from_response(status, headers={}, body=raw), ClaudeError)
        return
    with suppress(ClaudeError):
        reply(raw, headers={}, duration_ms=1)
