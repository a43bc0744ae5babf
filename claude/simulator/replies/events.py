"""Turn a message into the events of a stream, and apply a stream fault to them. Pure: nothing is sent here."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from claude.simulator.faults import Fault

CHUNK = (40, 160)  # characters of one text delta
MOST_CHUNKS = 120  # a very long text comes in larger pieces
PING_EVERY = 15  # text deltas
DEFAULT_AFTER = 2
BROKEN = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"te\n\n'

Ending = Literal["clean", "abort"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event of a stream. `text`: the number of characters of text in it."""

    name: str
    data: Mapping[str, Any]
    text: int = 0

    def encode(self, *, named: bool = True) -> bytes:
        line = f"event: {self.name}\n" if named else ""
        return f"{line}data: {json.dumps(self.data, separators=(',', ':'))}\n\n".encode()


@dataclass(frozen=True, kw_only=True)
class Course:
    """What is sent, piece by piece. `pauses`: seconds to wait before the piece with this index."""

    pieces: Sequence[bytes]
    pauses: Mapping[int, float]
    ending: Ending
    output_tokens: int
    stop_reason: str | None


def course(message: Mapping[str, Any], *, fault: Fault | None, digest: bytes) -> Course:
    """The stream of a message. With a stream fault, the broken stream and what it costs."""
    events = list(_events(message, random.Random(digest)))  # noqa: S311 (not a secret)
    kind = fault.kind if fault else ""
    whole = Course(
        pieces=[event.encode() for event in events],
        pauses={},
        ending="clean",
        output_tokens=message["usage"]["output_tokens"],
        stop_reason=message["stop_reason"],
    )
    if fault is None or not kind.startswith("stream_"):
        return whole
    at = _place(events, fault)
    if kind == "stream_unstopped":
        return replace(whole, pieces=whole.pieces[:-1])
    if kind in ("stream_error", "stream_truncated", "stream_dropped"):
        return _cut(whole, events, message, at=at, kind=kind)
    if kind == "stream_stalled":
        return replace(whole, pauses={at: fault.seconds})
    if kind == "stream_nameless":
        start = 0 if fault.after_chunks is None else at
        return replace(
            whole, pieces=[event.encode(named=index < start) for index, event in enumerate(events)]
        )
    odd = {"stream_malformed": BROKEN, "stream_unknown_event": _unknown().encode()}[kind]
    return replace(whole, pieces=[*whole.pieces[:at], odd, *whole.pieces[at:]])


def _cut(whole: Course, events: Sequence[Event], message: Mapping[str, Any], *, at: int, kind: str) -> Course:
    """A stream that ends before the message is complete. Only what was produced until then is billed."""
    last = [_overloaded().encode()] if kind == "stream_error" else []
    return replace(
        whole,
        pieces=[*whole.pieces[:at], *last],
        ending="abort" if kind == "stream_dropped" else "clean",
        output_tokens=_count_produced(events[:at], events, message["usage"]),
        stop_reason=None,
    )


def _count_produced(sent: Sequence[Event], events: Sequence[Event], usage: Mapping[str, Any]) -> int:
    """The output tokens of the sent events: all thinking once it was sent, and the share of the text that was sent."""
    thought = int(usage["output_tokens_details"]["thinking_tokens"])
    told = int(usage["output_tokens"]) - thought
    whole = sum(event.text for event in events)
    share = sum(event.text for event in sent) / whole if whole else 0
    shown = any(event.data.get("delta", {}).get("type") == "signature_delta" for event in sent)
    return max(1, (thought if shown else 0) + round(told * share))


def _place(events: Sequence[Event], fault: Fault) -> int:
    """The index after the wanted number of text deltas, at the latest before the end of the content."""
    wanted = DEFAULT_AFTER if fault.after_chunks is None else fault.after_chunks
    chunks = [index for index, event in enumerate(events) if event.text]
    if wanted == 0 and chunks:
        return chunks[0]
    if chunks:
        return chunks[min(wanted, len(chunks)) - 1] + 1
    return len(events) - 2


def _events(message: Mapping[str, Any], chance: random.Random) -> Iterator[Event]:
    usage = message["usage"]
    start = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": {**{k: v for k, v in usage.items() if k != "output_tokens_details"}, "output_tokens": 1},
    }
    yield Event(name="message_start", data={"type": "message_start", "message": start})
    for index, block in enumerate(message["content"]):
        yield from _block(block, index, chance)
    ending = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    counted = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    cumulative = {name: usage[name] for name in (*counted, "output_tokens", "output_tokens_details")}
    yield Event(name="message_delta", data={"type": "message_delta", "delta": ending, "usage": cumulative})
    yield Event(name="message_stop", data={"type": "message_stop"})


def _block(block: Mapping[str, Any], index: int, chance: random.Random) -> Iterator[Event]:
    text = block["type"] == "text"
    empty = {"type": "text", "text": ""} if text else {"type": "thinking", "thinking": "", "signature": ""}
    yield Event(
        name="content_block_start",
        data={"type": "content_block_start", "index": index, "content_block": empty},
    )
    yield _ping()
    yield from _text(block["text"], index, chance) if text else _thinking(block, index)
    yield Event(name="content_block_stop", data={"type": "content_block_stop", "index": index})


def _thinking(block: Mapping[str, Any], index: int) -> Iterator[Event]:
    if block["thinking"]:
        yield _delta(index, "thinking", block["thinking"])
    yield _delta(index, "signature", block["signature"])


def _text(text: str, index: int, chance: random.Random) -> Iterator[Event]:
    """Pieces of uneven length: a word, a number or a JSON escape may be cut in two."""
    start = number = 0
    larger = max(1.0, len(text) / (MOST_CHUNKS * sum(CHUNK) / 2))
    while start < len(text):
        size = int(chance.randint(*CHUNK) * larger)
        yield _delta(index, "text", text[start : start + size])
        start, number = start + size, number + 1
        if number % PING_EVERY == 0:
            yield _ping()


def _delta(index: int, kind: str, content: str) -> Event:
    delta = {"type": f"{kind}_delta", kind: content}
    return Event(
        name="content_block_delta",
        data={"type": "content_block_delta", "index": index, "delta": delta},
        text=len(content) if kind == "text" else 0,
    )


def _ping() -> Event:
    return Event(name="ping", data={"type": "ping"})


def _unknown() -> Event:
    return Event(name="content_block_weather", data={"type": "content_block_weather", "outlook": "fine"})


def _overloaded() -> Event:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    return Event(name="error", data={"type": "error", "error": error})
