"""JSON as models write it: strict first, then with the repairs whose meaning is certain, and no others.

A trailing comma, typographic quotation marks as delimiters, and raw line breaks or tabs inside strings lose nothing and add
nothing. Whatever would have to add a closing quotation mark or bracket, or drop a key, is refused: the text may have been cut,
and a completed half would be stored as a whole conversation.
"""

import json
import re
from typing import Any, NamedTuple, NoReturn

# Deeper values are no conversation, and recursion has a price.
DEEPEST = 40
# Longer numbers are no part of a conversation, and turning them into an integer takes quadratic time.
LONGEST_NUMBER = 1_000

TRAILING_COMMA = "a trailing comma was dropped"
TYPOGRAPHIC_QUOTES = "typographic quotation marks were read as JSON's own"
RAW_LINE_BREAKS = "raw line breaks inside texts were kept"

_BLANK = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_PLAIN_IN_TYPOGRAPHIC = re.compile("[^“”„\\\\\x00-\x1f]*")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_OPENING, _CLOSING = "“„”", "”“"


class Decoded(NamedTuple):
    """A value, where it ends in the text, and what was repaired to read it (empty when it was strict JSON)."""

    value: Any
    end: int
    repairs: tuple[str, ...] = ()


def decode(text: str, start: int = 0) -> Decoded:
    """The JSON value that begins at `start`. Raises ValueError where none can be read without guessing."""
    try:
        return decode_strictly(text, start)
    except (ValueError, RecursionError):
        return _Repairer(text).decode(start)


def decode_strictly(text: str, start: int = 0) -> Decoded:
    """The same without repairs, which take microseconds for each escape. Raises ValueError and RecursionError."""
    value, end = _STRICT.raw_decode(text, start)
    return Decoded(value, end)


def _refuse_doubled_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON's own decoder keeps the last of two equal keys in silence: two different values are two meanings."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise ValueError(f"the key {key[:40]!r} stands twice with different values")
        found[key] = value
    return found


_STRICT = json.JSONDecoder(object_pairs_hook=_refuse_doubled_keys)


class _Repairer:
    """A reader of JSON that goes on over the certain defects, and notes each kind of them once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.repairs: dict[str, None] = {}

    def decode(self, start: int) -> Decoded:
        value, end = self._read_value(start, depth=0)
        return Decoded(value, end, tuple(self.repairs))

    def _read_value(self, at: int, *, depth: int) -> tuple[Any, int]:
        if depth > DEEPEST:
            self._fail("it is nested too deeply")
        opener = self.text[at : at + 1]
        if opener == "{":
            return self._read_object(at + 1, depth=depth)
        if opener == "[":
            return self._read_list(at + 1, depth=depth)
        if opener == '"' or (opener and opener in _OPENING):
            return self._read_string(at)
        return self._read_literal(at)

    def _read_object(self, at: int, *, depth: int) -> tuple[dict[str, Any], int]:
        pairs: list[tuple[str, Any]] = []
        at = self._skip_blanks(at)
        while not self.text.startswith("}", at):
            key, at = self._read_string(at)
            at = self._expect(":", self._skip_blanks(at))
            value, at = self._read_value(self._skip_blanks(at), depth=depth + 1)
            pairs.append((key, value))
            at = self._read_separator(at, closing="}")
        return _refuse_doubled_keys(pairs), at + 1

    def _read_list(self, at: int, *, depth: int) -> tuple[list[Any], int]:
        values: list[Any] = []
        at = self._skip_blanks(at)
        while not self.text.startswith("]", at):
            value, at = self._read_value(at, depth=depth + 1)
            values.append(value)
            at = self._read_separator(at, closing="]")
        return values, at + 1

    def _read_separator(self, at: int, *, closing: str) -> int:
        """Behind a value: a comma, or the end. A comma before the end is dropped."""
        at = self._skip_blanks(at)
        if self.text.startswith(closing, at):
            return at
        at = self._skip_blanks(self._expect(",", at))
        if self.text.startswith(closing, at):
            self.repairs[TRAILING_COMMA] = None
        return at

    def _read_string(self, at: int) -> tuple[str, int]:
        opener = self.text[at : at + 1]
        if opener == '"':
            return self._read_until(at + 1, plain=_PLAIN, closing='"')
        if not opener or opener not in _OPENING:
            self._fail("a text was expected")
        self.repairs[TYPOGRAPHIC_QUOTES] = None
        return self._read_until(at + 1, plain=_PLAIN_IN_TYPOGRAPHIC, closing=_CLOSING)

    def _read_until(self, at: int, *, plain: re.Pattern[str], closing: str) -> tuple[str, int]:
        """The text up to its closing mark. Inside typographic marks the same marks could be content: that is refused."""
        parts: list[str] = []
        while True:
            run = plain.match(self.text, at)
            assert run is not None
            parts.append(run.group())
            at = run.end()
            found = self.text[at : at + 1]
            if not found:
                self._fail("a text has no end")
            if found in closing:
                self._check_end(at + 1)
                return "".join(parts), at + 1
            if found == "\\":
                part, at = self._read_escape(at)
                parts.append(part)
            elif found in "\n\r\t":
                self.repairs[RAW_LINE_BREAKS] = None
                parts.append(found)
                at += 1
            else:
                self._fail("a text holds a character that needs an escape")

    def _check_end(self, at: int) -> None:
        """A quotation mark ends a text only where something of JSON's own follows; else it was not escaped."""
        at = self._skip_blanks(at)
        if self.text[at : at + 1] not in (",", ":", "}", "]", ""):
            self._fail("a quotation mark inside a text is not escaped")

    def _read_escape(self, at: int) -> tuple[str, int]:
        """One escape, or a pair of them that makes one character beyond the first 65,536."""
        found = _ESCAPE.match(self.text, at)
        if found is None:
            self._fail("a text holds an escape that JSON does not know")
        end = found.end()
        second = _ESCAPE.match(self.text, end) if found.group().startswith("\\u") else None
        if second is not None and second.group().startswith("\\u"):
            both = json.loads(f'"{found.group()}{second.group()}"')
            if len(both) == 1:
                return both, second.end()
        return json.loads(f'"{found.group()}"'), end

    def _read_literal(self, at: int) -> tuple[Any, int]:
        found = _LITERAL.match(self.text, at)
        if found is None or not found.group() or found.end() - at > LONGEST_NUMBER:
            self._fail("a value was expected")
        return json.loads(found.group()), found.end()

    def _skip_blanks(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        assert found is not None
        return found.end()

    def _expect(self, mark: str, at: int) -> int:
        if not self.text.startswith(mark, at):
            self._fail(f"{mark!r} was expected")
        return at + 1

    def _fail(self, why: str) -> NoReturn:
        raise ValueError(why)
