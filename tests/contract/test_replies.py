"""Good answers, whole and streamed."""

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic
from pydantic import BaseModel, ConfigDict

from tests.contract.asking import QUESTION, ask, read, text_of
from tests.contract.targets import Target
from tests.support.simulator import RunningSimulator


def test_a_plain_reply(claude: Anthropic, target: Target) -> None:
    message = ask(claude)
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert message.model == QUESTION["model"]
    assert text_of(message)
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    assert target.requests() == 1


def test_a_stream(claude: Anthropic) -> None:
    pieces, message = read(claude)
    assert pieces == text_of(message) != ""
    assert (message.stop_reason, message.role) == ("end_turn", "assistant")
    assert message.usage.output_tokens > 1


def test_a_stream_says_the_same_as_a_plain_reply(claude: Anthropic) -> None:
    assert read(claude)[0] == text_of(ask(claude))


def test_the_events_of_a_raw_stream(claude: Anthropic) -> None:
    types = [event.type for event in claude.messages.create(**QUESTION, stream=True)]
    assert types[:2] == ["message_start", "content_block_start"]
    assert types[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert types.count("content_block_delta") > 3
    assert types.count("content_block_start") == types.count("content_block_stop")


def test_models_are_listed(claude: Anthropic) -> None:
    listed = list(claude.models.list())
    assert "claude-sonnet-4-6" in [model.id for model in listed]
    assert {model.type for model in listed} == {"model"}


# What only our simulator knows of the service.


def test_request_ids(our_claude: Anthropic) -> None:
    assert (ask(our_claude)._request_id or "").startswith("req_")
    with our_claude.messages.stream(**QUESTION) as stream:
        assert (stream.request_id or "").startswith("req_")
        assert not hasattr(stream.get_final_message(), "_request_id")


def test_thinking_comes_first_in_a_stream_too(our_claude: Anthropic) -> None:
    _, message = read(our_claude)
    first, second = message.content
    assert (first.type, second.type) == ("thinking", "text")
    assert first.type == "thinking"
    assert (first.thinking, first.signature != "") == ("", True)
    assert message.usage == ask(our_claude).usage


def test_shown_thinking_is_streamed(our_claude: Anthropic) -> None:
    wanted: dict[str, Any] = {**QUESTION, "thinking": {"type": "adaptive", "display": "summarized"}}
    with our_claude.messages.stream(**wanted) as stream:
        kinds = [event.type for event in stream]
    assert kinds.index("thinking") < kinds.index("signature") < kinds.index("text")


class Opinion(BaseModel):
    """A schema that is not one of a conversation."""

    model_config = ConfigDict(extra="forbid")
    keep: bool
    reason: str


def test_structured_outputs_whole_and_streamed(our_claude: Anthropic) -> None:
    parsed = our_claude.messages.parse(**QUESTION, output_format=Opinion).parsed_output
    assert isinstance(parsed, Opinion)
    with our_claude.messages.stream(**QUESTION, output_format=Opinion) as stream:
        assert isinstance(stream.get_final_message().parsed_output, Opinion)


def test_a_refusal_is_a_reply(ours: RunningSimulator, our_claude: Anthropic) -> None:
    ours.faults([{"kind": "refusal", "category": "cyber", "times": 2}])
    for message in (ask(our_claude), read(our_claude)[1]):
        assert message.stop_reason == "refusal"
        assert message.stop_details is not None
        assert message.stop_details.category == "cyber"


def test_a_cached_prefix_shows_in_the_usage_of_a_stream(our_claude: Anthropic) -> None:
    system = [{"type": "text", "text": "s" * 2500, "cache_control": {"type": "ephemeral"}}]
    first, second = (read(our_claude, system=system)[1].usage for _ in range(2))
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (1000, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, 1000)


def test_counting_tokens(our_claude: Anthropic) -> None:
    asked = {name: QUESTION[name] for name in ("model", "messages")}
    counted = our_claude.messages.count_tokens(**asked).input_tokens
    assert counted == ask(our_claude).usage.input_tokens


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
def test_the_sdk_has_no_sampling_and_the_server_takes_none(our_claude: Anthropic, name: str) -> None:
    with pytest.raises(TypeError):
        ask(our_claude, **{name: 1})
    with pytest.raises(anthropic.BadRequestError):
        ask(our_claude, extra_body={name: 1})
