"""Replies as Claude gives them, for tests that file them by hand."""

import json
from typing import Any

from claude.messages import Reply, Usage

GOOD = {
    "title": "A good talk",
    "turns": [
        {"role": role, "content": f"{role} says something of a sensible length, number {n}. " * 4}
        for n in range(4)
        for role in ("user", "assistant")
    ],
}


def make_reply(
    content: Any = GOOD, *, stop_reason: str = "end_turn", output_tokens: int = 1000, text: str | None = None
) -> Reply:
    said = json.dumps(content) if text is None else text
    body = {
        "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": said}],
        "stop_reason": stop_reason,
        "usage": {"input_tokens": 1000, "output_tokens": output_tokens},
    }
    return Reply(
        text=said,
        stop_reason=stop_reason,
        model="claude-sonnet-5-5",
        usage=Usage(input_tokens=1000, output_tokens=output_tokens),
        request_id="req_test",
        simulated=True,
        body=json.dumps(body).encode(),
        refusal="no" if stop_reason == "refusal" else None,
        duration_ms=1234,
    )
