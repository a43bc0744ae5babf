"""A prompt as the API's cache sees it: its blocks in order (tools, system, messages), with tokens and cache marks."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from claude.simulator.rules import model_rules
from claude.simulator.rules.rejection import invalid

PER_MESSAGE = 6  # tokens around each message
FORMAT_PROMPT = 70  # tokens of the hidden system prompt that explains the output format
MOST_MARKS = 4
LIFETIMES = ("5m", "1h")
UNMARKABLE = ("thinking", "redacted_thinking")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block. `through`: the tokens from the start of the prompt to its end. `mark`: the requested lifetime, if it is marked."""

    content: str
    through: int
    mark: str | None
    markable: bool = True


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A block before its position is known: its characters, and tokens to be added to theirs."""

    content: str
    length: int
    extra: int = 0
    mark: str | None = None
    markable: bool = True


def read(body: Mapping[str, Any], known: model_rules.Facts) -> list[Block]:
    """The blocks of an accepted body. Raises a 400 for marks that the API refuses. The last `through` is the whole prompt."""
    blocks: list[Block] = []
    length = extra = 0
    for part in _parts(body):
        length, extra = length + part.length, extra + part.extra
        through = math.ceil(length / known.chars_per_token) + extra
        blocks.append(Block(content=part.content, through=through, mark=part.mark, markable=part.markable))
    return _check_marks(_add_automatic_mark(blocks, body))


def text_of(content: Any) -> str:
    """The text of a system prompt or of a message; empty for anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (block.get("text") for block in content if isinstance(block, dict))
    return "".join(text for text in texts if isinstance(text, str))


def schema_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    wanted = (body.get("output_config") or {}).get("format")
    return wanted["schema"] if wanted else None


def _parts(body: Mapping[str, Any]) -> Iterator[_Part]:
    for index, tool in enumerate(body.get("tools") or []):
        part = _part(tool, f"tools.{index}")
        yield replace(part, length=len(part.content))
    for index, block in enumerate(_blocks(body.get("system") or [])):
        yield _part(block, f"system.{index}")
    hidden = _settings(body)
    for number, message in enumerate(body["messages"]):
        for index, block in enumerate(_blocks(message["content"])):
            part = _part(block, f"messages.{number}.content.{index}", role=message["role"])
            part = replace(part, extra=0 if index else PER_MESSAGE)
            yield _behind(hidden, part)
            hidden = None


def _settings(body: Mapping[str, Any]) -> _Part | None:
    """A hidden part between system and messages: another format or thinking mode invalidates only what comes after it."""
    names = ("tool_choice", "thinking", "output_config")
    content = json.dumps([body.get(name) for name in names], sort_keys=True)
    schema = schema_of(body)
    if schema is None:
        return _Part(content=content, length=0)
    return _Part(content=content, length=len(json.dumps(schema, separators=(",", ":"))), extra=FORMAT_PROMPT)


def _behind(hidden: _Part | None, part: _Part) -> _Part:
    if hidden is None:
        return part
    return replace(
        part,
        content=hidden.content + part.content,
        length=hidden.length + part.length,
        extra=hidden.extra + part.extra,
    )


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _part(block: Any, where: str, *, role: str = "") -> _Part:
    if not isinstance(block, dict):
        raise invalid(f"{where}: Input should be a valid dictionary")
    bare = {name: value for name, value in block.items() if name != "cache_control" and value is not None}
    markable = block.get("type") not in UNMARKABLE
    if block.get("cache_control") is not None and not markable:
        raise invalid(f"{where}.{block['type']}.cache_control: Extra inputs are not permitted")
    return _Part(
        content=role + json.dumps(bare, sort_keys=True),
        length=len(text_of([block])),
        mark=_lifetime(block.get("cache_control"), f"{where}.cache_control"),
        markable=markable,
    )


def _lifetime(mark: Any, where: str) -> str | None:
    if mark is None:
        return None
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral":
        raise invalid(f"{where}.type: Input should be 'ephemeral'")
    for name in mark:
        if name not in ("type", "ttl"):
            raise invalid(f"{where}.{name}: Extra inputs are not permitted")
    lifetime = mark.get("ttl") or "5m"
    if lifetime not in LIFETIMES:
        raise invalid(f"{where}.ttl: Input should be '5m' or '1h'")
    return str(lifetime)


def _add_automatic_mark(blocks: list[Block], body: Mapping[str, Any]) -> list[Block]:
    """A mark at the top level of the body means one on the last block that can have it."""
    lifetime = _lifetime(body.get("cache_control"), "cache_control")
    at = next((index for index in reversed(range(len(blocks))) if blocks[index].markable), None)
    if lifetime is None or at is None:
        return blocks
    if blocks[at].mark not in (None, lifetime):
        raise invalid(f"cache_control.ttl: {lifetime} conflicts with the ttl of the last cacheable block")
    return [*blocks[:at], replace(blocks[at], mark=lifetime), *blocks[at + 1 :]]


def _check_marks(blocks: list[Block]) -> list[Block]:
    marks = [block.mark for block in blocks if block.mark]
    if len(marks) > MOST_MARKS:
        raise invalid(
            f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {len(marks)}."
        )
    if "5m" in marks and "1h" in marks[marks.index("5m") :]:
        raise invalid(
            "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
            "Blocks are processed in the order `tools`, `system`, `messages`."
        )
    return blocks
