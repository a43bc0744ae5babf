"""The list of exports, the form of a new one, the page of one with its progress, check and files, and what is done there."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from conversations.bulk import TooCommon
from conversations.models import Conversation
from conversations.web.forms import FilterForm
from exports.formats import FORMATS
from exports.models import Export, ExportQuerySet
from exports.models.states import ExportState, Split
from exports.pushing.actions import is_pushable, may_push
from exports.running.actions import (
    WRITABLE,
    cancel_export,
    create_export,
    delete_export,
    may_delete,
    may_export,
    recreate_export,
    write_export,
)
from exports.web.forms import ExportForm, build_initial, read_list_filter, read_ticks
from exports.web.snippets import list_snippets
from lib.htmx import is_target
from lib.paging import LIMIT, count_up_to_limit, fetch_page
from lib.stale_state import StaleState
from workspaces.audit import read_history
from workspaces.chosen import ChosenWorkspace, choose_workspace
from workspaces.people import get_person
from workspaces.states import TargetKind

PER_PAGE = 50


@require_safe
@login_required
def list_exports(request: HttpRequest) -> HttpResponse:
    """The exports of this person's workspaces, the newest first."""
    page = fetch_page(Export.objects.visible_to(request.user).for_lists(), request, per=PER_PAGE)
    context = {"page": page, "polls": any(each.is_open for each in page.rows), "formats": FORMATS}
    part = "#live" if is_target(request, "live") else ""
    return render(request, f"exports/exports.html{part}", context)


# --- a new one -------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def start_new(request: HttpRequest) -> HttpResponse:
    """The form. While it is filled in, a POST for `#count` brings the number of conversations; any other one starts the export."""
    if elsewhere := _find_other_workspace(request):
        return redirect(f"{request.path}?{request.GET.urlencode()}&workspace={elsewhere}")
    chosen = choose_workspace(request)
    if not may_export(get_person(request), chosen.workspace.pk):
        raise PermissionDenied
    if request.method != "POST":
        return _show_form(request, chosen, _make_new_form(request, chosen))
    form = ExportForm(request.POST, workspace=chosen.workspace, chosen=read_ticks(request.POST))
    if is_target(request, "count"):
        return render(request, "exports/new.html#count", _count(form))
    if not form.is_valid():
        return _show_form(request, chosen, form, status=422)
    made = create_export(workspace=chosen.workspace, by=get_person(request), **form.build_choices())
    return redirect(made)


def _find_other_workspace(request: HttpRequest) -> UUID | None:
    """The workspace of the ticked conversations or of the batch, where the address names none and it is not the personal one."""
    ticks, batch = read_ticks(request.GET), FilterForm(request.GET).chosen("batch")
    if request.method == "POST" or "workspace" in request.GET or not (ticks or batch):
        return None
    rows = Conversation.objects.visible_to(request.user)
    found = rows.filter(pk__in=ticks) if ticks else rows.of_job(batch)
    home: UUID | None = (
        found.exclude(workspace__personal_of=request.user).values_list("workspace", flat=True).first()
    )
    return home


def _make_new_form(request: HttpRequest, chosen: ChosenWorkspace) -> ExportForm:
    """Where only the simulator has written what is approved, its conversations are chosen at first."""
    initial = build_initial(chosen.workspace, read_list_filter(request))
    about: dict[str, Any] = {"workspace": chosen.workspace, "chosen": read_ticks(request.GET)}
    form = ExportForm(_make_bound(initial), **about)
    try:
        if not form.find().exists():
            with_simulated = ExportForm(_make_bound({**initial, "simulated": True}), **about)
            form = with_simulated if with_simulated.find().exists() else form
    except TooCommon:
        pass
    return form


def _make_bound(initial: dict[str, Any]) -> dict[str, Any]:
    """As a browser would send it, so that the number of conversations can be told at once."""
    return {name: value for name, value in initial.items() if value is not None and value is not False}


def _show_form(
    request: HttpRequest, chosen: ChosenWorkspace, form: ExportForm, *, status: int = 200
) -> HttpResponse:
    query = form["filter"].value() or ""
    context = {
        "form": form,
        "chosen": chosen,
        "formats": FORMATS.values(),
        "ticks": form.chosen or [],
        "chips": FilterForm(QueryDict(query)).chips(),
        **_count(form),
    }
    return render(request, "exports/new.html", context, status=status)


