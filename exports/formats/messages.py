"""`messages`, which OpenAI, TRL, Axolotl, mlx-lm, ms-swift, Tinker and others take: one row for a conversation."""

from collections.abc import Iterable, Sequence

from exports.formats.records import Example, ExportError, Record, Turn
from exports.formats.writing import FormatOptions, Row, check_turns, encode_json, get_system

# The flag's name to whose it is. OpenAI and Fireworks: 0 or 1 at an assistant's message. Axolotl: `message_field_training`.
# ms-swift: at an assistant's message. Tinker: at every message, or it refuses the row.
TRAIN_FLAGS = {
    "weight": "OpenAI, Fireworks",
    "training": "Axolotl",
    "loss": "ms-swift",
    "trainable": "Tinker",
}
_AT_EVERY_MESSAGE = ("training", "trainable")


def make_rows(example: Example, options: FormatOptions) -> Iterable[Row]:
    """{"messages": [{"role": ..., "content": ...}, ...]}, with the system message first if there is one."""
    check_turns(example)
    messages = make_messages(example.turns, example, options)
    if options.train_flags:
        trained = [False] * (len(messages) - len(example.turns)) + [turn.train for turn in example.turns]
        messages = [
            _add_flag(message, options.train_flags, train=train)
            for message, train in zip(messages, trained, strict=True)
        ]
    return ({"messages": messages},)


def encode_messages(turns: Iterable[tuple[str, str]], *, system: str = "") -> bytes:
    r"""A line of `messages` JSONL for (role, content) in order, in UTF-8 and with its "\n": for one conversation without a writer.

    A system message comes first if `system` is not blank. Raises ExportError for half of a surrogate pair, and for a
    conversation without turns.
    """
    messages = [{"role": role, "content": content} for role, content in turns]
    if not messages:
        raise ExportError("it has no turns")
    if system.strip():
        messages.insert(0, {"role": "system", "content": system})
    try:
        return f"{encode_json({'messages': messages})}\n".encode()
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise ExportError(f"it holds half of a surrogate pair (U+{code:04X}), which is no text") from error


def make_messages(turns: Sequence[Turn], record: Record, options: FormatOptions) -> list[Row]:
    """These turns of the conversation as messages of exactly two keys, after the system message if there is one."""
    system = get_system(record, options)
    first = [{"role": "system", "content": system}] if system else []
    return [*first, *[{"role": role, "content": content} for role, content, _ in turns]]


def _add_flag(message: Row, flag: str, *, train: bool) -> Row:
    learned = train and message["role"] == "assistant"
    if message["role"] != "assistant" and flag not in _AT_EVERY_MESSAGE:
        return message
    return {**message, flag: int(learned) if flag == "weight" else learned}
