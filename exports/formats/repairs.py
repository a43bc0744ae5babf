"""Characters that no training file should hold, replaced and counted, so that the manifest can say so."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from exports.formats.records import Example, Pair, Turn

R = TypeVar("R", bound=Example | Pair)
# Kind of a repair to the words for it.
REPAIRS = {
    "lone_surrogate": "Halves of surrogate pairs, which are no characters, were replaced by U+FFFD.",
    "nul": "NUL characters were removed.",
}
_SURROGATES = re.compile("[\ud800-\udfff]")


def repair_record(record: R, repairs: Counter[str], *, metadata: bool) -> R:
    """The same record where nothing is to be repaired. Adds to `repairs`, by kind, how many characters were.

    Half of a surrogate pair made the loader of a trainer return wrong rows without an error; a NUL ends the text for
    programs in C. `metadata`: whether the metadata are written, too.
    """
    sides = ("turns",) if isinstance(record, Example) else ("chosen", "rejected")
    changed: dict[str, Any] = {}
    # One look at all texts together: there is hardly ever anything to repair.
    if is_damaged(
        "".join([record.system, *[turn.content for side in sides for turn in getattr(record, side)]])
    ):
        changed["system"] = repair_text(record.system, repairs)
        for side in sides:
            changed[side] = tuple([_repair_turn(turn, repairs) for turn in getattr(record, side)])
    if metadata:
        changed["metadata"] = repair_value(record.metadata, repairs)
    return replace(record, **changed) if changed else record


def is_damaged(text: str) -> bool:
    """Whether something is to be repaired in it. Much faster than a search for the characters themselves."""
    if "\0" in text:
        return True
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return True
    return False


def repair_text(text: str, repairs: Counter[str]) -> str:
    """The very same object where nothing is to be repaired."""
    if not is_damaged(text):
        return text
    if "\0" in text:
        repairs["nul"] += text.count("\0")
        text = text.replace("\0", "")
    text, count = _SURROGATES.subn("\ufffd", text)
    if count:
        repairs["lone_surrogate"] += count
    return text


def repair_value(value: Any, repairs: Counter[str]) -> Any:
    """A plain JSON value with all its texts repaired."""
    if isinstance(value, str):
        return repair_text(value, repairs)
    if isinstance(value, Mapping):
        return {repair_text(key, repairs): repair_value(each, repairs) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [repair_value(each, repairs) for each in value]
    return value


def _repair_turn(turn: Turn, repairs: Counter[str]) -> Turn:
    return turn._replace(content=repair_text(turn.content, repairs))
