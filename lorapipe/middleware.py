"""What every request gets: an id that people can quote, and a content policy that fits the admin's kit."""

import re
import uuid
from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

Respond = Callable[[HttpRequest], HttpResponse]

MEGABYTE = 1_000_000
LARGEST_BODY = 20 * MEGABYTE
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """`request.request_id`, also the header X-Request-Id; a proxy's own id is kept when it looks like one."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:12]  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


class BodySizeMiddleware:
    """413 for a body beyond `LARGEST_BODY`, by its declared length and before a byte of it is read.

    It stands before whatever looks into the body: the check of the CSRF token parses a whole upload first. A body
    without a length is no body to Django.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH") or "0"
        size = int(declared) if declared.isascii() and declared.isdigit() else 0
        return self.get_response(request) if size <= LARGEST_BODY else too_large(request, size)


def too_large(request: HttpRequest, size: int) -> HttpResponse:
    words = f"What was sent has {size // MEGABYTE:,} MB; at most {LARGEST_BODY // MEGABYTE} MB are allowed. Split it."
    if not request.path.startswith("/api/"):
        return render(request, "413.html", {"words": words}, status=413)
    body = {"success": False, "error": words, "code": "too_large", "details": []}
    return JsonResponse(body, status=413)


class AdminPolicyMiddleware:
    """Unfold's pages need `unsafe-eval` and inline styles (docs/architecture.md section 7). Only below /admin/."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}  # type: ignore[attr-defined]
        return response
