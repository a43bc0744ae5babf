"""Downloads: the conversations of a batch, the approved ones, their manifests, one conversation."""

import os
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from batches.models import BatchJob
from conversations.models import Conversation, ConversationQuerySet
from exports.unreviewed.files import build_file_name, build_job_file_name
from exports.unreviewed.manifest import build_manifest
from exports.unreviewed.stream import iter_jsonl, select_approved, select_for_job, write_jsonl
from workspaces.people import get_person

JSONL = "application/jsonl; charset=utf-8"


@require_safe
@login_required
def download_batch(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """All conversations of a batch as JSONL, streamed. 404 if it belongs to somebody else.

    `?system=no` leaves the system messages out, for models that refuse them in training data.
    """
    job: BatchJob = BatchJob.objects.get_visible_or_404(request.user, job_id)
    lines = iter_jsonl(select_for_job(job), system=_wants_system(request))
    return _as_file(StreamingHttpResponse(lines, content_type=JSONL), build_job_file_name(job))


@require_safe
@login_required
def download_manifest(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """What `batch_download` gives now: counts, checksum, template versions, models, simulated or not."""
    job: BatchJob = BatchJob.objects.get_visible_or_404(request.user, job_id)
    name = build_job_file_name(job)
    with open(os.devnull, "wb") as nowhere:
        written = write_jsonl(select_for_job(job), nowhere, system=_wants_system(request))
    about = build_manifest(written, file=name, job=job, system=_wants_system(request))
    return _as_file(JsonResponse(about, json_dumps_params={"indent": 2}), f"{name}.manifest.json")


@require_safe
@login_required
def download_approved(request: HttpRequest) -> HttpResponseBase:
    """The approved conversations as JSONL, streamed: of all batches, or of one with `?batch=ID`.

    `?simulated=yes` takes those of the simulator too, and the file's name says so. `?system=no` leaves the system messages out.
    """
    chosen = _choose_approved(request)
    if not chosen.exists():
        messages.info(request, "Nothing is approved yet. Review some conversations first.")
        return redirect("review")
    lines = iter_jsonl(chosen, system=_wants_system(request))
    return _as_file(StreamingHttpResponse(lines, content_type=JSONL), _name_approved(chosen))


@require_safe
@login_required
def download_approved_manifest(request: HttpRequest) -> HttpResponseBase:
    """What `approved_download` gives now with the same choices: counts, checksum, template versions, models."""
    chosen = _choose_approved(request)
    name = _name_approved(chosen)
    with open(os.devnull, "wb") as nowhere:
        written = write_jsonl(chosen, nowhere, system=_wants_system(request))
    about = build_manifest(written, file=name, system=_wants_system(request))
    return _as_file(JsonResponse(about, json_dumps_params={"indent": 2}), f"{name}.manifest.json")


@require_safe
@login_required
def download_conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """One conversation as a file of one line. 404 if it belongs to somebody else."""
    found: Conversation = Conversation.objects.get_visible_or_404(request.user, conversation_id)
    rows = Conversation.objects.filter(pk=found.pk)
    response = HttpResponse(b"".join(iter_jsonl(rows, system=_wants_system(request))), content_type=JSONL)
    return _as_file(response, build_file_name(found.conversation_id, simulated=found.simulated))


def _choose_approved(request: HttpRequest) -> ConversationQuerySet:
    """Raises Http404 when the batch is somebody else's, or is none."""
    batch = request.GET.get("batch")
    job = BatchJob.objects.get_visible_or_404(request.user, batch) if batch else None
    simulated = request.GET.get("simulated") == "yes"
    return select_approved(get_person(request), job=job, simulated=simulated)


def _name_approved(chosen: ConversationQuerySet) -> str:
    return build_file_name("approved", simulated=chosen.filter(simulated=True).exists())


def _wants_system(request: HttpRequest) -> bool:
    return request.GET.get("system") != "no"


def _as_file(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    return response
