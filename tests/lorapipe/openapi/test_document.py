"""The schema of the API: every address and method is in it, with examples that are as it says."""

import json
from typing import Any

import jsonschema_rs
import pytest

from lorapipe import api_urls
from lorapipe.openapi.document import build_document, describe_path
from lorapipe.openapi.tables import join_tables, list_methods
from tests.support.described_answers import JSON, list_operations, make_strict_validator

NOT_DESCRIBED = {"api_unknown"}  # what answers 404 to every other address


def list_all_methods() -> set[tuple[str, str]]:
    """Every method of every address of the API, with the name of its route."""
    return {
        (method, str(route.name))
        for route in api_urls.urlpatterns
        for method in list_methods(route)
        if route.name not in NOT_DESCRIBED
    }


def test_every_address_and_method_is_described() -> None:
    """A new view has no operation: add it to the table in `operations.py` of its room's `api` folder."""
    assert sorted(list_all_methods() - join_tables().keys()) == []
    assert sorted(join_tables().keys() - list_all_methods()) == [], "these describe what is not there"
    assert len(list_operations()) == len(list_all_methods())


@pytest.mark.parametrize("id", sorted(f"{method} {route}" for method, route in join_tables()))
def test_it_has_words_and_examples(id: str) -> None:
    method, _, route = id.partition(" ")
    described = join_tables()[method, route]
    assert described.summary[0].isupper()
    assert not described.summary.endswith(".")
    assert described.answers
    assert bool(described.bodies) is bool(described.examples), "an example of each body, and of nothing else"


def list_examples() -> list[Any]:
    """(name, schema, example) of every request and every answer in JSON, each pair of a schema and an example once."""
    found: dict[str, Any] = {}
    for name, operation in sorted(list_operations().items()):
        contents = [("request", operation.get("requestBody", {}).get("content", {}))]
        contents += [(status, each["content"]) for status, each in operation["responses"].items()]
        for what, content in contents:
            for title, example in content.get(JSON, {}).get("examples", {}).items():
                pair = (content[JSON]["schema"], example["value"])
                found.setdefault(json.dumps(pair), pytest.param(*pair, id=f"{name} {what} {title}"))
    return list(found.values())


def test_examples_are_as_the_schema_says() -> None:
    wrong = []
    examples = list_examples()
    for each in examples:
        schema, value = each.values
        if not make_strict_validator(schema).is_valid(value):
            errors = list(make_strict_validator(schema).iter_errors(value))
            wrong.append(f"{each.id}: {errors[0].message}")
    assert wrong == []
    assert len(examples) > len(list_operations()), "each answer has one"


def test_it_is_openapi_3_1() -> None:
    document = build_document()
    assert document["openapi"] == "3.1.0"
    for name, shape in document["components"]["schemas"].items():
        jsonschema_rs.meta.validate(shape)
        assert "x-name" not in str(shape), name


def test_every_reference_leads_somewhere() -> None:
    document = build_document()
    assert (
        list_references(document)
        - {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        == set()
    )


def list_references(found: Any) -> set[str]:
    if isinstance(found, list):
        return {each for inner in found for each in list_references(inner)}
    if not isinstance(found, dict):
        return set()
    own = {found["$ref"]} if isinstance(found.get("$ref"), str) else set()
    return own | {each for inner in found.values() for each in list_references(inner)}


def test_names_are_in_camel_case() -> None:
    """Every field and every parameter. Headers have their own names."""
    document = build_document()
    names = {name for shape in document["components"]["schemas"].values() for name in list_fields(shape)}
    for operation in list_operations().values():
        names |= {each["name"] for each in operation.get("parameters", []) if each["in"] != "header"}
        names |= {name for each in operation["responses"].values() for name in list_fields(each)}
    assert sorted(name for name in names if "_" in name or "-" in name) == []


def list_fields(found: Any) -> set[str]:
    if isinstance(found, list):
        return {name for inner in found for name in list_fields(inner)}
    if not isinstance(found, dict):
        return set()
    own = set(found["properties"]) if isinstance(found.get("properties"), dict) else set()
    return own | {name for inner in found.values() for name in list_fields(inner)}


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (r"^items/?\Z", "/api/items"),
        (r"^items/(?P<item_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3})/retry/?\Z", "/api/items/{itemId}/retry"),
    ],
)
def test_the_path_of_a_route(pattern: str, path: str) -> None:
    assert describe_path(pattern) == path
