"""The events of a stream, for servers that no decent server is and for tests without one."""

import json
from typing import Any


def event(type_: str, *, name: str | None = None, **fields: Any) -> bytes:
    data = json.dumps({"type": type_, **fields}, ensure_ascii=False)
    return f"event: {name or type_}\ndata: {data}\n\n".encode()


START = event(
    "message_start",
    message={
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": 1},
    },
)
DELTA = event(
    "message_delta",
    delta={"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None},
    usage={"output_tokens": 34},
)
STOP = event("message_stop")


def text_block(*pieces: str, index: int = 0) -> list[bytes]:
    return [
        event("content_block_start", index=index, content_block={"type": "text", "text": ""}),
        *(
            event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
            for piece in pieces
        ),
        event("content_block_stop", index=index),
    ]


def stream(*pieces: str) -> bytes:
    """A whole stream whose text is these pieces."""
    return b"".join([START, *text_block(*pieces), DELTA, STOP])
