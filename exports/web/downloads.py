"""Downloads of what is not reviewed yet: the conversations of a batch as they are, their manifest, one conversation."""

import os
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from batches.models import BatchJob
from conversations.models import Conversation
from conversations.states import Status
from exports.running.sending import make_attachment
from exports.unreviewed.files import build_file_name, build_job_file_name
from exports.unreviewed.manifest import build_manifest
from exports.unreviewed.stream import iter_jsonl, select_for_job, write_jsonl
from workspaces.audit_log.downloads import record_download
from workspaces.people import get_person
from workspaces.states import TargetKind

JSONL = "application/jsonl; charset=utf-8"


@require_safe
@login_required
def download_batch(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """All conversations of a batch as JSONL, streamed. 404 if it belongs to somebody else.

    `?system=no` leaves the system messages out, for models that refuse them in training data.
    """
    job: BatchJob = BatchJob.objects.get_visible_or_404(request.user, job_id)
    record_download(job, kind=TargetKind.BATCH, person=get_person(request))
    lines = iter_jsonl(select_for_job(job), system=_wants_system(request))
    return make_attachment(StreamingHttpResponse(lines, content_type=JSONL), build_job_file_name(job))


@require_safe
@login_required
def download_manifest(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """What `batch_download` gives now: counts, checksum, template versions, models, simulated or not."""
    job: BatchJob = BatchJob.objects.get_visible_or_404(request.user, job_id)
    name = build_job_file_name(job)
    with open(os.devnull, "wb") as nowhere:
        written = write_jsonl(select_for_job(job), nowhere, system=_wants_system(request))
    about = build_manifest(written, file=name, job=job, system=_wants_system(request))
    return make_attachment(JsonResponse(about, json_dumps_params={"indent": 2}), f"{name}.manifest.json")


@require_safe
@login_required
def download_conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponseBase:
    """One conversation as a file of one line. 404 if it belongs to somebody else."""
    found: Conversation = Conversation.objects.get_visible_or_404(request.user, conversation_id)
    record_download(found, kind=TargetKind.CONVERSATION, person=get_person(request))
    rows = Conversation.objects.filter(pk=found.pk)
    response = HttpResponse(b"".join(iter_jsonl(rows, system=_wants_system(request))), content_type=JSONL)
    name = build_file_name(
        found.conversation_id, simulated=found.simulated, unreviewed=found.status != Status.APPROVED
    )
    return make_attachment(response, name)


def _wants_system(request: HttpRequest) -> bool:
    return request.GET.get("system") != "no"
