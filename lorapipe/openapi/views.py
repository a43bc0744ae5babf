"""GET /api/schema for programs, GET /api/docs for people.

Both need a session or a token, like the rest of the API: what an installation can do is nobody's business but its users',
and one rule without exceptions is easier to keep. What makes them is loaded by the first request, so that a start stays short.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from rest_framework.decorators import api_view, renderer_classes
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from lorapipe.api_renderers import SuccessJSONRenderer

YAML = "application/yaml"


class YAMLRenderer(BaseRenderer):
    """For `Accept: application/yaml`. The schema is rendered by `write_schema`, only errors are left to it."""

    media_type = YAML
    format = "yaml"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        return json.dumps(data, default=str).encode()  # JSON is YAML


@api_view(["GET"])
@renderer_classes([SuccessJSONRenderer, YAMLRenderer])
def show_schema(request: Request) -> HttpResponse:
    """The schema as JSON, or as YAML where the caller asks for it. Made once in each process."""
    media_type = YAML if request.accepted_renderer.media_type == YAML else "application/json"
    content, etag = write_schema(media_type)
    response = HttpResponse(content, content_type=media_type)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"  # kept, and asked about by its ETag
    found = get_conditional_response(request._request, etag=etag, response=response)
    return response if found is None else found


@lru_cache(maxsize=2)
def write_schema(media_type: str) -> tuple[bytes, str]:
    """The text of the schema, and its ETag."""
    from lorapipe.openapi.document import build_document  # noqa: PLC0415  (see above)

    if media_type == YAML:
        import yaml  # noqa: PLC0415

        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        content = yaml.dump(build_document(), Dumper=dumper, sort_keys=False, allow_unicode=True).encode()
    else:
        content = json.dumps(build_document(), ensure_ascii=False).encode()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@require_safe
@login_required
def show_docs(request: HttpRequest) -> HttpResponse:
    from lorapipe.openapi.page import build_page  # noqa: PLC0415  (see above)

    return render(request, "api_docs.html", {"subjects": build_page()})
