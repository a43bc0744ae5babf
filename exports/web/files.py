"""The files of an export: whoever may see the export may load them down, as a stream."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from exports.models import Export
from exports.running.sending import make_attachment, send_file
from workspaces.people import get_person


@require_safe
@login_required
def download_file(request: HttpRequest, export_id: UUID, number: int) -> HttpResponseBase:
    """The file of that number, from 1. 404 where the files were removed, or are no longer in their place."""
    return send_file(
        Export.objects.get_visible_or_404(request.user, export_id), number, to=get_person(request)
    )


@require_safe
@login_required
def download_manifest(request: HttpRequest, export_id: UUID) -> HttpResponseBase:
    export: Export = Export.objects.get_visible_or_404(request.user, export_id)
    if not export.manifest:
        raise Http404
    response = JsonResponse(export.manifest, json_dumps_params={"indent": 2, "ensure_ascii": False})
    return make_attachment(response, f"{export.pk}.manifest.json")
