"""The schema as a page for people: what each operation takes and answers, without any script."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.utils.text import slugify

from lorapipe.openapi.document import build_document

Schema = Mapping[str, Any]
WORDS = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}
MOST_SHOWN = 12  # words of a choice


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter, or a field of a body. `place`: query, path, header, or empty for a body."""

    name: str
    place: str
    kind: str
    is_required: bool
    default: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Example:
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Described:
    """One operation. `answers` have an example each; `refusals` are the statuses of its errors with their meanings."""

    id: str
    method: str
    path: str
    summary: str
    about: str
    parameters: list[Field]
    fields: list[Field]
    requests: list[Example]
    answers: list[Example]
    refusals: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    name: str
    slug: str
    operations: list[Described]


@lru_cache(maxsize=1)
def build_page() -> list[Subject]:
    """The operations by subject, in the order of the routes. Made once in each process."""
    document = build_document()
    found = [
        (operation["tags"][0], describe(method, path, operation, document))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        Subject(
            name=tag["name"],
            slug=slugify(tag["name"]),
            operations=[each for name, each in found if name == tag["name"]],
        )
        for tag in document["tags"]
    ]


def describe(method: str, path: str, operation: Schema, document: Schema) -> Described:
    bodies = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = operation["responses"]
    return Described(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        about=leave_out_marks(operation.get("description", "")),
        parameters=[describe_parameter(each, document) for each in operation.get("parameters", [])],
        fields=list(list_fields(bodies.get("schema", {}), document)),
        requests=list_examples(bodies),
        answers=[
            Example(title=name_status(status), text=example.text)
            for status, answer in answers.items()
            if is_success(status)
            for example in list_examples(next(iter(answer["content"].values())))
        ],
        refusals=[
            (name_status(status), answer["description"])
            for status, answer in answers.items()
            if not is_success(status)
        ],
    )


def leave_out_marks(text: str) -> str:
    """The schema's texts mark words of the wire in Markdown; the page is plain."""
    return text.replace("`", "")


def is_success(status: str) -> bool:
    return int(status) < HTTPStatus.BAD_REQUEST


def name_status(status: str) -> str:
    return f"{status} {HTTPStatus(int(status)).phrase}"


def list_examples(content: Schema) -> list[Example]:
    return [
        Example(title=each.get("summary", name), text=json.dumps(each["value"], indent=2, ensure_ascii=False))
        for name, each in content.get("examples", {}).items()
    ]


def describe_parameter(given: Schema, document: Schema) -> Field:
    return Field(
        name=given["name"],
        place=given["in"],
        kind=describe_kind(given["schema"], document),
        is_required=given.get("required", False),
        default=describe_default(given["schema"]),
        about=leave_out_marks(given.get("description", "")),
    )


def list_fields(schema: Schema, document: Schema) -> Iterator[Field]:
    """The fields of a body; of several bodies those of each, once."""
    told = set()
    for each in schema.get("anyOf", [schema]):
        body = resolve(each, document)
        for name, field in body.get("properties", {}).items():
            if name not in told:
                told.add(name)
                yield Field(
                    name=name,
                    place="",
                    kind=describe_kind(field, document),
                    is_required=name in body.get("required", []),
                    default=describe_default(field),
                    about=leave_out_marks(field.get("description", "")),
                )


def resolve(schema: Schema, document: Schema) -> Schema:
    """What a reference names; any other schema as it is."""
    parts = [schema, *schema.get("allOf", [])]
    name = next((each["$ref"].rpartition("/")[2] for each in parts if "$ref" in each), None)
    found: Schema = document["components"]["schemas"][name] if name else schema
    return found


def describe_default(schema: Schema) -> str:
    return json.dumps(schema["default"], ensure_ascii=False) if schema.get("default") is not None else ""


def describe_kind(schema: Schema, document: Schema) -> str:
    """What it is, in words: `text, at most 200 characters`, `one of: high, normal, low`."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(describe_kind(each, document) for each in schema["anyOf"]))
    found = resolve(schema, document)
    if "enum" in found:
        words = [str(each) for each in found["enum"] if each not in (None, "")]
        return f"one of: {', '.join(words[:MOST_SHOWN])}{' …' if len(words) > MOST_SHOWN else ''}"
    kinds = found.get("type", "anything")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "array" in kinds:
        return f"list of {describe_kind(found.get('items', {}), document)}"
    words = [WORDS.get(kind, str(kind)) for kind in kinds if kind != "null" or len(kinds) == 1]
    word = "id (UUID)" if found.get("format") == "uuid" else " or ".join(words)
    return ", ".join([word, *list_bounds(found)])


def list_bounds(schema: Schema) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        yield f"{low:,} to {high:,}"
    elif low is not None:
        yield f"at least {low:,}"
    if "maxLength" in schema:
        yield f"at most {schema['maxLength']:,} characters"
