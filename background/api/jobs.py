"""GET /api/background-jobs and what is below it: the list, one job, and its cancelling."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from background.actions import cancel_job
from background.api.serializers import JobsQuery, serialize_job
from background.models import BackgroundJob
from lib.api.etags import render_with_etag
from lib.wire import fetch_slice, sort_rows
from workspaces.people import get_person


@api_view(["GET"])
def list_jobs(request: Request) -> Response:
    """The jobs of the caller's workspaces, the newest first."""
    query = JobsQuery.of(request)
    rows = BackgroundJob.objects.visible_to(request.user).for_lists()
    if query["status"]:
        rows = rows.filter(status__in=query["status"])
    if query["kind"]:
        rows = rows.filter(kind=query["kind"])
    found = fetch_slice(sort_rows(rows, query), limit=query["limit"], offset=query["offset"])
    return Response({"backgroundJobs": [serialize_job(each) for each in found.rows], **found.about})


@api_view(["GET"])
def show_job(request: Request, background_id: UUID) -> Response:
    rows = BackgroundJob.objects.for_lists()
    found = rows.get_visible_or_404(request.user, background_id)
    return render_with_etag({"backgroundJob": serialize_job(found)})


@api_view(["POST"])
def cancel(request: Request, background_id: UUID) -> Response:
    """At once while it waits, else after the step that runs. 409 for one that has ended another way."""
    found = BackgroundJob.objects.get_cancellable_or_403(request.user, background_id)
    return Response({"backgroundJob": serialize_job(cancel_job(found, by=get_person(request)))})


def make_start_response(job: BackgroundJob, **more: Any) -> Response:
    """202 with the address at which the job can be followed."""
    headers = {"Location": reverse("api_background_job", args=[job.pk])}
    return Response({**more, "backgroundJob": serialize_job(job)}, status=202, headers=headers)
