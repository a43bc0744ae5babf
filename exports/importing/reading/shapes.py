"""The known ways to write a conversation, brought into one: `messages`, ShareGPT, prompt and completion, Alpaca, question and answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from conversations.parsing import TurnDraft
from conversations.parsing.repair import decode
from conversations.parsing.shape import CONTENT_KEYS, ROLE_KEYS, ROLES, TURN_LISTS
from exports.importing.reading.records import LONGEST_TURN, MOST_TURNS, Unreadable
from exports.importing.reading.texts import repair_text

SYSTEM = "system"
OUR_ROLES = {
    **ROLES,
    **dict.fromkeys(("prompter", "question", "instruction"), "user"),
    **dict.fromkeys(("bot", "chatgpt", "claude", "llm", "answer", "response"), "assistant"),
    **dict.fromkeys((SYSTEM, "developer"), SYSTEM),
}
WHO_KEYS = (*ROLE_KEYS, "speaker", "author", "sender")
TEXT_KEYS = (*CONTENT_KEYS, "text", "message")
LISTS = (*TURN_LISTS, "dialog", "chat")
SYSTEM_KEYS = ("system", "system_prompt", "systemPrompt")
QUESTIONS = ("prompt", "instruction", "question", "query")
ANSWERS = ("completion", "output", "response", "answer")
DEEPEST = 3
LONGEST_SHOWN = 40

JOINED = "Turns of the same role in a row were joined by a blank line."
NO_ANSWER = "The last turn, which nobody answers, was left out."
SYSTEMS_JOINED = "Several system messages at the beginning were joined by a blank line."
TWO_SYSTEMS = "The system message among the turns was read, and not the other one beside them."
BLOCKS_JOINED = "A text made of blocks was joined."
ENCODED_TWICE = "The JSON was encoded twice."


@dataclass
class Shape:
    """`form`: the name of the shape. `rest`: what stands beside the turns, at any depth above them."""

    form: str
    turns: list[TurnDraft]
    system: str | None
    rest: dict[str, Any] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)


def holds_turns(value: Any) -> bool:
    """Whether this may be one conversation, whatever is wrong with it."""
    if isinstance(value, str):
        value = _decode(value)
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], Mapping) and any(key in value[0] for key in WHO_KEYS)
    return isinstance(value, Mapping) and (_find_key(value, QUESTIONS) != "" or bool(_list_turn_lists(value)))


def read_shape(value: Any) -> Shape:
    """The conversation in a value. Raises Unreadable with what is wrong and what to do."""
    repairs: list[str] = []
    form, entries, rest = _find_turns(value, {}, repairs)
    if not entries:
        raise Unreadable("It has no turns.")
    if len(entries) > MOST_TURNS:
        raise Unreadable(f"It has more than {MOST_TURNS} turns, which is the most allowed. Divide it.")
    read = [_read_turn(number, entry, repairs) for number, entry in enumerate(entries, start=1)]
    system = _take_system(read, rest, repairs)
    return Shape(form, _arrange(read, repairs), system, rest, list(dict.fromkeys(repairs)))


# --- where the turns are ---------------------------------------------------------------------------------


def _find_turns(
    value: Any, rest: dict[str, Any], repairs: list[str], depth: int = 0
) -> tuple[str, list[Any], dict[str, Any]]:
    if isinstance(value, str) and (inner := _decode(value)) is not None:
        repairs.append(ENCODED_TWICE)
        value = inner
    if isinstance(value, list) and (depth or holds_turns(value)):
        return "a list of messages", value, rest
    if not isinstance(value, Mapping):
        raise Unreadable(
            "It is no conversation: write an object with a list of messages, as in the sample file."
        )
    lists = _list_turn_lists(value)
    if len(lists) > 1:
        named = " and ".join(f"“{key}”" for key in lists[:2])
        raise Unreadable(f"It holds two different lists of turns, {named}. Keep the one that counts.")
    if lists:
        key = lists[0]
        turns = value[key]
        if isinstance(turns, str):
            repairs.append(ENCODED_TWICE)
            turns = _decode(turns)
        beside = {name: each for name, each in value.items() if name != key}
        return _name_list(key), turns, {**rest, **beside}
    if question := _find_key(value, QUESTIONS):
        return _find_pair(value, question, rest)
    for name, each in value.items():
        if isinstance(each, Mapping) and depth < DEEPEST and holds_turns(each):
            beside = {other: one for other, one in value.items() if other != name}
            return _find_turns(each, {**rest, **beside}, repairs, depth + 1)
    raise Unreadable("No list of messages is in it (“messages” or “conversations”), as in the sample file.")


def _find_pair(
    value: Mapping[str, Any], question: str, rest: dict[str, Any]
) -> tuple[str, list[Any], dict[str, Any]]:
    """Prompt and completion, as texts or as messages; Alpaca with its input and its history."""
    if "chosen" in value:
        raise Unreadable("It is a pair of answers. Keep the one that counts, under “completion”.")
    answer = _find_key(value, ANSWERS)
    if not answer:
        raise Unreadable(f"It has “{question}” but no answer. Add it, under “completion”.")
    used = {question, answer, "input", "history"}
    beside = {**rest, **{name: each for name, each in value.items() if name not in used}}
    before, after = value[question], value[answer]
    if isinstance(before, list) or isinstance(after, list):
        return "prompt and completion", [*_as_turns(before, "user"), *_as_turns(after, "assistant")], beside
    asked = "\n\n".join(str(each) for each in (before, value.get("input")) if each)
    history = value.get("history") or []
    if not isinstance(history, list) or not all(
        isinstance(each, list | tuple) and len(each) == 2 for each in history
    ):
        raise Unreadable("Its history must be a list of pairs: a question and its answer.")
    turns = [
        {"role": role, "content": text}
        for pair in [*history, (asked, after)]
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return "question and answer", turns, beside


def _as_turns(value: Any, role: str) -> list[Any]:
    return value if isinstance(value, list) else [{"role": role, "content": value}]


def _list_turn_lists(value: Mapping[str, Any]) -> list[str]:
    """The keys that hold a list of turns, each different list once."""
    found: dict[str, Any] = {}
    for key in LISTS:
        each = value.get(key)
        turns = _decode(each) if isinstance(each, str) else each
        if isinstance(turns, list) and (not turns or holds_turns(turns)) and turns not in found.values():
            found[key] = turns
    return list(found)


def _find_key(value: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((key for key in keys if isinstance(value.get(key), str | list)), "")


def _name_list(key: str) -> str:
    return {"messages": "messages", "conversations": "ShareGPT"}.get(key, f"a list of turns (“{key}”)")


def _decode(text: str) -> Any:
    """The JSON in a text; None where there is none."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    begin = len(text) - len(text.lstrip())
    try:
        found = decode(text, begin)
    except (ValueError, RecursionError):
        return None
    return None if text[found.end :].strip() else found.value


