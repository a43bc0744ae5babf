"""/metrics: the numbers of the installation in Prometheus' text format."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from lib.snapshot import one_snapshot
from lorapipe.operation.numbers import read_metrics
from lorapipe.operation.prometheus import CONTENT_TYPE, render_families
from workspaces.isolation.reach import reach_all
from workspaces.tokens.authentication import TokenAuthentication

REFUSED = (
    "Metrics are for superusers: send a token of one (Authorization: Bearer lp_...), or set LORAPIPE_METRICS=loopback "
    "for programs on this machine. See docs/operations.md.\n"
)


@never_cache
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """401 for everybody but superusers, and programs on this machine where the operator allows them."""
    if not (is_allowed_from_loopback(request) or is_superuser(request)):
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse(REFUSED, status=401, content_type="text/plain; charset=utf-8", headers=headers)
    with reach_all(), one_snapshot():
        text = render_families(read_metrics())
    return HttpResponse(text, content_type=CONTENT_TYPE)


def is_superuser(request: HttpRequest) -> bool:
    """By a token, or by the session of a browser."""
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except (AuthenticationFailed, Throttled):
        return False
    person = found[0] if found else request.user
    return bool(person.is_authenticated and person.is_active and person.is_superuser)


def is_allowed_from_loopback(request: HttpRequest) -> bool:
    """With a proxy of which the web server does not know, every request would seem to come from this machine."""
    environment = settings.ENVIRONMENT
    if not environment.observing.metrics_from_loopback or (settings.HTTPS and not environment.behind_proxy):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
