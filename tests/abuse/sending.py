"""Puts a shape into what is sent: into all fields at once, into one after the other, and beside them.

Forms and addresses are encoded by hand, so that NUL and half surrogate pairs go out as a hostile client sends them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from tests.abuse.html_forms import Pairs
from tests.abuse.shapes import AS_DEEP_AS_ALLOWED, FRAGMENTS, MANY, SEVERAL, TEXTS, Shape
from tests.abuse.surface import read_texts_of_sources

AT_ONCE = 3  # turns in which all fields have texts of a shape, each field another one in each turn
HEADER = re.compile(r"headers(?:\.get\(|\[)\"([\w-]+)\"")
OTHER_HEADERS = {"Accept", "Accept-Language", "If-None-Match", "Range", "Referer", "X-Forwarded-For"}
LONGEST_HEADER = 4_000
LONGEST_QUERY = 8_000  # bytes; web servers refuse a longer line
BOUNDARY = "the-boundary"
PLACE = "@the-place@"
LONG = "n" * 100_000
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


class Sent(NamedTuple):
    """A body, and in a few words what is odd about it."""

    what: str
    body: bytes


# --- forms and addresses -------------------------------------------------------------------------------


def mix_pairs(honest: Sequence[tuple[str, str]], turn: int) -> Pairs:
    """What a form sends when each of its fields has a text of another shape; in another turn it has other ones."""
    return [(name, _choose(TEXTS, place, turn)) for place, (name, _) in enumerate(honest)]


def _choose(shapes: Mapping[Shape, tuple[str, ...]], place: int, turn: int) -> str:
    """The text of a field: ten turns bring all shapes to it, and fields of one shape have different texts."""
    texts = shapes[list(Shape)[(place + turn) % len(Shape)]]
    return texts[(place + turn // len(Shape)) % len(texts)]


def vary_pairs(honest: Sequence[tuple[str, str]], shape: Shape) -> Iterator[tuple[str, Pairs]]:
    """What a form sends when its texts, its names or their number have this shape: all fields at once, then each alone."""
    texts = TEXTS[shape]
    for turn in range(min(AT_ONCE, len(texts))):
        shaped = [(name, texts[(place + turn) % len(texts)]) for place, (name, _) in enumerate(honest)]
        yield f"{shape} in all fields, turn {turn}", shaped
    for what, more in vary_names(honest, shape):
        yield what, [*honest, *more]
    for place, (name, _) in enumerate(honest):
        number = place % len(texts)
        yield f"{shape} {number} in {name}", [*honest[:place], (name, texts[number]), *honest[place + 1 :]]


def vary_names(honest: Sequence[tuple[str, str]], shape: Shape) -> Iterator[tuple[str, Pairs]]:
    """Further fields of this shape, beside the honest ones."""
    names = [name for name, _ in honest] or ["name"]
    if shape == Shape.MANY_FIELDS:
        yield "several unknown fields", [(f"value-v{number}", "x") for number in range(SEVERAL)]
        yield "many unknown fields", [(f"value-v{number}", "x") for number in range(MANY)]
        yield "several variables", [("variable", f"v{number}") for number in range(SEVERAL)]
    elif shape in (Shape.WIDE, Shape.REPEATED):
        yield (
            "repeated fields",
            [(name, str(time)) for time in range(SEVERAL // len(names)) for name in names],
        )
        yield "often repeated fields", [(name, "1") for name in names for _ in range(2_000)]
    elif shape == Shape.LONG_NAME:
        yield "a field with a long name", [(LONG, "x"), (f"value-{LONG}", "x"), (f"place-{LONG}", "1")]
    elif shape == Shape.DEEP:
        yield "a field with a deep name", [("a" + "[b]" * 5_000, "x"), ("value-" + "a." * 5_000, "x")]
    elif shape in (Shape.NUL, Shape.SURROGATE):
        odd = TEXTS[shape][0]
        yield "a field with an odd name", [(odd, "x"), (f"value-{odd}", odd), (f"place-{odd}", "1")]
    elif shape == Shape.WRONG_TYPE:
        yield "no field", [("", "")]


def encode(pairs: Pairs) -> bytes:
    return "&".join(f"{_quote(name)}={_quote(text)}" for name, text in pairs).encode()


def encode_query(pairs: Pairs) -> str:
    """A query string of at most `LONGEST_QUERY` bytes; each text is cut to its share."""
    share = max(20, LONGEST_QUERY // (3 * max(1, len(pairs))))
    cut = [(name[:share], text[:share]) for name, text in pairs]
    return encode(cut).decode()[:LONGEST_QUERY]


def encode_multipart(pairs: Pairs, files: Sequence[tuple[str, str, bytes]]) -> bytes:
    """The fields, and the files as (field, name of the file, content)."""
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode(*_ODD) for name, text in pairs
    ]
    for field, name, content in files:
        head = f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
        parts.append(head.encode(*_ODD) + content)
    inside = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts)
    return inside + f"--{BOUNDARY}--\r\n".encode()


_ODD = ("utf-8", "surrogatepass")


def _quote(text: str) -> str:
    return quote_plus(text.encode(*_ODD))


# --- JSON --------------------------------------------------------------------------------------------------


def mix_json(honest: Any, turn: int) -> Iterator[Sent]:
    """Bodies in which one value after the other has a shape, each another one; in another turn it has another one."""
    for place, (name, body) in enumerate(list_places(honest)):
        yield Sent(f"mixed in {name}, turn {turn}", fill(body, _choose(FRAGMENTS, place, turn)))


def vary_json(honest: Any, shape: Shape) -> Iterator[Sent]:
    """Bodies in which one value after the other has this shape, or the body itself, or what stands beside its fields."""
    fragments = FRAGMENTS[shape]
    for number, fragment in enumerate(fragments):
        yield Sent(f"{shape} {number} as the body", fragment.encode())
    for place, (name, body) in enumerate(list_places(honest)):
        for number in {place % len(fragments), (place + 1) % len(fragments)}:
            yield Sent(f"{shape} {number} in {name}", fill(body, fragments[number]))
    if isinstance(honest, dict):
        yield from vary_fields(honest, shape)


def list_places(honest: Any) -> Iterator[tuple[str, str]]:
    """Every place in a value, with the body in which it is left open."""
    for path in _walk(honest, ()):
        opened = json.loads(json.dumps(honest))
        inside = opened
        for step in path[:-1]:
            inside = inside[step]
        inside[path[-1]] = PLACE
        yield ".".join(map(str, path)), json.dumps(opened)


def _walk(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from _walk(each, (*path, name))


def fill(body: str, fragment: str) -> bytes:
    return body.replace(f'"{PLACE}"', fragment).encode(*_ODD)


def vary_fields(honest: dict[str, Any], shape: Shape) -> Iterator[Sent]:
    """Further fields of this shape, beside the honest ones, and bytes that are no text."""
    inside = json.dumps(honest)[1:-1]
    start = f"{{{inside}{', ' if inside else ''}"
    if shape == Shape.MANY_FIELDS:
        more = ",".join(f'"unknown{number}": 1' for number in range(MANY))
        yield Sent("many unknown fields", f"{start}{more}}}".encode())
    elif shape == Shape.LONG_NAME:
        yield Sent("a field with a long name", f'{start}"{LONG}": 1}}'.encode())
    elif shape == Shape.REPEATED:
        name, value = next(iter(honest.items()), ("name", 1))
        repeated = ",".join([f"{json.dumps(name)}: {json.dumps(value)}"] * 2_000)
        yield Sent(f"{name} repeated", f"{start}{repeated}}}".encode())
    elif shape == Shape.DEEP:
        deep = "[" * AS_DEEP_AS_ALLOWED + "1" + "]" * AS_DEEP_AS_ALLOWED
        yield Sent("a deep unknown field", f'{start}"unknown": {deep}}}'.encode())
    elif shape in (Shape.NUL, Shape.SURROGATE):
        raw = b"\0" if shape == Shape.NUL else b"\xed\xa0\x80"
        yield Sent("raw bytes", f"{start}".encode() + b'"a": "' + raw + b'"}')
        yield Sent("raw bytes around", raw + json.dumps(honest).encode() + raw)


# --- headers ---------------------------------------------------------------------------------------------


def vary_headers(shape: Shape) -> Iterator[tuple[str, dict[str, str]]]:
    """All headers at once that our code reads, each with a text of this shape."""
    for number, text in enumerate(TEXTS[shape][:2]):
        value = re.sub(r"[\r\n]", " ", text.encode(*_ODD).decode("latin-1")[:LONGEST_HEADER])
        shaped = {**dict.fromkeys(read_header_names(), value), "Prefer": f"respond-async, {value}"}
        yield f"{shape} {number} in headers", shaped
        yield f"{shape} {number} as a token", {"Authorization": f"Bearer {value}"}


@cache
def read_header_names() -> tuple[str, ...]:
    """Those that our code asks for, wherever it does, and some that libraries read."""
    found = {name for text in read_texts_of_sources() for name in HEADER.findall(text)}
    return tuple(sorted(found | OTHER_HEADERS))
