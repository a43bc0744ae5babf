"""The subset of JSON Schema that structured outputs accept. Everything else is answered with 400."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from claude.simulator.rules.rejection import invalid

WHERE = "output_config.format.schema"
TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}
FORMATS = {
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
}
KEYWORDS = {
    "$defs",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "definitions",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
}
MAX_OPTIONAL = 24
MAX_UNIONS = 16
_TOO_CLEVER = re.compile(r"\(\?[=!<]|\\[1-9bB]")


@dataclass
class _Walk:
    """One pass over a schema: its definitions, those that are being followed, and the counts for the API's limits."""

    defs: Mapping[str, Any]
    following: tuple[str, ...] = ()
    optional: int = 0
    unions: int = 0


def check(schema: Any) -> None:
    """Check a schema. Raises a 400 that names the first thing that the real API would refuse."""
    if not isinstance(schema, dict):
        raise invalid(f"{WHERE}: Input should be a valid dictionary")
    try:
        _check_whole(schema)
    except (AttributeError, KeyError, TypeError) as exc:
        raise invalid(f"{WHERE}: not a JSON schema ({exc})") from exc


def _check_whole(schema: Mapping[str, Any]) -> None:
    walk = _Walk(defs={**schema.get("definitions", {}), **schema.get("$defs", {})})
    for name, part in walk.defs.items():
        walk.following = (name,)
        _check(part, walk)
    walk.following = ()
    _check(schema, walk)
    if walk.optional > MAX_OPTIONAL:
        raise invalid(
            f"Schemas contains too many optional parameters ({walk.optional}), which would make grammar "
            f"compilation inefficient: the limit is {MAX_OPTIONAL}."
        )
    if walk.unions > MAX_UNIONS:
        raise invalid(
            f"Schemas contains too many parameters with union types ({walk.unions} parameters with type arrays "
            f"or anyOf) which exceeds the limit: {MAX_UNIONS}."
        )


def resolve(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that an internal `$ref` means, or the schema itself."""
    while "$ref" in schema:
        schema = defs[_name(schema["$ref"])]
    return schema


def _check(schema: Any, walk: _Walk) -> None:
    if not isinstance(schema, dict):
        raise invalid(f"{WHERE}: every part of a schema must be an object")
    _check_keywords(schema)
    if "$ref" in schema:
        _follow(schema["$ref"], walk)
        return
    kinds = _kinds(schema)
    if "object" in kinds or "properties" in schema:
        _check_object(schema, walk)
    _check_array(schema)
    _check_string(schema)
    _check_enum(schema)
    for part in _parts(schema):
        _check(part, walk)


def _check_keywords(schema: Mapping[str, Any]) -> None:
    kind = schema.get("type", "any")
    extra = sorted(set(schema) - KEYWORDS)
    if extra:
        raise invalid(f"{WHERE}: For '{kind}' type, properties {', '.join(extra)} are not supported")
    if any("$ref" in part for part in schema.get("allOf", []) if isinstance(part, dict)):
        raise invalid(f"{WHERE}: allOf with $ref is not supported")


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    kind = schema.get("type", [])
    kinds = [kind] if isinstance(kind, str) else list(kind)
    unknown = [one for one in kinds if one not in TYPES]
    if unknown:
        raise invalid(f"{WHERE}: type {unknown[0]!r} is not supported")
    return kinds


def _follow(ref: Any, walk: _Walk) -> None:
    name = _name(ref)
    if name in walk.following:
        raise invalid(f"{WHERE}: recursive schemas are not supported ({ref})")
    if name not in walk.defs:
        raise invalid(f"{WHERE}: $ref {ref} does not exist")
    before = walk.following, walk.optional, walk.unions
    walk.following = (*walk.following, name)
    _check(walk.defs[name], walk)
    walk.following, walk.optional, walk.unions = before


def _name(ref: Any) -> str:
    match = re.fullmatch(r"#/(?:\$defs|definitions)/([^/]+)", str(ref))
    if match is None:
        raise invalid(f"{WHERE}: only internal $ref is supported, not {ref}")
    return match[1]


def _check_object(schema: Mapping[str, Any], walk: _Walk) -> None:
    if schema.get("additionalProperties") is not False:
        raise invalid(f"{WHERE}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    missing = [name for name in required if name not in properties]
    if missing:
        raise invalid(f"{WHERE}: required property {missing[0]!r} is not among the properties")
    walk.optional += len(set(properties) - set(required))
    walk.unions += sum(1 for part in properties.values() if _is_union(part))


def _is_union(schema: Any) -> bool:
    return isinstance(schema, dict) and ("anyOf" in schema or isinstance(schema.get("type"), list))


def _check_array(schema: Mapping[str, Any]) -> None:
    if schema.get("minItems", 0) not in (0, 1):
        raise invalid(f"{WHERE}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if schema.get("type") == "array" and "items" not in schema:
        raise invalid(f"{WHERE}: For 'array' type, 'items' is required")


def _check_string(schema: Mapping[str, Any]) -> None:
    if schema.get("format", "uuid") not in FORMATS:
        raise invalid(f"{WHERE}: For 'string' type, format {schema['format']!r} is not supported")
    pattern = schema.get("pattern", "")
    if _TOO_CLEVER.search(pattern):
        raise invalid(f"{WHERE}: pattern {pattern!r} uses lookaround, a back reference or a word boundary")
    try:
        re.compile(pattern)
    except re.error as exc:
        raise invalid(f"{WHERE}: pattern {pattern!r} is not a regular expression: {exc}") from exc


def _check_enum(schema: Mapping[str, Any]) -> None:
    if any(isinstance(value, dict | list) for value in schema.get("enum", [])):
        raise invalid(f"{WHERE}: enum values must be scalars")


def _parts(schema: Mapping[str, Any]) -> Iterator[Any]:
    yield from schema.get("properties", {}).values()
    yield from schema.get("anyOf", [])
    yield from schema.get("allOf", [])
    if "items" in schema:
        yield schema["items"]
