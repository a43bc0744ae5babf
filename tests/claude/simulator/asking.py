"""Requests as the product makes them."""

import json
from typing import Any

from anthropic import Anthropic
from anthropic.types import Message

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "turns"],
    "properties": {
        "title": {"type": "string"},
        "turns": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["role", "content"],
                "properties": {
                    "role": {"type": "string", "enum": ["user", "assistant"]},
                    "content": {"type": "string"},
                },
            },
        },
    },
}
PROMPT = (
    "Write one conversation between a person and a financial-planning assistant.\n"
    "Topic: watching a retirement account fall eleven percent\nPersona: Anxious Investor\nEmotion: anxious\n"
    "Emotional arc: anxious -> heard -> curious -> steadier\n"
    "Context: He is 47, holds $318,000 in a target-date fund, and opens the app before breakfast.\n\n"
    "The user speaks first, the assistant last. Answer with JSON only."
)


def formatted(schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": schema or SCHEMA}}


def ask(claude: Anthropic, prompt: str = PROMPT, **changes: Any) -> Message:
    """One call with the schema of a conversation; `changes` are arguments of `messages.create`."""
    wanted: dict[str, Any] = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": prompt}],
        "output_config": formatted(),
    }
    message: Message = claude.messages.create(**{**wanted, **changes})
    return message


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def told(message: Message) -> dict[str, Any]:
    conversation: dict[str, Any] = json.loads(text_of(message))
    return conversation
