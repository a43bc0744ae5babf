"""What a conversation looks like: the shape that is asked for, and the ways to write it that are read as the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from claude.errors import Kind

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "A short title of the conversation"},
        "turns": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "role": {"type": "string", "enum": ["user", "assistant"]},
                    "content": {"type": "string"},
                },
                "required": ["role", "content"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["title", "turns"],
    "additionalProperties": False,
}

# The same for a server that takes no schema. `read` accepts fences and prose around the JSON all the same.
SHAPE_IN_WORDS = """\
Answer with one JSON object and nothing else: no introduction, no Markdown fence, no comment. It has exactly these keys:
"title": a short title of the conversation, as text;
"turns": a list of objects, each with "role" ("user" or "assistant") and "content" (text). The first turn is the user's, \
then they take turns, and the last one is the assistant's.
Escape line breaks inside texts as \\n and quotation marks as \\"."""

TITLE_LIMIT = 200
TURN_LIMIT = 400

ROLES = {
    **dict.fromkeys(("user", "human", "customer", "client"), "user"),
    **dict.fromkeys(("assistant", "ai", "gpt", "advisor", "model"), "assistant"),
}
# Other names of the same parts, as chat APIs and training files use them.
TURN_LISTS = ("turns", "messages", "conversations", "conversation", "dialogue")
ROLE_KEYS = ("role", "from")
CONTENT_KEYS = ("content", "value")
# A wrapper around the conversation: {"result": {"title": ..., "turns": [...]}}. Deeper ones are not looked into.
DEEPEST_WRAPPER = 3

OTHER_NAMES = "other names of the same keys were read"
TEXT_BLOCKS = "a content made of text blocks was joined"
ENCODED_TWICE = "the JSON was encoded twice"
UNWRAPPED = "the conversation stood inside another object"


@dataclass(frozen=True, slots=True)
class TurnDraft:
    """One turn, role `user` or `assistant`, content exactly as Claude wrote it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole, checked conversation. The title is None when the reply had none.

    `repairs` says what was done to read it, in words for the log; `flags` is what a reviewer should know. Neither is part of
    what makes two drafts equal.
    """

    title: str | None
    turns: tuple[TurnDraft, ...]
    repairs: tuple[str, ...] = field(default=(), compare=False)
    flags: tuple[str, ...] = field(default=(), compare=False)


class Flaw(Exception):
    """Why the text is no conversation; `read` turns it into the caller's error."""

    def __init__(self, message: str, *, kind: Kind) -> None:
        super().__init__(message)
        self.kind = kind


def refuse_unreadable(reason: str) -> Flaw:
    return Flaw(f"The reply cannot be read as a conversation: {reason}.", kind="unreadable")


