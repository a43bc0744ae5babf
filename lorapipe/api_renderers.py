"""Writes the answers of the API as JSON."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rest_framework.renderers import JSONRenderer


class SuccessJSONRenderer(JSONRenderer):
    """Begins every object with `success`: true for a status below 400, else false."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        response = (renderer_context or {}).get("response")
        if isinstance(data, dict) and response is not None:
            data = {"success": response.status_code < HTTPStatus.BAD_REQUEST, **data}
        return super().render(data, accepted_media_type, renderer_context)
