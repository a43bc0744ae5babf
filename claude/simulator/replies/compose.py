"""Compose the reply to a request: content, stop reason and usage, also the odd replies that a fault asks for."""

import base64
import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from claude.simulator.faults import Fault
from claude.simulator.replies import brief, dialogue, judging, samples
from claude.simulator.replies.flaws import Plant
from claude.simulator.replies.script import Script
from claude.simulator.rules.caching import Split
from claude.simulator.rules.request import Asked
from claude.simulator.rules.schemas import resolve

HUGE = 2_000_000
THINKING = {
    "low": (20, 90),
    "medium": (60, 260),
    "high": (120, 700),
    "xhigh": (300, 1500),
    "max": (500, 3000),
}
_PLAIN = (
    "Happy to help. Tell me a little more about what you would like to know, and I will take it step by step."
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The parts of a message. `text` None: no text block. `thinking` None: no thinking block."""

    text: str | None
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    thinking: str | None = None
    signature: str = ""
    thinking_tokens: int = 0
    output_tokens: int = 0


def answer(asked: Asked, *, seed: int, fault: Fault | None = None, plant: Plant | None = None) -> Reply:
    """The reply to a request. Without `plant` it depends only on the body and the seed, and not on earlier requests.

    `plant` makes some of the conversations flawed. It spares those that are written anew, and those with a fault.
    """
    chance = random.Random(asked.digest + seed.to_bytes(8, "big", signed=True))  # noqa: S311 (not a secret)
    kind = fault.kind if fault else ""
    reply = _think(asked, chance)
    if fault is not None and kind == "refusal":
        details = {
            "type": "refusal",
            "category": fault.category,
            "explanation": "Declined by a simulated classifier.",
        }
        return replace(
            reply, stop_reason="refusal", stop_details=details, output_tokens=reply.thinking_tokens
        )
    if kind == "empty":
        return replace(reply, output_tokens=reply.thinking_tokens)
    text = _disguise(_text(asked, chance, fault, plant), kind)
    if kind == "max_tokens":
        spoilt = replace(reply, text=text[: len(text) * 3 // 5])
        return replace(spoilt, stop_reason="max_tokens", output_tokens=asked.max_tokens)
    return _apply_bounds(asked, replace(reply, text=text))


def message(asked: Asked, reply: Reply, split: Split, *, message_id: str) -> dict[str, Any]:
    """The JSON of the message, as the body of an answer with status 200."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": list(_content(reply)),
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_details": reply.stop_details,
        "container": None,
        "diagnostics": None,
        "usage": _usage(asked, reply, split),
    }


def _content(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if reply.thinking is not None:
        blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": reply.signature})
    if reply.text is not None:
        blocks.append({"type": "text", "text": reply.text, "citations": None})
    return blocks


def _usage(asked: Asked, reply: Reply, split: Split) -> dict[str, Any]:
    return {
        "input_tokens": split.input_tokens,
        "output_tokens": reply.output_tokens,
        "cache_creation_input_tokens": split.written,
        "cache_read_input_tokens": split.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": split.write_5m,
            "ephemeral_1h_input_tokens": split.write_1h,
        },
        "output_tokens_details": {"thinking_tokens": reply.thinking_tokens},
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        "service_tier": "standard",
        "inference_geo": asked.body.get("inference_geo") or "global",
        "speed": "standard",
    }


def _think(asked: Asked, chance: random.Random) -> Reply:
    """A reply that has only a thinking block, if the model thinks on this request.

    With `between_tools` it also thinks a little. What the real model does is not documented, but a client that takes the
    first block for the text should fail in tests.
    """
    thinking = asked.body.get("thinking") or {"type": "adaptive" if asked.facts.thinks else "disabled"}
    if thinking["type"] == "disabled":
        return Reply(text=None)
    effort = (asked.body.get("output_config") or {}).get("effort") or "medium"
    spent = chance.randint(*THINKING["low" if thinking["type"] == "between_tools" else effort])
    shown = "I plan the order of the turns first." if thinking.get("display") == "summarized" else ""
    signature = "Eq" + base64.b64encode(asked.digest * 3).decode()
    return Reply(
        text=None,
        thinking=shown,
        signature=signature,
        thinking_tokens=min(spent, asked.max_tokens),
        output_tokens=min(spent, asked.max_tokens),
    )


