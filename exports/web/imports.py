"""Import conversations: upload a file, look at what was understood, start the import, read what came of it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.models import Conversation
from conversations.queue import count_waiting
from exports.importing.choices import Choices
from exports.importing.reading.records import BOUNDS, MOST_CONVERSATIONS
from exports.importing.reading.tables import list_columns
from exports.importing.running import NEW, THERE, VERSIONS, start_import
from exports.importing.sample import SAMPLE
from exports.importing.uploading import upload_file
from exports.models import ImportedFile
from exports.models.import_files import LIFETIME, FileKind
from exports.web.import_forms import StartForm, UploadForm
from lib.htmx import is_target
from lib.row_problems import RowsError, limit_problems
from lib.stale_state import StaleState
from lib.tables.limits import find_upload_problem
from workspaces.chosen import ChosenWorkspace, choose_editable_workspace
from workspaces.models import Membership
from workspaces.people import get_person

LARGEST_MB = BOUNDS.bytes // 1_000_000
HOURS = int(LIFETIME.total_seconds() // 3600)
# The numbers of the job's result, in words.
OUTCOMES = {NEW: "Imported", VERSIONS: "New versions", THERE: "Already there"}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """GET asks for a file. POST reads it, and leads to what was understood."""
    chosen = choose_editable_workspace(request)
    form = UploadForm(request.POST if request.method == "POST" else None, workspace=chosen.workspace)
    if request.method != "POST":
        return render_upload(request, form, chosen)
    given: Any = request.FILES.get("file")
    problem = find_upload_problem(given, BOUNDS)
    if problem or not form.is_valid():
        return render_upload(request, form, chosen, problems=[problem] if problem else ())
    try:
        stored = upload_file(
            given.read(),
            name=given.name or "conversations",
            workspace=chosen.workspace,
            by=get_person(request),
            choices=form.read_choices(),
            sheet=form.cleaned_data["sheet"],
        )
    except RowsError as wrong:
        return render_upload(request, form, chosen, problems=limit_problems(wrong.problems), name=given.name)
    return redirect("import_file", stored.pk)


def render_upload(
    request: HttpRequest, form: UploadForm, chosen: ChosenWorkspace, *, problems: object = (), name: str = ""
) -> HttpResponse:
    context = {
        "form": form,
        "chosen": chosen,
        "problems": problems,
        "file_name": name,
        "largest": LARGEST_MB,
        "most": MOST_CONVERSATIONS,
        "columns": list_columns(),
    }
    status = 422 if problems or form.errors else 200
    return render(request, "exports/import_new.html", context, status=status)


@require_safe
@login_required
def download_sample(request: HttpRequest) -> HttpResponse:
    """Two conversations as JSON Lines, to begin with."""
    headers = {"Content-Disposition": 'attachment; filename="conversations-sample.jsonl"'}
    return HttpResponse(SAMPLE, content_type="application/jsonl; charset=utf-8", headers=headers)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def show_file(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """GET shows what was understood, or how far its job is. POST starts the import."""
    file = find_file(request, file_id)
    if request.method == "POST":
        return start(request, file)
    if file.job is None:
        return render(request, "exports/import_preview.html", build_preview(file))
    part = "#live" if is_target(request, "live") else ""
    return render(request, f"exports/import_report.html{part}", build_outcome(request, file))


def find_file(request: HttpRequest, file_id: UUID) -> ImportedFile:
    files = ImportedFile.objects.uploaded_by(request.user).filter(kind=FileKind.CONVERSATIONS)
    found: ImportedFile = (
        files.select_related("job__created_by", "workspace")
        .defer("content")
        .get_visible_or_404(request.user, file_id)
    )
    return found


def start(request: HttpRequest, file: ImportedFile) -> HttpResponse:
    """Raises PermissionDenied for a person who is no editor there any more."""
    person = get_person(request)
    mine = Membership.objects.of(person)
    if not mine.filter(workspace=file.workspace, role__in=Membership.EDITORS).exists():
        raise PermissionDenied
    form = StartForm(request.POST)
    form.is_valid()
    if not file.report["read"]:
        messages.error(request, "Nothing of this file can be read. Correct it, and choose it again.")
        return redirect("import_new")
    chosen = replace(
        Choices.read(file.choices),
        as_versions=bool(form.cleaned_data.get("as_versions")),
        again=bool(form.cleaned_data.get("again")),
    )
    try:
        start_import(file, chosen, by=person)
    except StaleState:
        messages.info(request, f"“{file.name}” is imported already.")
    return redirect("import_file", file.pk)


def build_preview(file: ImportedFile) -> dict[str, Any]:
    found = file.report["outcomes"]
    return {
        "file": file,
        "report": file.report,
        "choices": Choices.read(file.choices),
        "count": found["new"] + found["changed"],
        "hours": HOURS,
    }


def build_outcome(request: HttpRequest, file: ImportedFile) -> dict[str, Any]:
    job: Any = file.job
    rows = Conversation.objects.visible_to(request.user).filter(import_job=job)
    return {
        "file": file,
        "report": file.report,
        "job": job,
        "polls": job.is_open,
        "results": [(words, job.result.get(name, 0)) for name, words in OUTCOMES.items()],
        "waiting": count_waiting(rows),
    }
