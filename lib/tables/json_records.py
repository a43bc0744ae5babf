"""The objects of a JSON text: a list of them, JSON Lines, one object, or a list under a key as an API answers."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from lib.row_problems import make_file_error
from lib.untrusted.json_bodies import UnreadableJSON, check_count

# JSON text sequences have this mark before each object.
RECORD_SEPARATOR = "\x1e"
_BETWEEN = re.compile(rf"[\s,{RECORD_SEPARATOR}]*")
DEEPEST_LIST = 3
# Commas and brackets: those of half a million cells in ten thousand rows, which is what a plan may have.
MOST_VALUES = 600_000


class JsonObject(dict[str, Any]):
    """A JSON object of the file, with the keys that appear more than once in it."""

    repeated: tuple[str, ...] = ()

    @classmethod
    def from_pairs(cls, pairs: list[tuple[str, Any]]) -> "JsonObject":
        found = cls(pairs)
        if len(found) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            found.repeated = tuple(key for key, count in counts.items() if count > 1)
        return found


class JsonRecords(NamedTuple):
    """(number, value) of each record: its place in the list from 1, or its line in JSON Lines. Notes tell how it was read."""

    records: list[tuple[int, Any]]
    notes: list[str]


def read_json_records(text: str, *, key: str) -> JsonRecords:
    """The records of a text. `key` is a field that every record has, so that one record is told from a list under a key.

    Numbers with a point are Decimal. Raises RowsError for what is not JSON, with line and column.
    """
    if not text.strip():
        raise make_file_error("The file is empty.")
    text = text.removeprefix(RECORD_SEPARATOR)
    try:
        check_count(text, most=MOST_VALUES)
    except UnreadableJSON as wrong:
        raise make_file_error(f"This JSON cannot be read: {wrong}.") from wrong
    try:
        return _unwrap(_decode(text), key)
    except json.JSONDecodeError as wrong:
        if wrong.msg == "Extra data":
            return JsonRecords(list(_read_lines(text)), [])
        raise _describe(wrong) from wrong


def _unwrap(value: Any, key: str) -> JsonRecords:
    if isinstance(value, list):
        return JsonRecords(list(enumerate(value, 1)), [])
    place = ""
    for _ in range(DEEPEST_LIST):
        if not isinstance(value, dict) or not value:
            break
        if key in value:
            return JsonRecords([(1, value)], ["The file has one object, not a list; it is one row."])
        inner = [(name, each) for name, each in value.items() if _is_list_of_objects(each)] or [
            (name, each) for name, each in value.items() if isinstance(each, dict)
        ]
        if len(inner) != 1:
            break
        place, value = inner[0]
        if isinstance(value, list):
            return JsonRecords(list(enumerate(value, 1)), [f"The list under the key {place!r} was read."])
    raise make_file_error(
        "The file must hold a list of objects, written [{...}, {...}], or one object a line (JSON Lines)."
    )


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _read_lines(text: str) -> Iterator[tuple[int, Any]]:
    """(line, value) of each value of a text that has several, with line ends or commas between them."""
    decoder = _make_decoder()
    position, line, counted = 0, 1, 0
    while (position := _skip(text, position)) < len(text):
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as wrong:
            raise _describe(wrong) from wrong
        except RecursionError as wrong:
            raise make_file_error("This JSON is nested too deeply.") from wrong
        except ValueError as wrong:
            raise make_file_error(f"This is not JSON (line {line}): {wrong}.") from wrong
        yield line, value


def _skip(text: str, position: int) -> int:
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


def _decode(text: str) -> Any:
    try:
        return _make_decoder().decode(text)
    except json.JSONDecodeError:
        raise
    except RecursionError as wrong:
        raise make_file_error("This JSON is nested too deeply.") from wrong
    except ValueError as wrong:
        raise make_file_error(f"This is not JSON: {wrong}.") from wrong


def _make_decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=JsonObject.from_pairs, parse_float=Decimal, parse_constant=_refuse_constant
    )


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON number; write null, or a text in quotes")


def _describe(wrong: json.JSONDecodeError) -> Exception:
    return make_file_error(f"This is not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}.")
