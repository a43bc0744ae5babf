"""Reads the turns of a conversation from Claude's reply: tolerant of packaging, strict about content.

Servers that do not enforce a schema put the JSON into a code fence or into prose, which is accepted. The JSON itself
must be a whole, well-formed conversation. Its text stays as it is, character for character.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from claude.errors import Declined, Kind, Unusable
from claude.messages import Reply

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

# The same in words, for a model that takes no schema. `read` still accepts fences and prose around the JSON.
SHAPE_IN_WORDS = """\
Answer with one JSON object and nothing else: no introduction, no Markdown fence, no comment. It has exactly these keys:
"title": a short title of the conversation, as text;
"turns": a list of objects, each with "role" ("user" or "assistant") and "content" (text). The first turn is the user's, \
then they take turns, and the last one is the assistant's.
Escape line breaks inside texts as \\n and quotation marks as \\"."""

TITLE_LIMIT = 200
TURN_LIMIT = 400
CONTENT_LIMIT = 200_000
# A failed try may read to the end of the text, so this limit keeps the time linear for 2 MB of broken JSON.
FAILED_TRIES = 20

ROLES = {
    **dict.fromkeys(("user", "human", "customer", "client"), "user"),
    **dict.fromkeys(("assistant", "ai", "gpt", "advisor", "model"), "assistant"),
}

_TOLERANT = json.JSONDecoder(strict=False)  # raw line breaks inside strings, as local models write them
_START = re.compile(r'\{\s*"|\[\s*\{')
_BAD_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TurnDraft:
    """One turn. The role is `user` or `assistant`, the content is exactly what Claude wrote."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole, checked conversation. The title is None if the reply had none."""

    title: str | None
    turns: tuple[TurnDraft, ...]


class _Flaw(Exception):
    """Why the text is not a conversation. `read` turns it into an error for the caller."""

    def __init__(self, message: str, *, kind: Kind) -> None:
        super().__init__(message)
        self.kind = kind


def read(reply: Reply) -> Draft:
    """The conversation in a reply. Raises Declined if the model refused, or Unusable with the reason."""
    if reply.stop_reason == "refusal":
        raise Declined(
            f"The model refused ({reply.refusal or 'no reason given'}). Change the topic or the template; the same "
            "request would be refused again.",
            kind="declined",
            request_id=reply.request_id,
            body=reply.body,
        )
    try:
        _check_stop(reply.stop_reason)
        draft = _build_draft(_find_conversation(reply.text))
        _check(draft)
    except _Flaw as flaw:
        raise Unusable(str(flaw), kind=flaw.kind, request_id=reply.request_id, body=reply.body) from flaw
    return draft


def _check_stop(stop_reason: str | None) -> None:
    if stop_reason in ("max_tokens", "model_context_window_exceeded"):
        raise _Flaw(
            f"The reply was cut off ({stop_reason}). Raise max_tokens or ask for fewer turns.",
            kind="max_tokens",
        )
    if stop_reason != "end_turn":
        raise _Flaw(
            f"The reply ended with {stop_reason or 'no stop reason'} instead of end_turn. The call is repeated.",
            kind="wrong_stop",
        )


def _find_conversation(text: str) -> dict[str, Any]:
    """The object with the turns: the whole text, or the first one inside a fence or prose."""
    if not text.strip():
        raise _make_unreadable("it is empty")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = next(_find_embedded(text), None)
        if value is None:
            raise _make_unreadable("no complete JSON object with turns was found in it") from None
    if isinstance(value, list):
        value = {"turns": value}
    if not isinstance(value, dict) or not isinstance(value.get("turns"), list):
        raise _make_unreadable("its JSON has no list of turns")
    return value


def _find_embedded(text: str) -> Iterator[Any]:
    """JSON values in prose that look like a conversation, the outermost first, in linear time.

    A bare list is accepted only if nothing before it was broken. A list inside a cut-off object may be all that is
    left of a longer conversation.
    """
    position, failed = 0, 0
    while failed < FAILED_TRIES and (start := _START.search(text, position)):
        try:
            value, position = _TOLERANT.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            failed, position = failed + 1, start.start() + 1
            continue
        if (isinstance(value, dict) and value.get("turns")) or (_is_turns(value) and not failed):
            yield value


def _is_turns(value: Any) -> bool:
    return isinstance(value, list) and isinstance(value[0], dict) and "role" in value[0]


def _build_draft(value: dict[str, Any]) -> Draft:
    title = value.get("title")
    title = title.strip()[:TITLE_LIMIT].rstrip() if isinstance(title, str) else None
    turns = value["turns"]
    if len(turns) > TURN_LIMIT:
        raise _Flaw(f"The reply has {len(turns)} turns, more than {TURN_LIMIT}.", kind="failed_check")
    return Draft(
        title or None, tuple(_build_turn(number, turn) for number, turn in enumerate(turns, start=1))
    )


def _build_turn(number: int, value: Any) -> TurnDraft:
    role, content = (value.get("role"), value.get("content")) if isinstance(value, dict) else (None, None)
    if not isinstance(role, str) or not isinstance(content, str):
        raise _make_unreadable(f"turn {number} has no text for role and content")
    known = ROLES.get(role.strip().lower())
    if known is None:
        raise _Flaw(
            f"Turn {number} has the role {role[:40]!r} instead of user or assistant.", kind="failed_check"
        )
    return TurnDraft(known, content)


def _check(draft: Draft) -> None:
    _check_characters("The title", draft.title or "")
    for number, turn in enumerate(draft.turns, start=1):
        _check_characters(f"Turn {number}", turn.content)
        _check_content(number, turn.content)
        _check_role(number, turn.role)
    if "{{" in (draft.title or ""):
        raise _Flaw("The title holds an unresolved placeholder {{.", kind="failed_check")
    if len(draft.turns) < 2:
        raise _Flaw(f"The reply has {len(draft.turns)} turns, fewer than 2.", kind="failed_check")
    if draft.turns[-1].role != "assistant":
        raise _Flaw(f"The last turn, {len(draft.turns)}, is not the assistant's.", kind="failed_check")


def _check_characters(where: str, text: str) -> None:
    found = _BAD_CHARACTERS.search(text)
    if found:
        raise _Flaw(
            f"{where} holds the character U+{ord(found.group()):04X} at position {found.start()}, which cannot be "
            "stored or trained on.",
            kind="bad_characters",
        )


def _check_content(number: int, content: str) -> None:
    if not content.strip():
        raise _Flaw(f"Turn {number} is empty.", kind="failed_check")
    if len(content) > CONTENT_LIMIT:
        raise _Flaw(
            f"Turn {number} has {len(content)} characters, more than {CONTENT_LIMIT}.", kind="failed_check"
        )
    if "{{" in content:
        raise _Flaw(f"Turn {number} holds an unresolved placeholder {{{{.", kind="failed_check")


def _check_role(number: int, role: str) -> None:
    expected = ("assistant", "user")[number % 2]
    if role == expected:
        return
    if number == 1:
        raise _Flaw("The first turn is not the user's.", kind="failed_check")
    raise _Flaw(f"Turn {number} is the {role}'s again: roles do not alternate.", kind="failed_check")


def _make_unreadable(reason: str) -> _Flaw:
    return _Flaw(f"The reply cannot be read as a conversation: {reason}.", kind="unreadable")
