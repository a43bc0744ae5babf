"""A value for any schema that structured outputs accept. Used for schemas that are not a conversation's."""

import random
import re
from collections.abc import Mapping
from typing import Any

from claude.simulator.rules.schemas import resolve

FORMATS = {
    "date-time": "2026-11-22T09:30:00Z",
    "time": "09:30:00Z",
    "date": "2026-11-22",
    "duration": "P3D",
    "email": "planner@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/plan",
    "ipv4": "192.0.2.10",
    "ipv6": "2001:db8::10",
    "uuid": "7d9f6a52-3c1e-4b8e-9a43-5f0a1c2d3e4f",
}
SENTENCES = (
    "A steady monthly amount does more than a perfect plan.",
    "Keep three months of costs where they are easy to reach.",
    "The dearest debt comes first, the rest at its minimum.",
    "One broad fund at low cost covers most needs.",
    "Write the decision down, with a date to look at it again.",
)
_CANDIDATES = ("a", "A", "abc", "ABC", "Abc", "0", "1", "12", "2026", "2026-11-22", "en", "en-US", "#1a2b3c")
_ATOM = re.compile(r"(\[[^\]]+\]|\\[dws]|\\.|.)(\{(\d+)(?:,\d*)?\}|[*+?])?")


def sample(schema: Mapping[str, Any], chance: random.Random) -> Any:
    """A JSON value for the schema. Required properties come first, as in replies of the real API."""
    defs = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    return _value(schema, defs, chance)


def _value(schema: Mapping[str, Any], defs: Mapping[str, Any], chance: random.Random) -> Any:
    schema = _merge(resolve(schema, defs))
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return chance.choice(schema["enum"])
    if schema.get("anyOf"):
        return _value(schema["anyOf"][0], defs, chance)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return _object(schema, defs, chance)
    if kind == "array":
        return [_value(schema["items"], defs, chance) for _ in range(chance.randint(2, 4))]
    return _scalar(kind, schema, chance)


def _merge(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    parts = schema.get("allOf")
    if not parts:
        return schema
    merged: dict[str, Any] = {"properties": {}, "required": []}
    for part in (*parts, {key: value for key, value in schema.items() if key != "allOf"}):
        properties = {**merged["properties"], **part.get("properties", {})}
        required = [*merged["required"], *part.get("required", [])]
        merged |= {**part, "properties": properties, "required": required}
    return merged


def _object(schema: Mapping[str, Any], defs: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    properties = schema.get("properties", {})
    required = [name for name in properties if name in schema.get("required", [])]
    optional = [name for name in properties if name not in required]
    return {name: _value(properties[name], defs, chance) for name in (*required, *optional)}


def _scalar(kind: str, schema: Mapping[str, Any], chance: random.Random) -> Any:
    if kind == "string":
        return _string(schema, chance)
    values: dict[str, Any] = {
        "integer": chance.randint(1, 9),
        "number": chance.randint(10, 95) / 10,
        "boolean": chance.random() < 0.5,
        "null": None,
    }
    return values[kind]


def _string(schema: Mapping[str, Any], chance: random.Random) -> str:
    if "format" in schema:
        return FORMATS[schema["format"]]
    if "pattern" not in schema:
        return chance.choice(SENTENCES)
    pattern = schema["pattern"]
    tries = (*_CANDIDATES, _spell(pattern))
    return next((text for text in tries if re.search(pattern, text)), "")


def _spell(pattern: str) -> str:
    """A string for patterns of plain characters, classes and counts; a guess for anything richer."""
    return "".join(_one(atom) * int(count or 1) for atom, _, count in _ATOM.findall(pattern.strip("^$")))


def _one(atom: str) -> str:
    if atom.startswith("["):
        return next((letter for letter in "a0A-_ zZ9" if re.fullmatch(atom, letter)), atom[1])
    return {"\\d": "4", "\\w": "a", "\\s": " ", ".": "a"}.get(atom, atom[-1])
