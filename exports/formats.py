"""One conversation as one line of a training file. Pure: no database."""

import json
from collections.abc import Iterable

# Compact, without NaN and Infinity, which are not JSON. Python's fast C encoder is used only without an indent.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class ExportError(ValueError):
    """A conversation that no trainer could read back unchanged."""


def encode_messages(turns: Iterable[tuple[str, str]], *, system: str = "") -> bytes:
    r"""A line of `messages` JSONL (OpenAI, TRL): {"messages":[{"role":...,"content":...},...]} and "\n", in UTF-8.

    `turns` are (role, content) in order. A system message comes first if `system` is not blank. Texts are exact:
    nothing is escaped that JSON does not require. Raises ExportError for half of a surrogate pair, which made the
    loader of a trainer return wrong rows without an error, and for a conversation without turns.
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
