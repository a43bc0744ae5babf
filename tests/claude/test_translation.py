"""Our request as JSON for each kind of model, and the JSON of a 200 as our reply."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claude import current_models
from claude.errors import Unusable
from claude.messages import Provider, Reply, Request, Usage
from claude.translation import headers, payload, reply
from tests.claude.odd_server import message

# The machine is shared: a slow example is no failure.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
FORMAT = {"type": "json_schema", "schema": SCHEMA}
OFF = {"type": "disabled"}


def request(model: str, **changes: Any) -> Request:
    fields: dict[str, Any] = {"model": model, "max_tokens": 8192, "prompt": "Write", "schema": SCHEMA}
    return Request(**(fields | changes))


@pytest.mark.parametrize(
    ("model", "thinking", "output_config"),
    [
        ("claude-sonnet-5-5", {"type": "between_tools"}, {"effort": "low", "format": FORMAT}),
        ("claude-haiku-5-5", OFF, {"effort": "low", "format": FORMAT}),
        ("claude-opus-5-5", None, {"effort": "low", "format": FORMAT}),
        ("claude-fable-5-2", None, {"effort": "low", "format": FORMAT}),
        ("claude-mythos-5-2", None, {"effort": "low", "format": FORMAT}),
        ("claude-opus-5", OFF, {"effort": "low", "format": FORMAT}),
        ("claude-sonnet-5", OFF, {"effort": "low", "format": FORMAT}),
        ("claude-opus-4-8", OFF, {"effort": "low", "format": FORMAT}),
        ("claude-sonnet-4-6", OFF, {"effort": "low", "format": FORMAT}),
        ("claude-sonnet-4-5", OFF, {"format": FORMAT}),
        ("claude-haiku-4-5-20251001", OFF, {"format": FORMAT}),
        ("llama-3.3-70b", None, None),
    ],
)
def test_what_each_model_is_sent(model: str, thinking: object, output_config: object) -> None:
    expected = {"model": model, "max_tokens": 8192, "messages": [{"role": "user", "content": "Write"}]}
    expected |= {"thinking": thinking} if thinking else {}
    expected |= {"output_config": output_config} if output_config else {}
    assert payload(request(model)) == expected


def test_optional_parts_are_left_out_when_empty() -> None:
    assert "system" not in payload(request("claude-sonnet-5-5"))
    assert payload(request("claude-sonnet-5-5", system="Be brief"))["system"] == "Be brief"
    assert payload(request("claude-sonnet-5-5", schema=None))["output_config"] == {"effort": "low"}
    assert "output_config" not in payload(request("claude-haiku-4-5", schema=None))


def test_the_payload_is_the_callers_own() -> None:
    body = payload(request("claude-haiku-5-5"))
    body["thinking"]["type"] = "adaptive"
    body["output_config"]["format"]["schema"]["type"] = "array"
    assert payload(request("claude-haiku-5-5"))["thinking"] == OFF
    assert SCHEMA["type"] == "object"


@pytest.mark.parametrize(
    ("model", "sent", "version"),
    [
        ("claude-sonnet-5-5", False, None),
        ("claude-opus-4-7", False, None),
        ("claude-sonnet-4-6", True, "2023-06-01"),
        ("claude-haiku-4-5", True, "2023-06-01"),
        ("llama-3.3-70b", True, None),
    ],
)
def test_temperature_goes_only_where_it_is_taken(model: str, version: str | None, *, sent: bool) -> None:
    warm = request(model, temperature=0.0)
    assert ("temperature" in payload(warm)) is sent
    assert headers(warm).get("anthropic-version") == version
    assert "anthropic-version" not in headers(request(model))


def test_the_tag_is_made_fit_for_a_header() -> None:
    assert headers(request("claude-haiku-5-5")) == {}
    assert headers(request("claude-haiku-5-5", tag="log-7")) == {"x-client-request-id": "log-7"}
    assert headers(request("claude-haiku-5-5", tag="a\r\nb é")) == {"x-client-request-id": "ab"}


@unhurried
@given(prompt=st.text(), system=st.text(min_size=1))
def test_prompts_are_sent_character_for_character(prompt: str, system: str) -> None:
    body = json.loads(json.dumps(payload(request("claude-sonnet-5-5", prompt=prompt, system=system))))
    assert (body["messages"][0]["content"], body["system"]) == (prompt, system)


def marked(
    shared: int, *, lifetime: str = "5m", model: str = "claude-sonnet-5-5", **texts: str
) -> dict[str, Any]:
    fields = {"system": "Rules. ", "prompt": "Do this: one", **texts}
    return payload(request(model, shared=shared, lifetime=lifetime, **fields))


MARK = {"type": "ephemeral", "ttl": "5m"}


def test_what_calls_share_comes_first_and_carries_the_mark() -> None:
    body = marked(16)
    assert body["system"] == "Rules. "
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Do this: ", "cache_control": MARK},
                {"type": "text", "text": "one"},
            ],
        }
    ]


def test_a_shared_system_prompt_alone_carries_the_mark_itself() -> None:
    body = marked(7, lifetime="1h")
    assert body["system"] == [
        {"type": "text", "text": "Rules. ", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    assert body["messages"] == [{"role": "user", "content": "Do this: one"}]
    parts = marked(3)["system"]
    assert [part["text"] for part in parts] == ["Rul", "es. "]
    assert [part.get("cache_control") for part in parts] == [MARK, None]


def test_the_same_prompt_for_all_is_one_marked_block() -> None:
    [block] = marked(19)["messages"][0]["content"]
    assert (block["text"], block["cache_control"]) == ("Do this: one", MARK)


@pytest.mark.parametrize(
    "body",
    [
        marked(0),
        marked(16, lifetime=""),
        marked(16, model="llama-3.3-70b"),
        marked(9, system="", prompt="Do this: \n"),
        marked(2, system="", prompt="  text"),
    ],
)
def test_no_mark_where_nothing_is_shared_or_a_block_would_be_blank(body: dict[str, Any]) -> None:
    assert "cache_control" not in json.dumps(body)
    assert isinstance(body["messages"][0]["content"], str)


def test_a_blank_beginning_of_the_prompt_leaves_the_mark_on_the_system_prompt() -> None:
    body = marked(9, prompt="\n\n one")
    assert body["system"][0]["cache_control"] == MARK
    assert body["messages"][0]["content"] == "\n\n one"


@unhurried
@given(system=st.text(), prompt=st.text(), shared=st.integers(0, 40))
def test_the_blocks_together_are_the_text(system: str, prompt: str, shared: int) -> None:
    body = marked(shared, system=system, prompt=prompt)
    content, sent = body["messages"][0]["content"], body.get("system", "")
    assert (
        "".join(part["text"] for part in content) == prompt
        if isinstance(content, list)
        else content == prompt
    )
    assert "".join(part["text"] for part in sent) == system if isinstance(sent, list) else sent == system


def read(body: bytes, **named: str) -> Reply:
    return reply(body, headers=named, duration_ms=7)


def test_text_is_that_of_all_text_blocks_in_any_position() -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": "Eq"}
    blocks = [thinking, {"type": "text", "text": "a "}, thinking, {"type": "text", "text": "b"}]
    assert read(message(content=blocks)).text == "a b"
    assert read(message(content=[thinking])).text == ""
    assert read(message(content=[])).text == ""


def test_usage_with_its_cache_fields() -> None:
    usage = {
        "input_tokens": 50,
        "output_tokens": 503,
        "cache_creation_input_tokens": 248,
        "cache_read_input_tokens": 1800,
        "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
    }
    expected = Usage(
        input_tokens=50, output_tokens=503, cache_write_5m=148, cache_write_1h=100, cache_read=1800
    )
    assert read(message(usage=usage)).usage == expected
    assert expected.prompt_tokens == 2098
    unsplit = usage | {"cache_creation": None}
    assert read(message(usage=unsplit)).usage.cache_write_5m == 248
    nulls = {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": None}
    assert read(message(usage=nulls)).usage == Usage(input_tokens=1, output_tokens=2)


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"type": "refusal", "category": "bio", "explanation": "No."}, "bio: No."),
        ({"type": "refusal", "category": None, "explanation": "No."}, "No."),
        ({"type": "refusal", "category": "frontier_llm", "explanation": None}, "frontier_llm"),
        (None, "no reason given"),
        ("odd", "no reason given"),
    ],
)
def test_a_refusal_says_why(details: object, said: str) -> None:
    assert read(message(stop_reason="refusal", stop_details=details)).refusal == said
    assert read(message(stop_details=details)).refusal is None


def test_headers_name_the_call_and_the_simulator() -> None:
    plain = reply(message(), headers={"request-id": "req_1"}, duration_ms=7)
    assert (plain.request_id, plain.simulated, plain.duration_ms) == ("req_1", False, 7)
    assert reply(message(), headers={"x-lorapipe-simulator": "1"}, duration_ms=7).simulated is True


def test_odd_words_from_the_server_can_be_stored() -> None:
    odd = read(message(model="m\x00", stop_reason="s\ud800"))
    assert (odd.model, odd.stop_reason) == ("m\ufffd", "s\ufffd")
    assert read(message(model=None, stop_reason=None)).stop_reason is None


def test_lone_surrogates_in_the_text_do_no_harm() -> None:
    assert read(message(content=[{"type": "text", "text": "\ud83d"}])).text == "\ud83d"
    raw = message().replace(b"hello", b"\xed\xa0\xbd")
    assert read(raw).text == "\ud83d"


@pytest.mark.parametrize(
    "changes",
    [
        {"content": None, "stop_reason": None},
        {"content": 3},
        {"content": [3]},
        {"content": [{"kind": "text"}]},
        {"content": [{"type": "text", "text": 3}]},
    ],
)
def test_a_message_without_text_is_unreadable(changes: dict[str, Any]) -> None:
    body = message(**changes)
    with pytest.raises(Unusable) as caught:
        read(body)
    assert (caught.value.kind, caught.value.body, caught.value.status) == ("unreadable", body, 200)


@pytest.mark.parametrize(
    "content",
    [
        "hello",
        ["hel", "lo"],
        [{"text": "hello"}],
        {"type": "text", "text": "hello"},
        [{"type": "text", "text": "hello"}, {"type": "text", "text": None}],
        [{"type": "thinking", "thinking": "Hm"}, None, {"type": "text", "text": "hello"}],
    ],
)
def test_a_text_that_is_plain_is_read_in_other_shapes(content: Any) -> None:
    found = read(message(content=content))
    assert (found.text, found.usage.estimated, found.only_thinking) == ("hello", False, False)
    bare = json.dumps({"content": content, "stop_reason": "end_turn", "usage": {}}).encode()
    assert read(bare).text == "hello"


@pytest.mark.parametrize("content", [[], None, [{"type": "text", "text": ""}]])
def test_a_message_without_content_is_empty(content: Any) -> None:
    found = read(message(content=content, stop_reason="refusal"))
    assert (found.text, found.refusal) == ("", "no reason given")


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking"])
def test_thinking_without_a_text_is_told_apart_from_nothing(kind: str) -> None:
    assert read(message(content=[{"type": kind, "thinking": "Hm"}])).only_thinking
    assert read(message(content=[{"type": kind}, {"type": "text", "text": " "}])).only_thinking
    assert not read(message(content=[])).only_thinking


SAID = "word " * 20  # 100 bytes, at most 50 tokens
ASKED = {"model": "m", "messages": [{"role": "user", "content": "q" * 1_000}]}


@pytest.mark.parametrize(
    ("usage", "input_", "output", "estimated"),
    [
        (None, None, 50, True),
        ([], None, 50, True),
        ({}, None, 50, True),
        ({"input_tokens": None, "output_tokens": 90}, None, 90, True),
        ({"input_tokens": 40}, 40, 50, True),
        ({"input_tokens": -1, "output_tokens": 90}, None, 90, True),
        ({"input_tokens": True, "output_tokens": 10**12}, None, 50, True),
        ({"input_tokens": 0, "output_tokens": 0}, None, 50, True),
        ({"input_tokens": 40, "output_tokens": 90, "cache_read_input_tokens": "many"}, None, 90, True),
        ({"input_tokens": 0, "output_tokens": 90, "cache_read_input_tokens": 7}, 0, 90, False),
        ({"prompt_tokens": 40, "completion_tokens": 90, "total_tokens": 130}, 40, 90, False),
        ({"inputTokens": 40, "outputTokens": 90}, 40, 90, False),
        ({"input_tokens": "40", "output_tokens": 90.0}, 40, 90, False),
    ],
)
def test_what_a_server_does_not_count_is_counted_by_us(
    usage: Any, input_: int | None, output: int, *, estimated: bool
) -> None:
    body = message(usage=usage, content=[{"type": "text", "text": SAID}])
    found = reply(body, headers={}, duration_ms=0, asked=ASKED).usage
    assert (found.output_tokens, found.estimated) == (output, estimated)
    if input_ is None:
        assert 500 <= found.input_tokens <= 540, "half of the bytes, and the names around them"
    else:
        assert found.input_tokens == input_


def test_the_model_that_was_asked_stands_in_for_one_that_is_not_named() -> None:
    assert reply(message(model=None), headers={}, duration_ms=0, asked=ASKED).model == "m"


@unhurried
@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode()))
def test_no_body_raises_anything_else(body: bytes) -> None:
    with pytest.raises(Unusable):
        read(body)


def test_deep_nesting_and_huge_numbers_are_unreadable() -> None:
    for body in (b"[" * 500_000, b'{"content":' + b"9" * 10_000 + b"}"):
        with pytest.raises(Unusable):
            read(body)


def test_a_provider_does_not_show_its_key() -> None:
    assert "k1" not in repr(Provider(base_url=None, api_key="k1"))


def test_every_card_is_translated() -> None:
    for card in current_models.list_cards():
        body = payload(request(card.id))
        assert body.get("thinking") == card.thinking
        assert body["output_config"].get("effort") == card.effort
