"""Support for htmx 4: recognising its requests, and the middleware for its responses."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django_htmx.middleware import HtmxDetails

from lib.paging import Address

Respond = Callable[[HttpRequest], HttpResponse]


def get_htmx(request: HttpRequest) -> HtmxDetails:
    """What the middleware of django-htmx has read from the headers. Django's type of a request does not have it."""
    found: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return found


def is_htmx(request: HttpRequest) -> bool:
    return bool(get_htmx(request))


def is_target(request: HttpRequest, element_id: str) -> bool:
    """Whether htmx wants only this element.

    In htmx 4 the target has the form `tag#id`. Its id is percent-encoded, without the header that tells django-htmx so.
    """
    htmx = get_htmx(request)
    return bool(htmx) and unquote(htmx.target or "").partition("#")[2] == element_id


def read_open_address(request: HttpRequest, path: str) -> Address:
    """The page at `path` as the reader has it open, with the filters and the page number of its address.

    A fragment is asked for at another address; htmx names the page's own in HX-Current-URL.
    """
    open_page = urlsplit(get_htmx(request).current_url_abs_path or "") if is_htmx(request) else None
    if open_page is None:
        return Address(path, request.GET)
    return Address(path, QueryDict(open_page.query if open_page.path == path else ""))


class HtmxMiddleware:
    """Keeps fragments out of every cache, and adds waiting messages to them as toasts."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not is_htmx(request):
            return response
        if asks_to_sign_in(response):
            return HttpResponse(
                status=401
            )  # app.js reports it; htmx would put the sign-in page into the table
        response["Vary"] = ", ".join(filter(None, [response.get("Vary"), "HX-Request"]))
        response["Cache-Control"] = "no-store"
        if shows_html(response) and (waiting := list(messages.get_messages(request))):
            response.content += render_to_string("ui/toasts_oob.html", {"messages": waiting}).encode()
        return response


def asks_to_sign_in(response: HttpResponse) -> bool:
    target = response.get("Location", "").partition("?")[0]
    return response.status_code == 302 and target == resolve_url(settings.LOGIN_URL)


def shows_html(response: HttpResponse) -> bool:
    """Whether htmx will put the body into the page: it is not a redirect, not 204 and not an error page."""
    swapped = response.status_code in (200, 422) and not response.streaming
    moves_on = any(name in response for name in ("HX-Redirect", "HX-Location", "HX-Refresh"))
    return swapped and not moves_on and response.get("Content-Type", "").startswith("text/html")
