"""What the current API refuses, the simulator refuses."""

from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.claude.simulator.asking import SCHEMA, ask, formatted
from tests.support.simulator import RunningSimulator

OLD = {"anthropic-version": "2023-06-01"}
SONNET_46: dict[str, Any] = {"model": "claude-sonnet-4-6"}


def wrapped(part: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["x"],
        "properties": {"x": part},
    }


def optional(count: int, part: dict[str, Any]) -> dict[str, Any]:
    properties = {f"p{number}": part for number in range(count)}
    return {"type": "object", "additionalProperties": False, "required": [], "properties": properties}


def required(count: int, part: dict[str, Any]) -> dict[str, Any]:
    return {**optional(count, part), "required": [f"p{number}" for number in range(count)]}


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("temperature", {"extra_body": {"temperature": 1}}),
    ("top_p", {"extra_body": {"top_p": 0.99}}),
    ("top_k", {"extra_body": {"top_k": 5}}),
    ("temperature is deprecated", {"extra_body": {"temperature": 0.5}, "extra_headers": OLD}),
    (
        "top_k is deprecated",
        {"model": "claude-haiku-5-5", "extra_body": {"top_k": 5}, "extra_headers": OLD},
    ),
    (
        "cannot both be specified",
        {**SONNET_46, "extra_body": {"temperature": 0.5, "top_p": 0.5}, "extra_headers": OLD},
    ),
    ("range: 0..1", {**SONNET_46, "extra_body": {"temperature": 1.5}, "extra_headers": OLD}),
    ("banana: Extra inputs are not permitted", {"extra_body": {"banana": 1}}),
    ("maximum allowed", {"max_tokens": 128_001, "timeout": 30}),
    ("maximum allowed", {"model": "claude-haiku-4-5", "max_tokens": 64_001, "timeout": 30}),
    ("greater than or equal to 0", {"max_tokens": -1}),
    ("at least one message", {"messages": []}),
    (
        "first message must use the user role",
        {"messages": [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Hi"}]},
    ),
    ("prefill", {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}]}),
    ("non-empty", {"messages": [{"role": "user", "content": ""}]}),
    ("non-whitespace", {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]}),
    ("role", {"messages": [{"role": "robot", "content": "Hi"}]}),
    (
        "'system' is not supported",
        {
            "model": "claude-sonnet-5",
            "messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}],
        },
    ),
    (
        "citations",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "citations": [{}]}]}]},
    ),
    (
        "document",
        {
            "messages": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": [{"type": "document"}]},
                {"role": "user", "content": "b"},
            ]
        },
    ),
    ("thinking.type.enabled", {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    ("between_tools", {"thinking": {"type": "disabled"}}),
    ("Extra inputs", {"thinking": {"type": "between_tools", "display": "omitted"}}),
    (
        "highest without it is high",
        {"thinking": {"type": "between_tools"}, "output_config": {"effort": "max"}},
    ),
    ("not supported", {"model": "claude-opus-5-5", "thinking": {"type": "disabled"}}),
    ("not supported", {"model": "claude-haiku-5-5", "thinking": {"type": "between_tools"}}),
    (
        "is high",
        {"model": "claude-haiku-5-5", "thinking": {"type": "disabled"}, "output_config": {"effort": "xhigh"}},
    ),
    ("adaptive", {"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}}),
    ("1024", {"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 100}}),
    ("effort", {"output_config": {"effort": "enormous"}}),
    ("does not support the effort", {"model": "claude-haiku-4-5", "output_config": {"effort": "low"}}),
    ("tool_choice", {"tool_choice": {"type": "any"}}),
    ("tool_choice", {"model": "claude-opus-5-5", "tool_choice": {"type": "tool", "name": "x"}}),
    ("output_config.shape", {"output_config": {"shape": 1}}),
    ("stream", {"extra_body": {"stream": "yes"}}),
    ("metadata.name", {"metadata": {"name": "x"}}),
    ("too long", {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "word " * 140_000}]}),
]
REFUSED_SCHEMAS: list[tuple[str, Any]] = [
    ("additionalProperties", {"type": "object", "properties": {}}),
    ("additionalProperties", {**SCHEMA, "additionalProperties": True}),
    ("minLength", wrapped({"type": "string", "minLength": 1})),
    ("maximum, minimum", wrapped({"type": "integer", "minimum": 1, "maximum": 2})),
    ("maxItems", wrapped({"type": "array", "items": {"type": "string"}, "maxItems": 3})),
    ("minItems", wrapped({"type": "array", "items": {"type": "string"}, "minItems": 2})),
    ("oneOf", wrapped({"oneOf": [{"type": "string"}]})),
    ("only internal", wrapped({"$ref": "https://example.org/x.json"})),
    ("does not exist", wrapped({"$ref": "#/$defs/nobody"})),
    ("recursive", {**wrapped({"$ref": "#/$defs/a"}), "$defs": {"a": wrapped({"$ref": "#/$defs/a"})}}),
    ("allOf with", {**wrapped({"allOf": [{"$ref": "#/$defs/a"}]}), "$defs": {"a": {"type": "string"}}}),
    ("format", wrapped({"type": "string", "format": "phone"})),
    ("lookaround", wrapped({"type": "string", "pattern": "(?=a)a"})),
    ("enum", wrapped({"enum": [{"a": 1}]})),
    ("optional parameters", optional(25, {"type": "string"})),
    ("union types", required(17, {"type": ["string", "null"]})),
    ("not a JSON schema", wrapped({"type": 7})),
]


@pytest.mark.parametrize(
    ("words", "changes"), REFUSED, ids=[f"{n}-{words[:20]}" for n, (words, _) in enumerate(REFUSED)]
)
def test_refused_with_a_400(claude: Anthropic, words: str, changes: dict[str, Any]) -> None:
    with pytest.raises(anthropic.BadRequestError, match="invalid_request_error") as caught:
        ask(claude, **changes)
    assert words in str(caught.value)
    assert caught.value.request_id


@pytest.mark.parametrize(("words", "schema"), REFUSED_SCHEMAS)
def test_a_schema_that_is_not_supported(claude: Anthropic, words: str, schema: Any) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(claude, output_config=formatted(schema))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "schema", [optional(24, {"type": "string"}), required(16, {"type": ["string", "null"]})]
)
def test_the_limits_of_a_schema_are_inclusive(claude: Anthropic, schema: dict[str, Any]) -> None:
    assert ask(claude, output_config=formatted(schema)).stop_reason == "end_turn"


@pytest.mark.parametrize(
    "model", ["claude-opus-4-1", "claude-3-5-sonnet-latest", "gpt-9", "claude-mythos-preview"]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_unknown_or_retired_model_is_404(claude: Anthropic, model: str) -> None:
    with pytest.raises(anthropic.NotFoundError, match=f"model: {model}"):
        ask(claude, model=model)


ACCEPTED: list[dict[str, Any]] = [
    {**SONNET_46, "extra_body": {"temperature": 0.4}, "extra_headers": OLD},
    {"extra_body": {"temperature": 1}, "extra_headers": OLD},
    {"model": "claude-haiku-5-5", "extra_body": {"top_p": 0.99}, "extra_headers": OLD},
    {"thinking": {"type": "between_tools"}, "output_config": {**formatted(), "effort": "low"}},
    {"thinking": {"type": "adaptive", "display": "summarized"}},
    {"model": "claude-opus-5", "thinking": {"type": "disabled"}},
    {"model": "claude-fable-5", "tool_choice": {"type": "any"}},
    {"model": "claude-haiku-4-5", "thinking": {"type": "enabled", "budget_tokens": 1024}},
    {"system": [{"type": "text", "text": "You write.", "cache_control": {"type": "ephemeral"}}]},
    {"metadata": {"user_id": "u"}, "service_tier": "auto", "inference_geo": "us"},
    {"max_tokens": 0},
]


@pytest.mark.parametrize("changes", ACCEPTED)
def test_accepted(claude: Anthropic, changes: dict[str, Any]) -> None:
    assert ask(claude, **changes).type == "message"


def test_prefill_on_an_old_model(claude: Anthropic) -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well"}]
    assert ask(claude, model="claude-haiku-4-5", messages=messages, output_config={}).type == "message"
    with pytest.raises(anthropic.BadRequestError, match="prefilled"):
        ask(claude, model="claude-haiku-4-5", messages=messages)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer k"}, 200),
        ({"x-api-key": "k"}, 200),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Basic k"}, 401),
        ({}, 401),
    ],
)
def test_both_ways_of_signing_in(server: RunningSimulator, headers: dict[str, str], status: int) -> None:
    body = {"model": "claude-haiku-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
    sent = {**headers, "anthropic-version": "2026-10-21"}
    answer = httpx2.post(f"{server.url}/v1/messages", json=body, headers=sent)
    assert answer.status_code == status
    assert server.ledger()[-1]["status"] == status
    if status == 401:
        assert answer.json()["error"]["type"] == "authentication_error"
        assert answer.json()["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": "\\ud800"}', b"\xff", b"{}"])
def test_a_body_that_cannot_be_read(server: RunningSimulator, body: bytes) -> None:
    """The SDK itself cannot send a lone surrogate, so these go over plain HTTP."""
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21", "content-type": "application/json"}
    answer = httpx2.post(f"{server.url}/v1/messages", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("version", ["", "2024-01-01"])
def test_the_version_is_checked(claude: Anthropic, version: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match="anthropic-version"):
        ask(claude, extra_headers={"anthropic-version": version})


def test_unknown_paths_and_methods(claude: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="not_found_error"):
        claude.messages.batches.retrieve("msgbatch_01")
    with pytest.raises(anthropic.APIStatusError) as caught:
        claude.get("/v1/messages", cast_to=object)
    assert caught.value.status_code == 405


def test_a_body_that_is_too_large(claude: Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(claude, "x" * (33 * 1024 * 1024))
    assert caught.value.status_code == 413
    assert "request_too_large" in str(caught.value)