# --- which part of a value is a conversation ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation inside a JSON value: its title and its list of turns, not checked yet.

    `path` are the keys that lead to it, so that a draft beside a final version can be told apart.
    """

    title: Any
    turns: list[Any]
    path: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()


def find_conversations(
    value: Any, *, path: tuple[str, ...] = (), repairs: tuple[str, ...] = ()
) -> Iterator[Found]:
    """Every conversation in a value, the value itself first. What holds turns of its own is not looked into any further."""
    if isinstance(value, str):
        inner = _decode_again(value)
        if inner is not None and len(path) < DEEPEST_WRAPPER:
            yield from find_conversations(inner, path=path, repairs=_with(repairs, ENCODED_TWICE))
    elif _is_turns(value) or (value == [] and not path):
        yield Found(None, value, path, repairs)
    elif isinstance(value, Mapping):
        yield from _find_in_object(value, path, repairs)


def _find_in_object(
    value: Mapping[str, Any], path: tuple[str, ...], repairs: tuple[str, ...]
) -> Iterator[Found]:
    lists = _find_turn_lists(value)
    if lists:
        for key, turns, encoded in lists:
            notes = _with(
                repairs, *([OTHER_NAMES] if key != "turns" else []), *([ENCODED_TWICE] if encoded else [])
            )
            yield Found(value.get("title"), turns, path, notes)
        return
    if len(path) < DEEPEST_WRAPPER:
        for key, each in value.items():
            yield from find_conversations(each, path=(*path, str(key)), repairs=_with(repairs, UNWRAPPED))


def _find_turn_lists(value: Mapping[str, Any]) -> list[tuple[str, list[Any], bool]]:
    """The lists under the known names, each different one once; `turns` counts even when it is empty."""
    found: list[tuple[str, list[Any], bool]] = []
    for key in TURN_LISTS:
        each = value.get(key)
        decoded = _decode_again(each) if isinstance(each, str) else None
        turns = decoded if isinstance(decoded, list) else each
        if (
            isinstance(turns, list)
            and (key == "turns" or _is_turns(turns))
            and all(turns != other for _, other, _ in found)
        ):
            found.append((key, turns, decoded is not None))
    return found


def _decode_again(text: str) -> Any:
    """A text that is itself the JSON of an object or a list; None for any other text."""
    if not text.strip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_turns(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and isinstance(value[0], Mapping)
        and any(key in value[0] for key in ROLE_KEYS)
    )


def _with(notes: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*notes, *more)))


# --- from there to a draft ------------------------------------------------------------------------------


def build_draft(found: Found) -> Draft:
    """The turns in our own words. Raises Flaw for what is no turn."""
    title = found.title.strip()[:TITLE_LIMIT].rstrip() if isinstance(found.title, str) else None
    if len(found.turns) > TURN_LIMIT:
        raise Flaw(f"The reply has {len(found.turns)} turns, more than {TURN_LIMIT}.", kind="failed_check")
    repairs = dict.fromkeys(found.repairs)
    turns = tuple(_build_turn(number, turn, repairs) for number, turn in enumerate(found.turns, start=1))
    return Draft(title or None, turns, tuple(repairs))


def _build_turn(number: int, value: Any, repairs: dict[str, None]) -> TurnDraft:
    known = value if isinstance(value, Mapping) else {}
    role, content = _pick(known, ROLE_KEYS, repairs), _pick(known, CONTENT_KEYS, repairs)
    if not isinstance(content, str) and content is not None:
        content = _join_blocks(number, content)
        repairs[TEXT_BLOCKS] = None
    if not isinstance(role, str) or not isinstance(content, str):
        raise refuse_unreadable(f"turn {number} has no text for role and content")
    meant = ROLES.get(role.strip().lower())
    if meant is None:
        raise Flaw(
            f"Turn {number} has the role {role[:40]!r} instead of user or assistant.", kind="failed_check"
        )
    return TurnDraft(meant, content)


def _pick(turn: Mapping[str, Any], keys: tuple[str, ...], repairs: dict[str, None]) -> Any:
    """The value under the first name that is there. Two names with two values would be a guess: then neither counts."""
    values = [turn[key] for key in keys if turn.get(key) is not None]
    if not values or any(value != values[0] for value in values):
        return None
    if turn.get(keys[0]) is None:
        repairs[OTHER_NAMES] = None
    return values[0]


def _join_blocks(number: int, content: Any) -> str:
    """The text of content blocks: {"type": "text", "text": ...}, one or a list of them. Raises Flaw for any other block."""
    blocks = content if isinstance(content, list) else [content]
    texts = [each if isinstance(each, str) else _read_block(each) for each in blocks]
    if not texts or any(text is None for text in texts):
        raise refuse_unreadable(f"the content of turn {number} is made of blocks that are not text")
    return "".join(text for text in texts if text is not None)


def _read_block(block: Any) -> str | None:
    is_text = isinstance(block, Mapping) and block.get("type", "text") in (
        "text",
        "input_text",
        "output_text",
    )
    text = block.get("text") if is_text else None
    return text if isinstance(text, str) else None
