"""How the fields of our bodies are described where the package does not know them, or knows less than they take."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension


class DescribeMoment(OpenApiSerializerFieldExtension):
    """A date or a time."""

    target_class = "lib.wire.MomentField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "string", "examples": ["2026-11-22", "2026-11-22T10:30:00Z"]}


class DescribeDecimal(OpenApiSerializerFieldExtension):
    """Money and scores: a number, or exact as text."""

    target_class = "rest_framework.fields.DecimalField"

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        field = self.target
        schema: dict[str, Any] = {"type": ["number", "string"]}
        if field.min_value is not None:
            schema["minimum"] = float(field.min_value)
        if field.max_value is not None:
            schema["maximum"] = float(field.max_value)
        return schema
