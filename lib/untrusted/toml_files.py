"""Reads TOML that a stranger sends, within bounds that are checked before `tomllib` makes values of it.

A dotted key of n parts makes n tables and takes memory by the square of n: 24 KB took half a gigabyte.
"""

import math
import re
import tomllib
from typing import Any

MOST_PARTS = 10  # of a dotted key
MOST_STATEMENTS = 100_000  # lines and commas
DEEPEST = 20  # brackets within brackets

# A text without its end matches too: otherwise each of its quotes would be looked at as the beginning of one.
_TEXTS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"
    r'|"(?:[^"\\\n]|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+",
    re.DOTALL,
)
# It begins at a dot: begun at a word, it would look at a long one again from each of its letters.
_LONG_KEY = re.compile(rf"(?:\.[ \t]*+[\w-]*+[ \t]*+){{{MOST_PARTS}}}")
_NEST = {"[": 1, "{": 1, "]": -1, "}": -1}


class UnreadableTOML(ValueError):
    """The text is no TOML, or outside the bounds; the message says what and where."""


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a file. Raises UnreadableTOML. How large a file may be is its reader's rule."""
    _check_shape(_TEXTS.sub(_blank, text))
    try:
        return tomllib.loads(text, parse_float=_read_float)
    except tomllib.TOMLDecodeError as wrong:
        raise UnreadableTOML(f"not valid TOML: {wrong}") from wrong
    except RecursionError as wrong:
        raise UnreadableTOML("the file is nested too deeply") from wrong
    except UnreadableTOML:
        raise
    except ValueError as wrong:
        raise UnreadableTOML(f"not valid TOML: {wrong}") from wrong


def _blank(found: re.Match[str]) -> str:
    """A string as one letter, a comment as nothing; the lines stay where they are."""
    text = found.group()
    return ("" if text.startswith("#") else "t") + "\n" * text.count("\n")


def _check_shape(text: str) -> None:
    """The text without its strings and comments."""
    if found := _LONG_KEY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise UnreadableTOML(f"a key in line {line} has more than {MOST_PARTS} parts")
    if text.count("\n") + text.count(",") > MOST_STATEMENTS:
        raise UnreadableTOML(f"the file has more than {MOST_STATEMENTS:,} lines and commas")
    depth = 0
    for mark in re.findall(r"[\[\]{}]", text):
        depth += _NEST[mark]
        if depth > DEEPEST:
            raise UnreadableTOML(f"the file is nested more than {DEEPEST} levels deep")


def _read_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise UnreadableTOML(f"{digits[:30]} is no number that can be used")
    return number
