"""The JSON values of a text, each with its line: JSON Lines, a list, objects over several lines, or a list under a key."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from conversations.parsing.repair import Decoded, decode, decode_strictly
from exports.importing.reading.shapes import holds_turns
from lib.untrusted.json_bodies import UnreadableJSON, check_count

# Characters that are read a second time with repairs, which is slow, in one file.
MOST_REPAIRED = 1_000_000
# Commas and brackets between the texts of a line, or of a file that is one list: 20,000 conversations of 12 turns.
MOST_VALUES = 1_000_000
DEEPEST_LIST = 3
_BETWEEN = re.compile("[\\s,\x1e\ufeff]*")
_ENDS = " \t\r\x1e\ufeff"


class Value(NamedTuple):
    """A value that begins in this line, or has this place in a list within a line, with what was repaired to read it; or `problem`, why none could be read there."""

    line: int
    value: Any = None
    repairs: tuple[str, ...] = ()
    problem: str = ""


def iter_values(text: str) -> Iterator[Value]:
    """The values in order. A broken line of JSON Lines costs that line, a broken list what stands behind the break."""
    begin = _skip(text, 0)
    first = text[begin : _find_end(text, begin)].strip(_ENDS)
    decoder = _Decoder()
    if _is_whole(first) or (first.startswith("{") and not _begins_value(text, begin)):
        yield from _iter_lines(text, decoder)
    else:
        yield from _iter_stream(text, begin, decoder)


class _Decoder:
    """Decodes with repairs as long as they stay few, so that a broken file costs a second or two and not minutes."""

    def __init__(self) -> None:
        self.left = MOST_REPAIRED

    def decode(self, text: str, at: int) -> Decoded:
        try:
            return decode_strictly(text, at)
        except (ValueError, RecursionError):
            size = len(text) - at
            if size > self.left:
                raise
            self.left -= size
            return decode(text, at)


def _iter_lines(text: str, decoder: _Decoder) -> Iterator[Value]:
    begin, line = 0, 0
    while begin < len(text):
        end = _find_end(text, begin)
        line += 1
        yield from _read_line(text[begin:end].strip(_ENDS), line, decoder)
        begin = end + 1


def _read_line(text: str, line: int, decoder: _Decoder) -> Iterator[Value]:
    """The values of one line: one, or several behind each other."""
    at = _skip(text, 0)
    try:
        check_count(text, most=MOST_VALUES)
        while at < len(text):
            found = decoder.decode(text, at)
            yield from _unwrap(Value(line, found.value, found.repairs))
            at = _skip(text, found.end)
    except UnreadableJSON as wrong:
        yield Value(line, problem=f"The line cannot be read: {wrong}.")
    except (ValueError, RecursionError) as wrong:
        yield Value(line, problem=_describe(text, at, wrong))


def _iter_stream(text: str, at: int, decoder: _Decoder) -> Iterator[Value]:
    """Values over several lines, one after the other, in a list or without one."""
    line = 1 + text.count("\n", 0, at)
    try:
        check_count(text, most=MOST_VALUES)
    except UnreadableJSON as wrong:
        yield Value(line, problem=f"The JSON cannot be read: {wrong}.")
        return
    in_list = text.startswith("[", at)
    counted, at = at, _skip(text, at + in_list)
    while at < len(text) and not (in_list and text.startswith("]", at)):
        line += text.count("\n", counted, at)
        counted = at
        try:
            found = decoder.decode(text, at)
        except (ValueError, RecursionError) as wrong:
            yield Value(line, problem=f"{_describe(text, at, wrong)} What stands behind it was not read.")
            return
        yield from _unwrap(Value(line, found.value, found.repairs))
        at = _skip(text, found.end)
    if in_list and at >= len(text):
        yield Value(line, problem="The list has no end: the file may have been cut off. Add what is missing.")


def _unwrap(found: Value, depth: int = 0) -> Iterator[Value]:
    """The value, or each of a list of conversations that it is, or holds under a key as the answer of an API does."""
    inner = found.value
    if isinstance(inner, dict) and not holds_turns(inner) and depth < DEEPEST_LIST:
        lists = [each for each in inner.values() if _is_list_of_conversations(each)]
        inner = lists[0] if len(lists) == 1 else inner
    if _is_list_of_conversations(inner):
        for place, each in enumerate(inner, start=1):
            yield from _unwrap(found._replace(line=place, value=each), depth + 1)
    else:
        yield found._replace(value=inner)


def _is_list_of_conversations(value: Any) -> bool:
    """Whether it is a list of several conversations. A list of turns is one."""
    return isinstance(value, list) and bool(value) and not holds_turns(value) and holds_turns(value[0])


def _skip(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _find_end(text: str, begin: int) -> int:
    """Only LF ends a line: U+2028 and its like may stand inside a text."""
    end = text.find("\n", begin)
    return len(text) if end < 0 else end


def _is_whole(line: str) -> bool:
    """Whether a line is an object or a list by itself, so that the file is JSON Lines."""
    if not line.startswith(("{", "[")):
        return False
    try:
        check_count(line, most=MOST_VALUES)
        return not line[decode_strictly(line).end :].strip(f"{_ENDS},")
    except UnreadableJSON:
        return True  # whatever it is, it is refused as one line
    except (ValueError, RecursionError):
        return False


def _begins_value(text: str, at: int) -> bool:
    """Whether a value over several lines begins here."""
    try:
        check_count(text, most=MOST_VALUES)
        decode_strictly(text, at)
    except (ValueError, RecursionError):
        return False
    return True


def _describe(text: str, at: int, wrong: Exception) -> str:
    if isinstance(wrong, RecursionError):
        return "This is not JSON that can be read: it is nested too deeply."
    if isinstance(wrong, json.JSONDecodeError):
        return f"This is not JSON: {wrong.msg} at column {wrong.colno}."
    return f"This is not JSON: {wrong}." if at < len(text) else "The JSON ends too early."
