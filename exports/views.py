"""Downloads: the conversations of a batch, its manifest, one conversation."""

import os
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from batches.models import BatchJob
from conversations.models import Conversation
from exports.actions import build_file_name, build_job_file_name
from exports.manifest import build_manifest
from exports.stream import iter_jsonl, select_for_job, write_jsonl

JSONL = "application/jsonl; charset=utf-8"


@require_safe
@login_required
def download_batch(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """All conversations of a batch as JSONL, streamed. 404 if the batch belongs to somebody else."""
    job = get_object_or_404(BatchJob.objects.visible_to(request.user), pk=job_id)
    return _as_file(
        StreamingHttpResponse(iter_jsonl(select_for_job(job)), content_type=JSONL), build_job_file_name(job)
    )


@require_safe
@login_required
def download_manifest(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """The manifest of what `download_batch` returns now: counts, checksum, template versions, models, simulated."""
    job = get_object_or_404(BatchJob.objects.visible_to(request.user), pk=job_id)
    name = build_job_file_name(job)
    with open(os.devnull, "wb") as nowhere:
        written = write_jsonl(select_for_job(job), nowhere)
    about = build_manifest(written, file=name, job=job)
    return _as_file(JsonResponse(about, json_dumps_params={"indent": 2}), f"{name}.manifest.json")


@require_safe
@login_required
def download_conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """One conversation as a file of one line. 404 if it belongs to somebody else."""
    rows = Conversation.objects.visible_to(request.user)
    found = get_object_or_404(rows, pk=conversation_id)
    response = HttpResponse(b"".join(iter_jsonl(rows.filter(pk=found.pk))), content_type=JSONL)
    return _as_file(response, build_file_name(found.conversation_id, simulated=found.simulated))


def _as_file(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    return response
