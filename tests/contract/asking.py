"""The one question of the contract, whole and as a stream."""

from typing import Any

from anthropic import Anthropic
from anthropic.lib.streaming import MessageStream
from anthropic.types import Message

QUESTION: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 8192,
    "messages": [{"role": "user", "content": "Topic: a first budget. Answer with JSON only."}],
}


def ask(claude: Anthropic, **changes: Any) -> Message:
    message: Message = claude.messages.create(**{**QUESTION, **changes})
    return message


def read(claude: Anthropic, **changes: Any) -> tuple[str, Message]:
    """The text as it came piece by piece, and the final message."""
    with claude.messages.stream(**{**QUESTION, **changes}) as stream:
        pieces = "".join(stream.text_stream)
        return pieces, final(stream)


def final(stream: MessageStream[None]) -> Message:
    message: Message = stream.get_final_message()
    return message


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")
