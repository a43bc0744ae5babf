"""Middleware: an id and an origin for every request, bounds for what it brings, a content policy for the admin, and what may be cached."""

import logging
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from batches.models import PaidRequest
from lib.untrusted.storable import UNSTORABLE, name_unstorable
from lorapipe.web_server import LARGEST_BODY, MEGABYTE
from workspaces.models import KeyUsed
from workspaces.origin import Origin, come_from, read_address
from workspaces.states import Channel

logger = logging.getLogger(__name__)

Respond = Callable[[HttpRequest], HttpResponse]

LONGEST_REFUSAL = 300  # characters
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Sets `request.request_id` and the header X-Request-Id. The id of a proxy is kept if it is well formed.

    For as long as the request takes, the audit log and the log lines know where it comes from (`workspaces.origin`).
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex[:12]  # type: ignore[attr-defined]
        with come_from(describe_origin(request)):
            response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response


def describe_origin(request: HttpRequest) -> Origin:
    """The web server has put the client's address into REMOTE_ADDR: behind our proxy, the last one that was forwarded."""
    in_admin = Channel.ADMIN if request.path.startswith("/admin/") else Channel.PAGE
    return Origin(
        channel=Channel.API if is_for_api(request) else in_admin,
        address=read_address(request.META.get("REMOTE_ADDR", "")),
        request_id=getattr(request, "request_id", ""),
    )


class BodySizeMiddleware:
    """Answers 413 to a body that is larger than `LARGEST_BODY`, by its declared length and before any of it is read.

    It must come before everything that reads the body: the CSRF check parses a whole upload. Django ignores a body
    without a length.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        declared = request.META.get("CONTENT_LENGTH") or "0"
        size = int(declared) if declared.isascii() and declared.isdigit() else 0
        return self.get_response(request) if size <= LARGEST_BODY else refuse_too_large(request, size)


def refuse_too_large(request: HttpRequest, size: int) -> HttpResponse:
    words = f"What was sent has {size // MEGABYTE:,} MB; at most {LARGEST_BODY // MEGABYTE} MB are allowed. Split it."
    if is_for_api(request):
        return answer_outside_views(status=413, code="too_large", words=words)
    return render(request, "413.html", {"words": words}, status=413)


def is_for_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def answer_outside_views(
    *, status: int, code: str, words: str, details: Sequence[Mapping[str, Any]] = ()
) -> JsonResponse:
    """An error of the API from outside its views, in the form that `lorapipe.api_errors` gives to the others."""
    body = {"success": False, "error": words, "code": code, "details": list(details)}
    return JsonResponse(body, status=status)


class UnusableValueMiddleware:
    """Values that cannot be stored or looked for, in any field: left out of the address of a page, refused in a form.

    Nobody types a NUL: it comes with what was pasted. In a search or a filter it means nothing. A field that is checked
    says itself what is wrong with its value. Where none does, and the database or the field of a table refuses the value,
    the answer says so. Bodies in JSON are looked at by their parser, and files by their readers.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") and not is_for_api(request):
            request.GET = leave_out_unstorable(request.GET)  # type: ignore[assignment]
            request.text_left_out = True  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for a value that no field could take; None for any other exception."""
        words = "" if is_for_api(request) else describe_refusal(request, exception)
        return render(request, "400.html", {"words": words}, status=400) if words else None


def describe_refusal(request: HttpRequest, exception: Exception) -> str:
    """What was refused: by name where a text cannot be stored, else as the field or the database says it. Empty for others."""
    if isinstance(exception, ValidationError):  # a key that is none, in the address or in a hidden field
        return UNSTORABLE.sub("?", " ".join(exception.messages))[:LONGEST_REFUSAL]
    if not isinstance(exception, DataError | ValueError):
        return ""
    for name, texts in request.POST.lists():
        if problem := next(filter(None, map(name_unstorable, (name, *texts))), None):
            return f"{UNSTORABLE.sub('?', name)[:100]}: {problem}."
    if not isinstance(exception, DataError):
        return ""
    logger.warning("The database refused a value: %s", exception)
    return "A number is larger, or a text longer, than what can be stored."


def leave_out_unstorable(given: QueryDict) -> QueryDict:
    """The same names and values without characters that cannot be stored."""
    cleaned = QueryDict(mutable=True)
    for name, texts in given.lists():
        cleaned.setlist(UNSTORABLE.sub("", name), [UNSTORABLE.sub("", text) for text in texts])
    return cleaned


class KeyUsedMiddleware:
    """The page for a form that was sent a second time with other values: it links to what the first one has started."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, KeyUsed):
            return None
        earlier = exception.earlier
        is_batch = isinstance(earlier, PaidRequest)
        address = reverse("batch", args=[earlier.job.pk]) if is_batch else earlier.job.get_absolute_url()
        return render(request, "409.html", {"job": earlier.job, "address": address}, status=409)


# No page uses a device or a power of the browser, so that nothing that gets into one can.
NO_POWERS = ", ".join(
    f"{name}=()"
    for name in (
        *("accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid"),
        *("magnetometer", "microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
    )
)


class PrivateCacheMiddleware:
    """Answers that say nothing of caching are private and kept nowhere; static files carry their own header.

    Every answer also says that pages need no powers of the browser, and that other sites may not embed what is here.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Permissions-Policy", NO_POWERS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class AdminPolicyMiddleware:
    """Allows `unsafe-eval` and inline styles below /admin/: Unfold needs them (docs/architecture.md section 7)."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}  # type: ignore[attr-defined]
        return response
