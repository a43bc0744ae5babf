"""One conversation as one line of a training file. Pure: no database."""

import json
from collections.abc import Iterable

# Compact, and never NaN or Infinity, which are not JSON. The C encoder is used only without an indent.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class ExportError(ValueError):
    """A conversation that no trainer could read back as it was."""


def messages_line(turns: Iterable[tuple[str, str]], *, system: str = "") -> bytes:
    r"""A line of `messages` JSONL (OpenAI, TRL): {"messages":[{"role":...,"content":...},...]} and "\n", in UTF-8.

    `turns` are (role, content) in order; a system message comes first only where `system` is not blank. Text is
    byte-exact: nothing is escaped that JSON does not demand. Raises ExportError for half a surrogate pair (it made a
    trainer's loader return other rows, silently) and for a conversation without turns.
    """
    messages = [{"role": role, "content": content} for role, content in turns]
    if not messages:
        raise ExportError("it has no turns")
    if system.strip():
        messages.insert(0, {"role": "system", "content": system})
    try:
        return f"{_encode({'messages': messages})}\n".encode()
    except UnicodeEncodeError as error:
        code = ord(error.object[error.start])
        raise ExportError(f"it holds half of a surrogate pair (U+{code:04X}), which is no text") from error
