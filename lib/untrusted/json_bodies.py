"""Reads JSON that a stranger sends, within bounds that are checked before values are made of it.

Python makes an object of 56 bytes or more from two characters, and a float without an end from five: the text is counted first.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from lib.untrusted.storable import name_unstorable

LARGEST_BODY = 10_000_000  # bytes
MOST_VALUES = 500_000  # in lists and objects together; a plan of 10,000 rows with 20 fields has 200,000
DEEPEST = 50
LONGEST_NAME = 200  # characters in the name of a field
LONGEST_NUMBER = 30  # digits and signs
MOST_PROBLEMS = 20

# A string without its end matches too: otherwise each of its quotes would be looked at as the beginning of one.
_STRING = r'"(?:[^"\\]+|\\.)*+"?'
_STRINGS = re.compile(_STRING, re.DOTALL)
_SOME_STRINGS = re.compile(rf'[^"]*+(?:{_STRING}[^"]*+){{0,1000}}', re.DOTALL)
_SEPARATORS = (",", "[", "{")


class UnreadableJSON(ValueError):
    """The text is no JSON, or outside the bounds; the message says what to do."""


def read_json(body: bytes, *, encoding: str = "utf-8") -> Any:
    """The value of a body. Raises UnreadableJSON."""
    if len(body) > LARGEST_BODY:
        raise UnreadableJSON(
            f"the body has {len(body):,} bytes; at most {LARGEST_BODY:,} are allowed. Split it"
        )
    try:
        text = body.decode(encoding)
    except (UnicodeDecodeError, LookupError) as wrong:
        raise UnreadableJSON(f"the body is not text in {encoding}. Send UTF-8") from wrong
    check_count(text)
    try:
        parsed = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_read_int, parse_float=_read_float
        )
    except RecursionError as deep:
        raise UnreadableJSON(_TOO_DEEP) from deep
    except UnreadableJSON:
        raise
    except ValueError as wrong:
        raise UnreadableJSON(str(wrong)) from wrong
    return parsed


def find_problems(parsed: Any) -> Iterator[tuple[str, str]]:
    """(path, message) of each text that cannot be stored, of each name that is too long, and of what is too deep.

    A path is put together only for a problem: a long name above many values would be copied for each of them.
    """
    waiting: list[tuple[Any, _Place]] = [(parsed, None)]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, str):
            if words := name_unstorable(value):
                yield _path(place), words
            continue
        if not isinstance(value, dict | list):
            continue
        depth = place[2] + 1 if place else 1
        if depth > DEEPEST:
            yield _path(place), _TOO_DEEP
            continue
        if isinstance(value, list):
            waiting += [(each, (place, number, depth)) for number, each in enumerate(value)]
            continue
        for name, each in value.items():
            if words := _name_problem(name):
                yield _path(place), words
            else:
                waiting.append((each, (place, name, depth)))


# (the place around, the name or number in it, how deep it is)
_Place = tuple[Any, str | int, int] | None
_TOO_DEEP = f"it is nested more than {DEEPEST} levels deep"


def _path(place: _Place) -> str:
    parts: list[str] = []
    while place:
        parts.append(str(place[1]))
        place = place[0]
    return ".".join(reversed(parts))


def _name_problem(name: str) -> str | None:
    if len(name) > LONGEST_NAME:
        return f"has a field whose name is {len(name):,} characters long; {LONGEST_NAME} are allowed: {name[:40]}…"
    words = name_unstorable(name)
    return f"has a field whose name {words}" if words else None


def check_count(text: str, *, most: int = MOST_VALUES) -> None:
    """Raises UnreadableJSON for a text that holds too many values, before any of them is made.

    Separators are counted: inside texts too at first, because that is quick, and then between them. A text that is no value
    is the name of one.
    """
    if sum(map(text.count, _SEPARATORS)) > most and _is_above(most, text):
        raise UnreadableJSON(f"it holds more than {most:,} values. Split it")


def _is_above(most: int, text: str) -> bool:
    """Some strings at a time, which takes little memory, and ends at the first value too many."""
    texts = separators = place = 0
    while place < len(text) and max(separators, texts // 2) <= most:
        found = _SOME_STRINGS.match(text, place)
        end = found.end() if found else len(text)  # it always matches
        bare = _STRINGS.sub('"', text[place:end])  # a mark for each string
        separators += sum(map(bare.count, _SEPARATORS))
        texts += bare.count('"')
        place = end
    return max(separators, texts // 2) > most


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableJSON(f"{name} is no number of JSON")


def _read_int(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise UnreadableJSON(f"a number has {len(digits):,} digits; {LONGEST_NUMBER} are allowed")
    return int(digits)


def _read_float(digits: str) -> float:
    number = float(digits) if len(digits) <= 100 * LONGEST_NUMBER else float("inf")
    if number in (float("inf"), float("-inf")):
        raise UnreadableJSON(f"the number {digits[:LONGEST_NUMBER]} is too large")
    return number
