"""Files of scenarios, edge cases and options: upload, look at what it would change, say yes; and download."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lib.paging import page_of_list
from lib.row_problems import RowProblem
from templates_app.library import files
from templates_app.library.importing import SAME, Outdated, import_file, preview
from templates_app.library.kinds import MODELS, file_fields
from templates_app.models.import_files import LIFETIME, ImportFile
from templates_app.states import RowKind
from templates_app.web.library import LISTS, Methods, address, filters, matching, words_for
from workspaces.chosen import Chosen, chosen_workspace, editable_workspace
from workspaces.people import get_person

ROWS_SHOWN = 100
HOURS = int(LIFETIME.total_seconds() // 3600)


@never_cache
@Methods
@login_required
def upload(request: HttpRequest, kind: RowKind) -> HttpResponse:
    """GET asks for a file; POST reads it, and keeps it for the next page when nothing is wrong with it."""
    chosen = editable_workspace(request)
    if request.method != "POST":
        return asking(request, kind, chosen)
    given: Any = request.FILES.get("file")
    if problem := unusable(given):
        return asking(request, kind, chosen, problems=[problem])
    content, name = given.read(), given.name or "rows.csv"
    found = preview(content, name=name, kind=kind, workspace=chosen.workspace)
    if found.problems:
        return asking(request, kind, chosen, problems=found.problems, name=name)
    kept = ImportFile.keep(content, kind=kind, name=name, workspace=chosen.workspace, by=get_person(request))
    return redirect(f"{kind.value}_import_file", kept.pk)


def unusable(given: Any) -> RowProblem | None:
    if given is None:
        return RowProblem(None, "", "Choose a file first.")
    if (given.size or 0) > files.LARGEST:
        size, most = given.size or 0, files.LARGEST
        return RowProblem(None, "", f"The file has {size:,} bytes; at most {most:,} are allowed. Split it.")
    return None


def asking(
    request: HttpRequest, kind: RowKind, chosen: Chosen, *, problems: object = (), name: str = ""
) -> HttpResponse:
    context = {
        **words_for(kind),
        "chosen": chosen,
        "problems": problems,
        "file_name": name,
        "largest": files.LARGEST // 1_000_000,
        "most": files.MOST_ROWS,
        "columns": files.columns_of(kind),
        "back": address(kind, chosen.workspace),
    }
    return render(request, "templates_app/import_rows.html", context, status=422 if problems else 200)


@never_cache
@Methods
@login_required
def looked_at(request: HttpRequest, kind: RowKind, import_id: UUID) -> HttpResponse:
    """What a kept file would change; POST with that page's digest does it. Pressing twice is pressing once."""
    rows = ImportFile.objects.of(request.user).filter(kind=kind).select_related("workspace")
    kept: ImportFile = rows.get_visible_or_404(request.user, import_id)
    if request.method == "POST":
        try:
            outcome = import_file(kept, digest=request.POST.get("digest", ""), by=get_person(request))
        except Outdated:
            return showing(request, kind, kept, status=409)
        messages.success(request, outcome)
        return redirect(address(kind, kept.workspace))
    if kept.imported_at is not None:
        messages.info(request, f"“{kept.name}” is imported already. {kept.outcome}")
        return redirect(address(kind, kept.workspace))
    return showing(request, kind, kept)


def showing(request: HttpRequest, kind: RowKind, kept: ImportFile, *, status: int = 200) -> HttpResponse:
    found = preview(bytes(kept.content), name=kept.name, kind=kind, workspace=kept.workspace)
    moving = [change for change in found.changes if change.verb != SAME]
    context = {
        **words_for(kind),
        "kept": kept,
        "preview": found,
        "page": page_of_list(moving, request, per=ROWS_SHOWN),
        "outdated": status == 409,
        "hours": HOURS,
        "back": address(kind, kept.workspace),
    }
    return render(
        request, "templates_app/import_preview.html", context, status=422 if found.problems else status
    )


@require_safe
@login_required
def export(request: HttpRequest, kind: RowKind, form: str) -> HttpResponse:
    """The rows that the list shows, filters and all, as a file that can be imported again."""
    chosen = chosen_workspace(request)
    mine = MODELS[kind]._default_manager.visible_to(request.user).filter(workspace=chosen.workspace)  # type: ignore[attr-defined]
    wanted = filters(request, kind)
    if "list" not in request.GET:
        wanted["list"] = ""  # a file of options holds all lists
    rows = [file_fields(row) for row in matching(mine, kind, wanted)]
    dump = files.dump_csv if form == "csv" else files.dump_json
    content_type = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    name = f"{LISTS[kind].replace('_', '-')}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(dump(kind, rows), content_type=content_type, headers=headers)
