"""Files of scenarios, edge cases and options: upload a file, review what it would change, import it; export a file."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lib.paging import cut_page
from lib.row_problems import limit_problems
from lib.tables.limits import clean_sheet, find_upload_problem
from templates_app.library.columns import REQUIRED, list_columns
from templates_app.library.dumps import dump_csv, dump_json, dump_sample
from templates_app.library.importing import SAME, PreviewOutdated, import_file, preview_file
from templates_app.library.kinds import MODELS, filter_entries, get_file_fields
from templates_app.library.needs import find_lacking_rows
from templates_app.library.sheet import BOUNDS
from templates_app.models.import_files import LIFETIME, ImportFile
from templates_app.states import EntryKind
from templates_app.web.library import LISTS, Methods, build_kind_context, build_list_url, read_filters
from workspaces.chosen import ChosenWorkspace, choose_editable_workspace, choose_workspace
from workspaces.people import get_person

ROWS_SHOWN = 100
COLUMN_TEXTS = {
    "kind": "persona, emotion, intent, tone or topic",
    "name": "unique in the workspace; a row with a known name changes that entry",
    "topic": "what the conversation is about",
    "description": "is added to the prompt",
    "weight": "how often it is drawn; a number such as 1 or 2.5",
    "tags": "words with ; between them",
    "template": "the name of a template; empty: the newest of the tier",
    "parameters.NAME": "a column for each other variable of a template, such as parameters.age",
}
VARIABLE_TEXT = "fills the variable of this name"
HOURS = int(LIFETIME.total_seconds() // 3600)


@never_cache
@Methods
@login_required
def upload_file(request: HttpRequest, kind: EntryKind) -> HttpResponse:
    """GET asks for a file. POST reads it and, if it has no problems, stores it for the review page."""
    chosen = choose_editable_workspace(request)
    if request.method != "POST":
        return render_upload(request, kind, chosen)
    given: Any = request.FILES.get("file")
    if problem := find_upload_problem(given, BOUNDS):
        return render_upload(request, kind, chosen, problems=[problem])
    content, name = given.read(), given.name or "rows.csv"
    sheet = clean_sheet(request.POST.get("sheet", ""))
    found = preview_file(content, name=name, kind=kind, workspace=chosen.workspace, sheet_name=sheet)
    if found.problems:
        return render_upload(
            request, kind, chosen, problems=found.problems, name=name, notes=found.notes, sheet=sheet
        )
    stored = ImportFile.store(
        content, kind=kind, name=name, workspace=chosen.workspace, by=get_person(request), sheet=sheet
    )
    return redirect(f"{kind.value}_import_file", stored.pk)


def render_upload(
    request: HttpRequest,
    kind: EntryKind,
    chosen: ChosenWorkspace,
    *,
    problems: object = (),
    name: str = "",
    notes: object = (),
    sheet: str = "",
) -> HttpResponse:
    context = {
        **build_kind_context(kind),
        "chosen": chosen,
        "problems": problems,
        "file_name": name,
        "notes": notes,
        "sheet": sheet,
        "bounds": BOUNDS,
        "largest": BOUNDS.bytes // 1_000_000,
        "columns": describe_columns(kind),
        "back": build_list_url(kind, chosen.workspace),
    }
    return render(request, "templates_app/import_rows.html", context, status=422 if problems else 200)


def describe_columns(kind: EntryKind) -> list[dict[str, Any]]:
    """The columns of a file: name, whether it is required, and what it holds."""
    required = (*REQUIRED[kind], *(() if kind == EntryKind.OPTION else ("topic",)))
    return [
        {"name": name, "required": name in required, "about": COLUMN_TEXTS.get(name, VARIABLE_TEXT)}
        for name in (*list_columns(kind), *(() if kind == EntryKind.OPTION else ("parameters.NAME",)))
    ]


@require_safe
@login_required
def download_sample(request: HttpRequest, kind: EntryKind) -> HttpResponse:
    """A CSV file with two rows, to begin with."""
    headers = {"Content-Disposition": f'attachment; filename="{LISTS[kind].replace("_", "-")}-sample.csv"'}
    return HttpResponse(dump_sample(kind), content_type="text/csv; charset=utf-8", headers=headers)


@never_cache
@Methods
@login_required
def review_file(request: HttpRequest, kind: EntryKind, import_id: UUID) -> HttpResponse:
    """GET shows what a stored file would change. POST with the digest of that page imports it, at most once."""
    files = ImportFile.objects.uploaded_by(request.user).filter(kind=kind).select_related("workspace")
    stored: ImportFile = files.get_visible_or_404(request.user, import_id)
    if request.method == "POST":
        try:
            outcome = import_file(stored, digest=request.POST.get("digest", ""), by=get_person(request))
        except PreviewOutdated:
            return render_preview(request, kind, stored, status=409)
        messages.success(request, outcome)
        return redirect(build_list_url(kind, stored.workspace))
    if stored.imported_at is not None:
        messages.info(request, f"“{stored.name}” is imported already. {stored.outcome}")
        return redirect(build_list_url(kind, stored.workspace))
    return render_preview(request, kind, stored)


def render_preview(
    request: HttpRequest, kind: EntryKind, stored: ImportFile, *, status: int = 200
) -> HttpResponse:
    found = preview_file(
        bytes(stored.content),
        name=stored.name,
        kind=kind,
        workspace=stored.workspace,
        sheet_name=stored.sheet,
    )
    shown = [change for change in found.changes if change.verb != SAME]
    context = {
        **build_kind_context(kind),
        "kept": stored,
        "preview": found,
        "lacking": limit_problems(find_lacking_rows(found.changes, kind=kind, workspace=stored.workspace)),
        "page": cut_page(shown, request, per=ROWS_SHOWN),
        "outdated": status == 409,
        "hours": HOURS,
        "back": build_list_url(kind, stored.workspace),
    }
    return render(
        request, "templates_app/import_preview.html", context, status=422 if found.problems else status
    )


@require_safe
@login_required
def export_entries(request: HttpRequest, kind: EntryKind, form: str) -> HttpResponse:
    """The entries that the filtered list shows, as a file that can be imported again."""
    chosen = choose_workspace(request)
    mine = MODELS[kind]._default_manager.visible_to(request.user).filter(workspace=chosen.workspace)  # type: ignore[attr-defined]
    wanted = read_filters(request, kind)
    if "list" not in request.GET:
        wanted["list"] = ""  # without a chosen list, a file of options contains all lists
    rows = [get_file_fields(entry) for entry in filter_entries(mine, kind, wanted)]
    dump = dump_csv if form == "csv" else dump_json
    content_type = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    name = f"{LISTS[kind].replace('_', '-')}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(dump(kind, rows), content_type=content_type, headers=headers)
