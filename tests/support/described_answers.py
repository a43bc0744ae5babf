"""Whether an answer of the API is what its schema says: the status, and every field, no more and no fewer."""

from functools import cache, lru_cache
from typing import Any

import jsonschema_rs

from lib.api.shapes import refuse_further_fields
from lorapipe.openapi.document import build_document, name_operation
from lorapipe.openapi.tables import find_operation

JSON = "application/json"
NOT_ALLOWED = 405  # of a method that is not described


def find_undescribed(method: str, route: str, answer: Any) -> str:
    """What is wrong with an answer, in words; empty where nothing is, and for addresses that are not of the API."""
    if find_operation(method, route) is None or answer.status_code == NOT_ALLOWED:
        return ""
    described = list_operations()[name_operation(method, route)]["responses"]
    status = str(answer.status_code)
    if status not in described:
        return f"{route} has no {status}"
    if JSON not in answer.get("Content-Type", ""):
        return "" if JSON not in described[status]["content"] else f"{route} {status} is no JSON"
    try:
        make_validator(name_operation(method, route), status).validate(answer.json())
    except jsonschema_rs.ValidationError as wrong:
        place = "/".join(map(str, wrong.instance_path))
        return f"{route} {status}: {place}: {wrong.message[:200]}"
    return ""


@lru_cache(maxsize=1)
def list_operations() -> dict[str, Any]:
    """By operationId."""
    methods = (each for methods in build_document()["paths"].values() for each in methods.values())
    return {each["operationId"]: each for each in methods}


@cache
def make_validator(operation: str, status: str) -> jsonschema_rs.Draft202012Validator:
    shape = list_operations()[operation]["responses"][status]["content"][JSON]["schema"]
    return make_strict_validator(shape)


def make_strict_validator(shape: Any) -> jsonschema_rs.Draft202012Validator:
    """Refuses what is not described, too. References lead into the schema's own components."""
    return jsonschema_rs.Draft202012Validator(
        {**refuse_further_fields(shape), "components": {"schemas": close_components()}}, validate_formats=True
    )


@lru_cache(maxsize=1)
def close_components() -> Any:
    return refuse_further_fields(build_document()["components"]["schemas"])
