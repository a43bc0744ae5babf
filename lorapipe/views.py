"""The health checks, the error pages, and what every page shows of running work."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.defaults import bad_request

from batches.models import Worker
from batches.web.announcements import announce_new_notices
from lib.htmx import is_htmx
from lib.snapshot import one_snapshot
from lorapipe.api_errors import make_detail
from lorapipe.middleware import answer_outside_views, is_for_api
from lorapipe.queues import Queue
from workspaces.models import ClockTimestamp

LATE_S = 5.0  # a heartbeat may be so late on a loaded machine


@never_cache
@require_safe
@login_required
def show_shell(request: HttpRequest) -> HttpResponse:
    """The strip of the running batch and the numbers of the menu, which every page asks for; with toasts for what has ended."""
    if not is_htmx(request):
        return redirect("generate_all")
    announce_new_notices(request)
    with one_snapshot():
        return render(request, "ui/shell_oob.html")


def show_health(request: HttpRequest) -> HttpResponse:
    """Liveness: 200 whenever this process answers. It checks nothing else."""
    return JsonResponse({"status": "ok"})


def show_readiness(request: HttpRequest) -> HttpResponse:
    """Readiness: 200 if database, broker and a worker for each queue are there, else 503 with what is missing.

    `writes` is false when the database has not taken a heartbeat for longer than they are apart: its disk may be full.
    """
    found = {"database": _database_answers(), "broker": _broker_answers()}
    found["writes"] = found["database"] and _heartbeats_are_stored()
    found["workers"] = found["database"] and _every_queue_has_a_worker()
    ready = all(found.values())
    return JsonResponse({"status": "ready" if ready else "not ready", **found}, status=200 if ready else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except OperationalError:
        return False
    return True


def _broker_answers() -> bool:
    # Here and not above: loading it takes a tenth of the start of the pages.
    from redis import Redis, RedisError  # noqa: PLC0415

    try:
        with Redis.from_url(settings.CELERY_BROKER_URL, socket_connect_timeout=1, socket_timeout=1) as broker:
            return bool(broker.ping())
    except RedisError:
        return False


def _heartbeats_are_stored() -> bool:
    since = ClockTimestamp() - timedelta(seconds=settings.ENGINE_HEARTBEAT_S + LATE_S)
    return Worker.objects.filter(heartbeat_at__gt=since).exists()


def _every_queue_has_a_worker() -> bool:
    served = {queue for queues in Worker.live().values_list("queues", flat=True) for queue in queues}
    return served.issuperset(Queue)


def show_forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def show_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def show_bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """For requests that Django refuses before a view sees them, such as those with an unknown host name."""
    if is_for_api(request):
        return answer_outside_views(status=400, code="bad_request", words="The request cannot be read.")
    return bad_request(request, exception or Exception())


def show_error(request: HttpRequest) -> HttpResponse:
    """The page for an unexpected error. It needs neither the database nor the manifest of the static files."""
    request_id = getattr(request, "request_id", "")
    if is_for_api(request):
        words = "Something went wrong here. It has been logged."
        details = [make_detail("requestId", request_id)]
        return answer_outside_views(status=500, code="internal", words=words, details=details)
    return render(None, "500.html", {"request_id": request_id}, status=500)
