"""The schema of the API, OpenAPI 3.1: REST framework's serializers give the requests, the rooms' tables say the rest.

It is made once in each process, when somebody asks for it: a start does not wait for it, nor load the package that makes it.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiRequest, OpenApiResponse
from rest_framework import serializers

from lib.api.operations import Operation
from lib.api.shapes import NAME, YES_OR_NO, Record, Shape, make_example
from lib.wire import StrictSerializer, to_camel_case
from lorapipe.api_urls import urlpatterns
from lorapipe.openapi import fields  # noqa: F401  (registers how our fields are described)
from lorapipe.openapi.errors import ERROR, REASONS, list_statuses
from lorapipe.openapi.tables import find_operation, list_methods

JSON = "application/json"
LEFT_OUT = (NAME, "x-spec-enum-id")
# A place of a route: its name, and what it takes, with one level of brackets inside.
PLACE = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
ROOT = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "LoRAPipe",
    "VERSION": settings.VERSION,
    "DESCRIPTION": (
        "JSON over HTTP. The caller is known by a session or by a token, sent as `Authorization: Bearer lp_...`. "
        "Every object begins with `success`. An unknown field is an error. docs/api.md tells the whole job in order."
    ),
    "POSTPROCESSING_HOOKS": [],
    "SORT_OPERATIONS": False,
    "SORT_OPERATION_PARAMETERS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_PATCH": True,  # of the bodies that are partial
    "SCHEMA_PATH_PREFIX": "/api",
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "description": "A token, `lp_...`."},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": settings.SESSION_COOKIE_NAME,
                "description": "For the pages of the product, with its CSRF token.",
            },
        }
    },
}
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 200},
    OpenApiParameter.HEADER,
    description="The same request with the same key is carried out once.",
)
MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "maxLength": 200},
    OpenApiParameter.HEADER,
    description="The `ETag` that you have read. When it has another by now, nothing is changed: 409 `stale_etag`.",
)
PREFER = OpenApiParameter(
    "Prefer",
    {"type": "string", "maxLength": 100},
    OpenApiParameter.HEADER,
    description="`wait=N` (seconds, at most 60) or `respond-async`.",
)


class DescribedSchema(AutoSchema):
    """One operation, as its table describes it."""

    view: Any

    @property
    def operation(self) -> Operation:
        found: Operation = self.view.operation
        return found

    def get_operation_id(self) -> str:
        return name_operation(self.method, self.view.route_name)

    def get_summary(self) -> str:
        return self.operation.summary

    def get_description(self) -> str:  # type: ignore[override]
        return self.operation.about

    def get_tags(self) -> list[str]:
        return [self.operation.tag]

    def get_auth(self) -> list[dict[str, Any]]:
        return [{"token": []}, {"session": []}]

    def get_override_parameters(self) -> list[Any]:
        places = re.findall(r"{(\w+)}", self.path)
        ids = [
            OpenApiParameter(name, {"type": "string", "format": "uuid"}, OpenApiParameter.PATH)
            for name in places
        ]
        found = self.operation
        headers = [KEY] * found.takes_key + [MATCH] * found.takes_match + [PREFER] * found.waits
        query = [found.query] if found.query else []
        return [*ids, *query, *headers, *self._list_response_headers()]

    def _process_override_parameters(self, direction: Any = "request") -> Any:
        """Nobody can send null in a query string: it is left out."""
        found = super()._process_override_parameters(direction)
        for parameter in found.values():
            kinds = parameter["schema"].get("type")
            if isinstance(kinds, list):
                parameter["schema"]["type"] = [kind for kind in kinds if kind != "null"]
            if None in parameter["schema"].get("enum", []):
                parameter["schema"]["enum"] = [
                    word for word in parameter["schema"]["enum"] if word is not None
                ]
        return found

    def _list_response_headers(self) -> Iterator[OpenApiParameter]:
        found = self.operation
        if found.locates:
            yield make_response_header("Location", found.locates, "Where it can be followed.")
        if found.has_etag:
            yield make_response_header("ETag", (200,), "For `If-Match`.")

    def get_request_serializer(self) -> Any:
        found = self.operation
        if not found.bodies:
            return None
        each = [self.resolve_serializer(make_body(body, found), "request").ref for body in found.bodies]
        schema = each[0] if len(each) == 1 else {"anyOf": each}
        examples = [OpenApiExample(name, dict(value)) for name, value in found.examples.items()]
        return {JSON: OpenApiRequest(schema, examples=examples)}

    def get_response_serializers(self) -> Any:
        answers: dict[Any, OpenApiResponse] = {}
        for status, shape in self.operation.answers.items():
            answers[(str(status), self.operation.content_type)] = make_answer(shape)
        for status in list_statuses(self.operation, in_path="{" in self.path):
            answers[(str(status), JSON)] = make_refusal(status)
        return answers

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """A body is described by its own docstring, and has no field but these."""
        schema = super()._map_basic_serializer(serializer, direction)
        kind = type(serializer)
        if isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        schema.pop("description", None)
        if words := kind.__dict__.get("__doc__"):
            schema["description"] = " ".join(words.split())
        return schema


def name_operation(method: str, route: str) -> str:
    """The method with the name of the route: `getConversations`, `postGenerateBatch`."""
    return to_camel_case(f"{method.lower()}_{route.removeprefix('api_')}")


def make_body(body: type[serializers.Serializer[Any]], operation: Operation) -> serializers.Serializer[Any]:
    return body(partial=True) if operation.is_partial else body()


def make_response_header(name: str, statuses: tuple[int, ...], description: str) -> OpenApiParameter:
    text = {"type": "string"}
    return OpenApiParameter(
        name, text, OpenApiParameter.HEADER, description=description, response=list(statuses), required=True
    )


def make_answer(shape: Shape | None) -> OpenApiResponse:
    """What the renderer sends: the shape with `success` before it."""
    if shape is None:
        return OpenApiResponse({"type": "string", "format": "binary"}, "The file.")
    whole = add_success(shape)
    return OpenApiResponse(whole, "Carried out.", [OpenApiExample("example", make_example(whole))])


def add_success(shape: Mapping[str, Any]) -> Shape:
    if "anyOf" in shape:
        return Shape(anyOf=[add_success(each) for each in shape["anyOf"]])
    return Record(Record(success=YES_OR_NO), Record.of(shape))


def make_refusal(status: int) -> OpenApiResponse:
    code, sentence, error = REASONS[status]
    example = {"success": False, "error": error, "code": code, "details": []}
    return OpenApiResponse(ERROR, sentence, [OpenApiExample("example", example)])


class Generator(SchemaGenerator):
    """Walks our routes and the tables, and asks `DescribedSchema` about each pair."""

    def _initialise_endpoints(self) -> None:
        self.endpoints: list[Any] = []
        for route in urlpatterns:
            path = describe_path(str(route.pattern))
            for method in list_methods(route):
                if operation := find_operation(method, str(route.name)):
                    self.endpoints.append((path, str(route.pattern), method, (route, operation)))

    def create_view(self, callback: Any, method: str, request: Any = None) -> Any:
        route, operation = callback
        view = super().create_view(route.callback, method, request)
        view.operation, view.route_name = operation, str(route.name)
        self._set_schema_to_view(view, DescribedSchema())
        return view

    def coerce_path(self, path: str, method: str, view: Any) -> str:
        return path


def describe_path(pattern: str) -> str:
    """`/api/items/{itemId}/retry` for the pattern of a route."""
    form = pattern.removeprefix("^").removesuffix("/?\\Z")
    return "/api/" + PLACE.sub(lambda place: f"{{{to_camel_case(place[1])}}}", form)


@lru_cache(maxsize=1)
def build_document() -> dict[str, Any]:
    """The schema as JSON data. What has a name stands once, under `components`. Nobody may change it: it is kept."""
    with patched_settings(ROOT):
        made = Generator().get_schema(request=None, public=True)
    named: dict[str, Any] = {}
    document: dict[str, Any] = move_named(made, named)
    document["components"]["schemas"] = dict(
        sorted({**document["components"].get("schemas", {}), **named}.items())
    )
    document["tags"] = [{"name": name} for name in list_tags(document)]
    return document


def list_tags(document: Mapping[str, Any]) -> list[str]:
    """The subjects, in the order of the routes."""
    tags = [each["tags"][0] for methods in document["paths"].values() for each in methods.values()]
    return list(dict.fromkeys(tags))


def move_named(found: Any, named: dict[str, Any]) -> Any:
    """The same with a reference in the place of each named shape, which goes into `named`."""
    if isinstance(found, list):
        return [move_named(each, named) for each in found]
    if not isinstance(found, dict):
        return found
    moved = {key: move_named(each, named) for key, each in found.items() if key not in LEFT_OUT}
    if NAME not in found:
        return moved
    beside = {key: moved.pop(key) for key in ("description",) if key in moved}
    named[found[NAME]] = moved
    return {"$ref": f"#/components/schemas/{found[NAME]}", **beside}
