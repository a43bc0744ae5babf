"""Put the events of a stream together into one message while they arrive. Pure: no network, no clock, no SDK.

The SDK's own reader does not report that a stream was cut, and skips events without a name. This one keeps the raw bytes,
recognizes an event by the `type` in its JSON, and knows at the end whether the message is complete.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from claude.counts import usage_of
from claude.messages import Usage

_LINE_END = re.compile(rb"\r\n|\n|\r")
_CONTENT_TYPE = "text/event-stream"
# OpenAI's mark for the end of a stream, which some servers of the Messages API send as well.
_DONE = b"[DONE]"
# The field of a content block to which each kind of delta is appended.
_LONGER = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
# The kind of block that a delta belongs to, for servers that leave the block's own start out.
_KIND_OF = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}


def is_stream(content_type: str) -> bool:
    """Whether an answer is a stream, by its content type: some servers ignore `stream: true`."""
    return content_type.partition(";")[0].strip().lower() == _CONTENT_TYPE


def looks_like_stream(body: bytes) -> bool:
    """Whether a stored body is the text of a stream. JSON never begins like one."""
    return body.lstrip()[:6].startswith((b"event:", b"data:", b":"))


class PartialMessage:
    """The message so far. Pass the bytes to `feed` in order; everything else may be read at any moment."""

    def __init__(self, body: bytes = b"") -> None:
        self._body = bytearray()
        self._line = bytearray()
        self._after_cr = False
        self._data: list[bytes] = []
        self._name = b""
        self._start: dict[str, Any] | None = None
        self._blocks: dict[int, dict[str, Any]] = {}
        self._unopened: set[int] = set()
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._delta: dict[str, Any] = {}
        self._counts: dict[str, Any] = {}
        self._stopped = False
        self.events = 0
        self.is_malformed = False
        self.error: dict[str, Any] | None = None
        if body:
            self.feed(body)

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    @property
    def size(self) -> int:
        return len(self._body)

    @property
    def is_over(self) -> bool:
        """Whether nothing of interest can follow: `message_stop` or an error event has arrived."""
        return self._stopped or self.error is not None

    @property
    def has_begun(self) -> bool:
        """Whether a part of the message has arrived. Some servers leave `message_start` out, or send it late or twice."""
        return self._start is not None or bool(self._blocks)

    @property
    def has_stop_reason(self) -> bool:
        """Whether the last part of the message has arrived. Whatever comes later, the text is whole."""
        return self.has_begun and self._delta.get("stop_reason") is not None

    @property
    def has_ended(self) -> bool:
        """Whether the stop reason has arrived, and with it the final token count."""
        return self.has_stop_reason and "output_tokens" in self._counts

    @property
    def is_complete(self) -> bool:
        """Whether the whole message has arrived. The stop reason is its last part, so a missing `message_stop` loses nothing."""
        return self.has_stop_reason and not self.is_malformed

    @property
    def usage(self) -> Usage | None:
        """The tokens reported so far. Those of the prompt are final from the first event on, those of the output once it `has_ended`."""
        if self._start is None:
            return None
        try:
            return usage_of({**_object(self._start.get("usage")), **self._counts})
        except (KeyError, TypeError, ValueError):
            return None

    def message(self) -> dict[str, Any]:
        """The message, in the form of a call without a stream. The output tokens are missing until the final count has arrived."""
        start = dict(self._start or {})
        usage = {k: v for k, v in _object(start.get("usage")).items() if k != "output_tokens"}
        content = [self._block(index) for index in sorted(self._blocks)]
        # Some servers repeat the prompt's count as 0 in the last event.
        counts = {k: v for k, v in self._counts.items() if v or not usage.get(k)}
        return {**start, "content": content, **self._delta, "usage": {**usage, **counts}}

    def feed(self, chunk: bytes) -> None:
        self._body += chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r") if chunk else self._after_cr
        *ended, rest = _LINE_END.split(chunk)
        for line in ended:
            self._take(bytes(self._line + line))
            self._line.clear()
        self._line += rest

    def _take(self, line: bytes) -> None:
        """Process one line by the rules of server-sent events: an empty line ends an event."""
        if not line:
            if self._data:
                self._event(b"\n".join(self._data))
            self._data.clear()
            self._name = b""
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            self._name = line[6:].strip()
        elif not line.startswith((b":", b"id:", b"retry:")):
            self._spoil()

    def _event(self, data: bytes) -> None:
        """Process one event. What follows the end of the message is not looked at."""
        if self.is_over:
            return
        self.events += 1
        if data.strip() == _DONE:
            self._stopped = True
            return
        try:
            self._hear(json.loads(data))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            if self._name == b"error":
                self.error = {"message": data.decode("utf-8", "replace")}
            self._spoil()

    def _spoil(self) -> None:
        """Something came that is no event. It matters only before the end of the text."""
        self.is_malformed = self.is_malformed or not (self.is_over or self.has_stop_reason)

    def _hear(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "message_start":
            self._start = dict(event["message"])
        elif kind == "content_block_start":
            self._open(_index(event), dict(event["content_block"]))
        elif kind == "content_block_delta":
            self._lengthen(_index(event), event["delta"])
        elif kind == "message_delta":
            self._delta |= _object(event.get("delta"))
            self._counts |= {k: v for k, v in _object(event.get("usage")).items() if v is not None}
        elif kind == "message_stop":
            self._stopped = True
        elif kind == "error" or (kind is None and event.get("error")):  # gateways leave the type out
            self.error = _as_error(event.get("error"))

    def _open(self, index: int, block: dict[str, Any]) -> None:
        """Begin a block. One that begins again was sent anew, with its text from the start."""
        if index in self._unopened:
            self._unopened.discard(index)  # its start came after its first piece
        else:
            for field, _ in list(self._fields(index)):
                del self._pieces[index, field]
        self._blocks[index] = block

    def _lengthen(self, index: int, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if index not in self._blocks:
            if self._blocks.keys() != self._unopened:
                raise KeyError("a piece of a block that has not begun, although others have")
            self._blocks[index] = {"type": _KIND_OF[str(kind)]}
            self._unopened.add(index)
        block = self._blocks[index]
        if kind in _LONGER:
            field = _LONGER[kind]
            piece = delta[field]
            if not isinstance(piece, str):
                raise TypeError("a piece of a block is no text")
            self._pieces.setdefault((index, field), []).append(piece)
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]

    def _block(self, index: int) -> dict[str, Any]:
        block = dict(self._blocks[index])
        for field, pieces in self._fields(index):
            block[field] = (block.get(field) or "") + "".join(pieces)
        return block

    def _fields(self, index: int) -> Iterator[tuple[str, list[str]]]:
        return ((field, pieces) for (at, field), pieces in self._pieces.items() if at == index)


def _index(event: dict[str, Any]) -> int:
    return int(event.get("index", 0))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_error(value: Any) -> dict[str, Any]:
    return {"message": value} if isinstance(value, str) else _object(value)