def _count(form: ExportForm) -> dict[str, Any]:
    """How many it would be, up to a bound, and how many are left out because nobody has approved them."""
    try:
        count, more = count_up_to_limit(form.find())
    except TooCommon as wrong:
        return {"count": 0, "more": False, "wrong": str(wrong)}
    return {"count": count, "more": more, "most": LIMIT, "takes": form.build_wanted().takes}


# --- one -------------------------------------------------------------------------------------------------


@require_safe
@login_required
def show_export(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """Its progress, which is looked up again every second until it ends, what the check found, and its files."""
    rows: ExportQuerySet = Export.objects.select_related(
        "job", "created_by", "workspace", "since", "push_job"
    )
    export: Export = rows.get_visible_or_404(request.user, export_id)
    part = "#live" if is_target(request, "live") else ""
    return render(request, f"exports/export.html{part}", _build_context(export, request))


def _build_context(export: Export, request: HttpRequest) -> dict[str, Any]:
    state, may = export.state, may_export(get_person(request), export.workspace_id)
    findings = _list_findings(export)
    return {
        "export": export,
        "state": state,
        "step": _name_step(export),
        "format": FORMATS.get(export.format),
        "polls": export.is_open or export.is_being_pushed,
        "chips": FilterForm(QueryDict(export.filter)).chips(),
        "findings": findings,
        "blocking": any(each["severity"] == "blocks" for each in findings),
        "splits": _list_splits(export),
        "skipped": list(export.manifest.get("skipped", {}).items()),
        "snippets": list_snippets(export),
        "changed": export.items.changed_since().count() if state == ExportState.COMPLETED else 0,
        "may_write": may and state in WRITABLE,
        "may_recreate": may and state == ExportState.COMPLETED,
        "may_cancel": may and export.is_open and export.job and not export.job.cancel_asked_at,
        "may_push": is_pushable(export) and may_push(get_person(request), export),
        "may_delete": state != ExportState.DELETED and may_delete(get_person(request), export),
        "history": read_history(TargetKind.EXPORT, export.pk),
    }


def _list_splits(export: Export) -> list[tuple[str, int]]:
    """Training first. The database keeps the keys of an object in an order of its own."""
    counts = export.counts.get("splits", {})
    return [(split, counts[split]) for split in Split.values if split in counts]


def _name_step(export: Export) -> str:
    if export.state == ExportState.QUEUED:
        return "Waiting for a worker"
    if export.frozen_at is None:
        return "Choosing the conversations"
    return "Checking them" if export.checked_at is None else "Writing the files"


def _list_findings(export: Export) -> list[dict[str, Any]]:
    """What the check found, each with the human ids and the keys of the first conversations that it is about."""
    findings = export.report.get("findings", [])
    keys = _find_named(export, findings)
    return [{**each, "rows": [(name, keys.get(name)) for name in each["ids"]]} for each in findings]


def _find_named(export: Export, findings: list[dict[str, Any]]) -> dict[str, UUID]:
    """The keys of the conversations that the check names, by their human ids. In one query."""
    names = {name for each in findings for name in each["ids"]}
    if not names:
        return {}
    rows = Conversation.objects.heads().filter(workspace=export.workspace_id, conversation_id__in=names)
    return dict(rows.values_list("conversation_id", "pk"))


@require_POST
@login_required
def write(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """Write the files after the check, or begin again after a failure."""
    return _act(request, export_id, write_export)


@require_POST
@login_required
def write_again(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """Write the files once more from the frozen rows."""
    return _act(request, export_id, recreate_export)


@require_POST
@login_required
def cancel(request: HttpRequest, export_id: UUID) -> HttpResponse:
    return _act(request, export_id, cancel_export)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """GET says what would be gone and what stays. POST deletes it."""
    found: Export = Export.objects.select_related("job", "workspace").get_reviewable_or_403(
        request.user, export_id
    )
    if not may_delete(get_person(request), found):
        raise PermissionDenied
    if request.method == "POST":
        return _act(request, export_id, delete_export)
    return render(request, "exports/delete.html", {"export": found, "state": found.state})


def _act(request: HttpRequest, export_id: UUID, action: Any) -> HttpResponse:
    found: Export = Export.objects.select_related("job").get_reviewable_or_403(request.user, export_id)
    try:
        action(found, by=get_person(request))
    except StaleState as stale:
        messages.error(request, str(stale))
    return redirect(found)
