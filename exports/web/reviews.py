"""Reviews outside: get the file for reviewers, upload it again, look at what it would change, and apply it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from conversations.models import Conversation
from conversations.states import ReasonCode
from conversations.web.forms import FilterForm, read_filter
from exports.models import ImportedFile
from exports.models.import_files import LIFETIME, FileKind
from exports.reviewing.applying import start_reviews, upload_reviews
from exports.reviewing.columns import describe_columns
from exports.reviewing.reading import BOUNDS
from exports.reviewing.writing import MOST_ROWS, TooManyRows, write_sheet
from lib.htmx import is_target
from lib.row_problems import RowsError, limit_problems
from lib.stale_state import StaleState
from lib.tables.limits import clean_sheet, find_upload_problem
from workspaces.audit_log.downloads import record_download
from workspaces.chosen import ChosenWorkspace, choose_workspace
from workspaces.models import Membership
from workspaces.people import get_person
from workspaces.states import TargetKind

LARGEST_MB = BOUNDS.bytes // 1_000_000
HOURS = int(LIFETIME.total_seconds() // 3600)
# The counts of a report and of a job's result, in words.
CHANGES = {
    "approve": "Approved",
    "reject": "Rejected",
    "needs_revision": "Sent back",
    "edited": "Edited",
    "noted": "Notes",
    "conflicts": "Not applied",
}


@require_safe
@login_required
def download_sheet(request: HttpRequest) -> HttpResponseBase:
    """The conversations of one workspace that a filter of the list finds, as a CSV file for reviewers."""
    chosen = choose_workspace(request)
    mine = Conversation.objects.visible_to(request.user).filter(workspace=chosen.workspace)
    rows = FilterForm(request.GET).apply(mine)
    try:
        parts = write_sheet(rows)
    except TooManyRows as wrong:
        messages.error(request, str(wrong))
        return redirect("reviews_new")
    record_download(
        chosen.workspace, kind=TargetKind.WORKSPACE, person=get_person(request), file="reviews.csv"
    )
    headers = {
        "Content-Disposition": 'attachment; filename="reviews.csv"',
        "Cache-Control": "private, no-store",
    }
    return StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8", headers=headers)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def upload(request: HttpRequest) -> HttpResponse:
    """GET offers the file for reviewers and asks for it. POST reads it, and leads to what it would change."""
    chosen = choose_reviewable_workspace(request)
    if request.method != "POST":
        return render_upload(request, chosen)
    given: Any = request.FILES.get("file")
    if problem := find_upload_problem(given, BOUNDS):
        return render_upload(request, chosen, problems=[problem])
    sheet = clean_sheet(request.POST.get("sheet", ""))
    try:
        stored = upload_reviews(
            given.read(),
            name=given.name or "reviews",
            workspace=chosen.workspace,
            by=get_person(request),
            sheet=sheet,
        )
    except RowsError as wrong:
        return render_upload(request, chosen, problems=limit_problems(wrong.problems), name=given.name)
    return redirect("reviews_file", stored.pk)


def choose_reviewable_workspace(request: HttpRequest) -> ChosenWorkspace:
    """Raises PermissionDenied for a person who decides nothing in the workspace."""
    chosen = choose_workspace(request)
    if not may_review(request, chosen.workspace.pk):
        raise PermissionDenied
    return chosen


def may_review(request: HttpRequest, workspace: UUID) -> bool:
    mine = Membership.objects.of(get_person(request))
    return mine.filter(workspace=workspace, role__in=Membership.REVIEWERS).exists()


def render_upload(
    request: HttpRequest, chosen: ChosenWorkspace, *, problems: object = (), name: str = ""
) -> HttpResponse:
    context = {
        "chosen": chosen,
        "problems": problems,
        "file_name": name,
        "largest": LARGEST_MB,
        "most": MOST_ROWS,
        "filter": read_list_filter(request),
        "columns": describe_columns(", ".join(ReasonCode.values)),
    }
    return render(request, "exports/reviews_new.html", context, status=422 if problems else 200)


def read_list_filter(request: HttpRequest) -> str:
    """The filter of the list from which the person comes, as a query string; empty for none. Raises BadRequest for a long one."""
    given = request.GET.copy()
    for name in list(given):
        if name not in FilterForm.base_fields:
            del given[name]
    return read_filter(given.urlencode())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def show_file(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """GET shows what the file would change, or how far its job is. POST applies it."""
    files = ImportedFile.objects.uploaded_by(request.user).filter(kind=FileKind.REVIEWS).defer("content")
    file: ImportedFile = files.select_related("job__created_by", "workspace").get_visible_or_404(
        request.user, file_id
    )
    if request.method == "POST":
        return apply(request, file)
    part = "#live" if is_target(request, "live") and file.job else ""
    return render(request, f"exports/reviews_file.html{part}", build_context(file))


def apply(request: HttpRequest, file: ImportedFile) -> HttpResponse:
    if not may_review(request, file.workspace_id):
        raise PermissionDenied
    try:
        start_reviews(file, by=get_person(request))
    except StaleState:
        messages.info(request, f"“{file.name}” is applied already.")
    return redirect("reviews_file", file.pk)


def build_context(file: ImportedFile) -> dict[str, Any]:
    job: Any = file.job
    counts = job.result if job else file.report["changes"]
    return {
        "file": file,
        "report": file.report,
        "job": job,
        "polls": bool(job and job.is_open),
        "changes": [(words, counts.get(name, 0)) for name, words in CHANGES.items()],
        "applicable": file.report["read"] - file.report["changes"].get("conflicts", 0),
        "not_applied": job.result.get("not_applied", []) if job else file.report.get("conflicts", []),
        "hours": HOURS,
    }