# --- one turn --------------------------------------------------------------------------------------------


def _read_turn(number: int, entry: Any, repairs: list[str]) -> TurnDraft:
    if not isinstance(entry, Mapping):
        raise Unreadable(f"Turn {number} is no object with a role and a text.")
    given = next((entry[key] for key in WHO_KEYS if isinstance(entry.get(key), str)), None)
    if given is None:
        raise Unreadable(f"Turn {number} has no role. Add it: user or assistant.")
    role = OUR_ROLES.get(given.strip().lower())
    if role is None or any(entry.get(key) for key in ("tool_calls", "function_call")):
        shown = given[:LONGEST_SHOWN]
        raise Unreadable(
            f"Turn {number} has the role “{shown}”. Only turns of a user and an assistant can be imported; remove others."
            if role is None
            else f"Turn {number} calls a tool, which cannot be imported. Remove it with its result."
        )
    text = _read_text(number, entry, repairs)
    if not text.strip():
        raise Unreadable(f"Turn {number} is empty. Write its text, or remove it.")
    if len(text) > LONGEST_TURN:
        raise Unreadable(f"Turn {number} has more than {LONGEST_TURN:,} characters. Shorten it.")
    return TurnDraft(role, repair_text(text, repairs))


def _read_text(number: int, entry: Mapping[str, Any], repairs: list[str]) -> str:
    found = [entry[key] for key in TEXT_KEYS if entry.get(key) is not None]
    if any(each != found[0] for each in found):
        raise Unreadable(f"Turn {number} has two different texts. Keep the one that counts, under “content”.")
    content = found[0] if found else None
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else [content]
    texts = [each if isinstance(each, str) else _read_block(each) for each in blocks]
    if not blocks or any(text is None for text in texts):
        raise Unreadable(f"Turn {number} has no text. Only texts can be imported.")
    repairs.append(BLOCKS_JOINED)
    return "".join(text for text in texts if text is not None)


def _read_block(block: Any) -> str | None:
    if not isinstance(block, Mapping) or block.get("type", "text") not in (
        "text",
        "input_text",
        "output_text",
    ):
        return None
    text = block.get("text")
    return text if isinstance(text, str) else None


# --- their order -----------------------------------------------------------------------------------------


def _take_system(read: list[TurnDraft], rest: dict[str, Any], repairs: list[str]) -> str | None:
    """The system message, taken from the beginning of the turns or from beside them; None if there is none."""
    first: list[str] = []
    while read and read[0].role == SYSTEM:
        first.append(read.pop(0).content)
    beside = list(_take_texts_beside(rest))
    if len(first) > 1:
        repairs.append(SYSTEMS_JOINED)
    if first:
        text = "\n\n".join(first)
        if beside and beside[0] != text:
            repairs.append(TWO_SYSTEMS)
        return text
    if not beside:
        return None
    if len(beside[0]) > LONGEST_TURN:
        raise Unreadable(f"Its system message has more than {LONGEST_TURN:,} characters. Shorten it.")
    return repair_text(beside[0], repairs)


def _take_texts_beside(rest: dict[str, Any]) -> Iterator[str]:
    for key in SYSTEM_KEYS:
        text = rest.pop(key, None)
        if isinstance(text, str) and text.strip():
            yield text


def _arrange(read: list[TurnDraft], repairs: list[str]) -> list[TurnDraft]:
    """Question and answer in turn. Raises Unreadable where only the author of the file knows what is meant."""
    turns: list[TurnDraft] = []
    for turn in read:
        if turn.role == SYSTEM:
            raise Unreadable(
                "A system message stands behind the first turn. Remove it, or move its text to the beginning."
            )
        if turns and turns[-1].role == turn.role:
            turns[-1] = TurnDraft(turn.role, f"{turns[-1].content}\n\n{turn.content}")
            repairs.append(JOINED)
        else:
            turns.append(turn)
    if turns and turns[0].role != "user":
        raise Unreadable(
            "It begins with a turn of the assistant. Put a turn of the user before it, or remove it."
        )
    if turns and turns[-1].role == "user":
        turns.pop()
        repairs.append(NO_ANSWER)
    if not turns:
        raise Unreadable("It has no answer of the assistant. Add one.")
    return turns
