"""What a good answer looks like, for each model that the product offers."""

import json
import statistics
from typing import Any

import pytest
from anthropic import Anthropic

from templates_app.packs.pack import load_pack
from tests.claude.simulator.asking import PROMPT, ask, formatted, text_of, told
from tests.support.simulator import RunningSimulator

RATELIMIT_HEADERS = [
    f"anthropic-ratelimit-{of}-{part}"
    for of in ("requests", "tokens", "input-tokens", "output-tokens")
    for part in ("limit", "remaining", "reset")
]


def plan_prompts() -> list[str]:
    """The starter plan as labelled lines: what all of its templates have in common."""
    return [
        "\n".join(
            [
                f"Topic: {item.topic}",
                *(
                    f"{name.replace('_', ' ').capitalize()}: {value}"
                    for name, value in item.parameters.items()
                ),
                "Answer with JSON only.",
            ]
        )
        for item in load_pack().items
    ]


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"])
def test_a_conversation(claude: Anthropic, model: str) -> None:
    message = ask(claude, model=model)
    conversation = told(message)
    roles = [turn["role"] for turn in conversation["turns"]]
    assert message.model == model
    assert message.stop_reason == "end_turn"
    assert roles == ["user", "assistant"] * (len(roles) // 2)
    assert 8 <= len(roles) <= 16
    assert 100 <= statistics.mean(len(turn["content"]) for turn in conversation["turns"]) <= 500
    assert 600 <= message.usage.output_tokens <= 3000


def test_thinking_comes_first_and_is_counted(claude: Anthropic) -> None:
    message = ask(claude)
    first = message.content[0]
    assert first.type == "thinking"
    assert first.thinking == ""
    assert first.signature
    details = message.usage.output_tokens_details
    assert details is not None
    assert 0 < details.thinking_tokens < message.usage.output_tokens


def test_thinking_can_be_disabled_on_haiku(claude: Anthropic) -> None:
    message = ask(claude, model="claude-haiku-5-5", thinking={"type": "disabled"})
    assert [block.type for block in message.content] == ["text"]


def test_usage_and_headers_are_complete(claude: Anthropic) -> None:
    raw = claude.messages.with_raw_response.create(
        model="claude-sonnet-5-5", max_tokens=8192, messages=[{"role": "user", "content": PROMPT}]
    )
    usage = json.loads(raw.text())["usage"]
    assert set(usage) == {
        *("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"),
        *(
            "cache_creation",
            "output_tokens_details",
            "server_tool_use",
            "service_tier",
            "inference_geo",
            "speed",
        ),
    }
    assert raw.headers["request-id"].startswith("req_")
    assert raw.headers["anthropic-organization-id"]
    assert raw.headers["x-lorapipe-simulator"] == "1"
    assert all(name in raw.headers for name in RATELIMIT_HEADERS)
    assert raw.parse()._request_id == raw.headers["request-id"]


def test_input_tokens_follow_the_length(claude: Anthropic) -> None:
    short, long = (ask(claude, "Topic: savings. " + "x" * length).usage.input_tokens for length in (0, 2500))
    assert long - short == 1000


def test_the_prompt_is_followed(claude: Anthropic) -> None:
    spoken = json.dumps(told(ask(claude)))
    assert "retirement account fall eleven percent" in spoken
    assert "anxious investor" in spoken
    assert "I am 47, hold $318,000 in a target-date fund, and open the app before breakfast." in spoken
    assert "Write one conversation" not in spoken


def test_the_same_request_gives_the_same_reply_in_any_order(claude: Anthropic) -> None:
    prompts = [f"Topic: goal number {number}" for number in range(6)]
    forwards = {prompt: ask(claude, prompt) for prompt in prompts}
    backwards = {prompt: ask(claude, prompt) for prompt in reversed(prompts)}
    for prompt in prompts:
        assert text_of(forwards[prompt]) == text_of(backwards[prompt])
        assert forwards[prompt].usage == backwards[prompt].usage
        assert forwards[prompt].id != backwards[prompt].id


def test_another_seed_gives_another_reply(claude: Anthropic, server: RunningSimulator) -> None:
    first = text_of(ask(claude))
    server.options(seed=1)
    assert text_of(ask(claude)) != first


def test_the_starter_plan_reads_differently_each_time(claude: Anthropic) -> None:
    stories = [told(ask(claude, prompt)) for prompt in plan_prompts()]
    assert len(stories) == 90
    assert len({story["title"] for story in stories}) == 90
    assert len({story["turns"][0]["content"] for story in stories}) == 90
    for story in stories:
        spoken = " ".join(turn["content"] for turn in story["turns"])
        assert not set("<>{}[]|") & set(spoken)
        assert 4 <= len(story["turns"]) <= 20
    words = [set(json.dumps(story).lower().split()) for story in stories]
    pairs = [(a, b) for number, a in enumerate(words) for b in words[:number]]
    assert max(len(a & b) / len(a | b) for a, b in pairs) < 0.5


@pytest.mark.parametrize(
    "topic",
    ["", "{{name}} and <b>R&D</b>", "\u202eשלום עולם", "x" * 20_000, "😀 a, \"b\" 'c'", "[a|b] <topic>", "I"],
)
def test_odd_topics_read_fine(claude: Anthropic, topic: str) -> None:
    story = told(ask(claude, f"Topic: {topic}\nPersona: {topic}\nEmotion: {topic}\nContext: {topic}"))
    assert story["title"]
    assert all("{{" not in turn["content"] and turn["content"].strip() for turn in story["turns"])


def test_without_a_schema_json_is_given_when_the_prompt_asks(claude: Anthropic) -> None:
    assert "turns" in told(ask(claude, output_config={}))
    plain = ask(claude, "Say hello.", output_config={})
    assert not text_of(plain).startswith("{")


def test_another_schema_is_satisfied(claude: Anthropic) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "required": ["verdict", "score", "when", "code", "notes", "who"],
        "properties": {
            "verdict": {"type": "string", "enum": ["keep", "drop"]},
            "score": {"type": "integer"},
            "when": {"type": "string", "format": "date"},
            "code": {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
            "notes": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "who": {"$ref": "#/$defs/person"},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "number"}]},
        },
        "$defs": {
            "person": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {"name": {"const": "Ada"}},
            }
        },
    }
    made = told(ask(claude, output_config=formatted(schema)))
    assert made["verdict"] in ("keep", "drop")
    assert isinstance(made["score"], int)
    assert made["code"] == "AAA-4444"
    assert made["who"] == {"name": "Ada"}
    assert made["notes"]
    assert made["when"] == "2026-11-22"


def test_max_tokens_is_kept(claude: Anthropic) -> None:
    message = ask(claude, max_tokens=300)
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 300
    with pytest.raises(ValueError):
        told(message)


def test_too_small_a_limit_leaves_only_thinking(claude: Anthropic) -> None:
    message = ask(claude, max_tokens=5)
    assert [block.type for block in message.content] == ["thinking"]
    assert message.stop_reason == "max_tokens"


def test_stop_sequences_end_the_text(claude: Anthropic) -> None:
    message = ask(claude, stop_sequences=['"turns"'])
    assert message.stop_reason == "stop_sequence"
    assert message.stop_sequence == '"turns"'
    assert text_of(message).endswith(",")