def _apply_bounds(asked: Asked, reply: Reply) -> Reply:
    """Cut the reply at a stop sequence and at max_tokens, and count its output tokens."""
    text = reply.text or ""
    stops = [(text.index(stop), stop) for stop in asked.body.get("stop_sequences") or [] if stop in text]
    if stops:
        at, stop = min(stops)
        text = text[:at]
        reply = replace(reply, stop_reason="stop_sequence", stop_sequence=stop)
    room = asked.max_tokens - reply.thinking_tokens
    per_token = asked.facts.chars_per_token
    wanted = math.ceil(len(text) / per_token)
    if wanted > room and len(text) < HUGE // 2:
        reply = replace(reply, stop_reason="max_tokens", stop_sequence=None)
        text = text[: int(room * per_token)]
    return replace(reply, text=text or None, output_tokens=reply.thinking_tokens + min(wanted, room))


def _text(asked: Asked, chance: random.Random, fault: Fault | None, plant: Plant | None) -> str:
    if judged := judging.find_turns(asked.prompt):
        return _dump(judging.judge(judged, asked.prompt, asked.schema, chance))
    story = brief.read(asked.prompt)
    if asked.schema is None and not story.wants_json:
        return _PLAIN
    shape = asked.schema or {}
    turns = _turns_property(shape)
    if asked.schema is not None and turns is None:
        return _dump(samples.sample(shape, chance))
    script = write_script(story, chance)
    if fault is not None:
        _spoil(script, fault, chance)
    elif plant is not None and not story.rewrites:
        plant(script, chance)
    return _escape(_dump(_fill_schema(shape, turns or "turns", script, chance)))


def write_script(story: brief.Brief, chance: random.Random) -> Script:
    written = dialogue.write(story, chance)
    roles = ("user", "assistant")
    return Script(written.title, [(roles[number % 2], turn) for number, turn in enumerate(written.turns)])


def _turns_property(schema: Mapping[str, Any]) -> str | None:
    """The name of the property for the turns; None when it is not the schema of a conversation."""
    defs = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    for name, part in resolve(schema, defs).get("properties", {}).items():
        item = resolve(resolve(part, defs).get("items", {}), defs)
        if {"role", "content"} <= set(item.get("properties", {})):
            return str(name)
    return None


def _fill_schema(
    schema: Mapping[str, Any], turns: str, script: Script, chance: random.Random
) -> dict[str, Any]:
    told = {"title": script.title, turns: [{"role": role, "content": text} for role, text in script.turns]}
    if not schema:
        return told
    made: dict[str, Any] = samples.sample(schema, chance)
    return {name: told.get(name, value) for name, value in made.items()}


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# Faults inside the conversation. NUL and a lone surrogate are marks at first, because the JSON needs their escapes.
_NUL, _SURROGATE = "\ue000", "\ue001"


def _escape(text: str) -> str:
    return text.replace(_NUL, "\\u0000").replace(_SURROGATE, "\\ud800")


def _spoil(script: Script, fault: Fault, chance: random.Random) -> None:
    spoilers: Mapping[str, Callable[[Script, Fault, random.Random], None]] = {
        "wrong_roles": _mix_roles,
        "nul": lambda script, fault, chance: _insert(script, _NUL, chance),
        "surrogate": lambda script, fault, chance: _insert(script, _SURROGATE, chance),
        "unresolved_placeholder": lambda script, fault, chance: _insert(script, "{{persona}}", chance),
        "huge": _inflate,
    }
    if fault.kind in spoilers:
        spoilers[fault.kind](script, fault, chance)


def _mix_roles(script: Script, fault: Fault, chance: random.Random) -> None:
    if chance.random() < 0.5:
        del script.turns[0]
    else:
        script.turns[1] = ("user", script.turns[1][1])


def _insert(script: Script, mark: str, chance: random.Random) -> None:
    at = chance.randrange(len(script.turns))
    role, text = script.turns[at]
    head, _, tail = text.partition(" ")
    script.turns[at] = (role, f"{head} {mark} {tail}")


def _inflate(script: Script, fault: Fault, chance: random.Random) -> None:
    role, text = script.turns[-1]
    script.turns[-1] = (role, (text + " ") * ((fault.size or HUGE) // len(text) + 1))


def _disguise(text: str, kind: str) -> str:
    """Faults around the JSON text."""
    if kind == "fence":
        return f"```json\n{text}\n```"
    if kind == "prose":
        return (
            f"Here is the conversation you asked for.\n\n{text}\n\nLet me know if you would like another one."
        )
    if kind == "truncated_json":
        return text[: len(text) * 2 // 3]
    return text
