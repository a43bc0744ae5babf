"""The pages of scenarios, edge cases and options: lists, forms and actions. The pages for files are in `imports`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F, Func
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lib.paging import fetch_page
from lib.stale_state import StaleState
from templates_app.library import editing
from templates_app.library.checks import WrongEntry, clean_fields
from templates_app.library.kinds import KIND_TEXTS, MODELS, filter_entries
from templates_app.library.needs import describe_lacking, find_version
from templates_app.models import LibraryEntry, Option, OptionKind, PromptTemplate, Situation
from templates_app.packs.installing import install_pack
from templates_app.prompts.editing import EditConflict
from templates_app.states import EntryKind
from templates_app.web.library_forms import EntryForm, keep_changed, read_fields, read_given, read_stored
from workspaces.chosen import choose_editable_workspace, choose_workspace
from workspaces.models import Workspace
from workspaces.people import get_person

PER_PAGE = 50
MOST_TAGS_SHOWN = 200
SPARE_PARAMETERS = 2
LISTS = {EntryKind.SCENARIO: "scenarios", EntryKind.EDGE_CASE: "edge_cases", EntryKind.OPTION: "options"}

Methods = require_http_methods(["GET", "HEAD", "POST"])


def build_list_url(kind: EntryKind, workspace: Workspace, **query: str) -> str:
    """The URL of the list of a kind in this workspace."""
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"{reverse(LISTS[kind])}?workspace={workspace.pk}{more}"


def build_kind_context(kind: EntryKind) -> dict[str, Any]:
    """The texts of a kind and the URL names of its pages, for templates."""
    return {
        "kind": kind.value,
        "words": KIND_TEXTS[kind],
        "title": EntryKind(kind).label,
        "names": {
            verb: f"{kind.value}_{verb}"
            for verb in (
                *("new", "import", "import_file", "import_sample", "export_csv", "export_json"),
                *("archive", "restore", "duplicate", "move"),
            )
        }
        | {"one": kind.value, "all": LISTS[kind]},
    }


# --- lists -------------------------------------------------------------------------------------------


@require_safe
@login_required
def list_entries(request: HttpRequest, kind: EntryKind) -> HttpResponse:
    """The entries of a workspace, filtered by search, tag, option list and whether they are archived."""
    chosen = choose_workspace(request)
    mine = MODELS[kind]._default_manager.visible_to(request.user).filter(workspace=chosen.workspace)  # type: ignore[attr-defined]
    wanted = read_filters(request, kind)
    shown = fetch_page(filter_entries(mine, kind, wanted), request, per=PER_PAGE, searched=bool(wanted["q"]))
    context = {
        **build_kind_context(kind),
        "chosen": chosen,
        "page": shown,
        "filters": wanted,
        "counted": name_rows(kind, wanted),
        **build_queries(kind, chosen.workspace, wanted),
        "filtered": bool(wanted["q"] or wanted["tag"] or wanted["archived"]),
        "tags": list_tags(mine) if kind != EntryKind.OPTION else (),
        "lists": OptionKind.choices if kind == EntryKind.OPTION else (),
    }
    page = "options.html" if kind == EntryKind.OPTION else "situations.html"
    return render(request, f"templates_app/{page}", context)


def read_filters(request: HttpRequest, kind: EntryKind) -> dict[str, Any]:
    which = request.GET.get("list", "")
    return {
        "q": request.GET.get("q", "").replace("\x00", "").strip()[:200],
        "tag": request.GET.get("tag", "").replace("\x00", ""),
        "archived": request.GET.get("archived") == "1",
        "list": (which if which in OptionKind.values else OptionKind.PERSONA.value)
        if kind == EntryKind.OPTION
        else "",
    }


def name_rows(kind: EntryKind, wanted: dict[str, Any]) -> dict[str, str]:
    """What one entry of the list is called, and several: the options of a list by the name of that list."""
    if kind == EntryKind.OPTION:
        return {"one": wanted["list"], "several": f"{wanted['list']}s"}
    return {"one": KIND_TEXTS[kind].one, "several": KIND_TEXTS[kind].several}


def build_queries(kind: EntryKind, workspace: Workspace, wanted: dict[str, Any]) -> dict[str, str]:
    """The query of links to the list, and that of its export: a list of options is exported whole."""
    here = {"workspace": str(workspace.pk)}
    if kind == EntryKind.OPTION:
        return {"list_query": urlencode(here | {"list": wanted["list"]}), "export_query": urlencode(here)}
    filters = {"q": wanted["q"], "tag": wanted["tag"], "archived": "1" if wanted["archived"] else ""}
    chosen = {name: value for name, value in filters.items() if value}
    return {"list_query": urlencode(here), "export_query": urlencode(here | chosen)}


def list_tags(entries: Any) -> list[str]:
    found = entries.order_by().annotate(tag=Func(F("tags"), function="unnest")).values_list("tag", flat=True)
    return list(found.distinct().order_by("tag")[:MOST_TAGS_SHOWN])


# --- forms -------------------------------------------------------------------------------------------


@never_cache
@Methods
@login_required
def create_entry(request: HttpRequest, kind: EntryKind) -> HttpResponse:
    chosen = choose_editable_workspace(request)
    if request.method != "POST":
        given = {"kind": read_filters(request, kind)["list"], "weight": "1"}
        return render_form(request, kind, given=given, workspace=chosen.workspace)
    form = EntryForm(request.POST)
    try:
        fields = read_fields(kind, request.POST, workspace=chosen.workspace)
        made = editing.make(kind, chosen.workspace, fields, by=get_person(request))
    except WrongEntry as wrong:
        form.add_problems(wrong)
        given = read_given(request.POST)
        return render_form(request, kind, given=given, workspace=chosen.workspace, form=form, status=422)
    show_saved(request, made)
    return redirect(get_list_url(made))


@never_cache
@Methods
@login_required
def edit_entry(request: HttpRequest, kind: EntryKind, entry_id: UUID) -> HttpResponse:
    """One entry in its form. Members who may not edit see it without buttons."""
    if request.method != "POST":
        entry = find_visible(request, kind, entry_id)
        return render_form(request, kind, given=read_stored(entry), workspace=entry.workspace, entry=entry)
    entry = find_editable(request, kind, entry_id)
    form = EntryForm(request.POST)
    try:
        fields = keep_changed(
            entry, clean_fields(kind, read_fields(kind, request.POST, workspace=entry.workspace))
        )
        editing.change(entry, fields, by=get_person(request), seen=read_seen(request))
    except WrongEntry as wrong:
        form.add_problems(wrong)
        return render_form_again(request, kind, entry, form, status=422)
    except EditConflict:
        return render_conflict(request, kind, entry, form)
    show_saved(request, entry)
    return redirect(get_list_url(entry))


def show_saved(request: HttpRequest, entry: LibraryEntry) -> None:
    """That it is saved, and what it still lacks for its template."""
    messages.success(request, f"“{entry}” is saved.")
    if isinstance(entry, Situation) and (lacking := describe_lacking(entry)):
        messages.warning(request, lacking)


def read_seen(request: HttpRequest) -> datetime:
    try:
        return datetime.fromisoformat(request.POST.get("seen", ""))
    except ValueError as none:
        raise EditConflict from none


def render_conflict(request: HttpRequest, kind: EntryKind, entry: Any, form: EntryForm) -> HttpResponse:
    """409 with the person's own text still in the form, so that this person can decide to save it again."""
    now = find_visible(request, kind, entry.pk)
    form.is_valid()
    form.add_error(
        None,
        "Somebody has saved this since you opened it. Your text is below and nothing was written. "
        "If you save again, your text replaces theirs.",
    )
    return render_form_again(request, kind, now, form, status=409, seen=now.updated_at.isoformat())


def render_form_again(
    request: HttpRequest, kind: EntryKind, entry: Any, form: EntryForm, *, status: int, **given: str
) -> HttpResponse:
    shown = {**read_given(request.POST), **given}
    return render_form(
        request, kind, given=shown, workspace=entry.workspace, entry=entry, form=form, status=status
    )


def render_form(
    request: HttpRequest,
    kind: EntryKind,
    *,
    given: dict[str, Any],
    workspace: Workspace,
    entry: Any = None,
    form: EntryForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        **build_kind_context(kind),
        "form": form,
        "given": given,
        "entry": entry,
        "workspace": workspace,
        "back": build_list_url(kind, workspace, **name_list(kind, given.get("kind"))),
        "can_edit": entry is None or may_edit(request, kind, entry),
        "lists": OptionKind.choices,
    }
    if kind == EntryKind.OPTION:
        return render(request, "templates_app/option.html", context, status=status)
    context |= {
        "templates": list_template_choices(kind, workspace, given.get("template", "")),
        "parameters": build_parameter_rows(entry, given.get("parameters") or []),
        "lacking": describe_lacking(entry) if isinstance(entry, Situation) else "",
        "lacking_for": find_version(entry) if isinstance(entry, Situation) else None,
    }
    return render(request, "templates_app/situation.html", context, status=status)


def list_template_choices(kind: EntryKind, workspace: Workspace, chosen: str) -> list[tuple[str, str]]:
    templates = PromptTemplate.objects.filter(workspace=workspace, tier=kind.value).order_by("name")
    found = templates.filter(archived_at=None).values_list("pk", "name")
    choices = [(str(pk), name) for pk, name in found]
    if chosen and chosen not in {pk for pk, _ in choices}:
        choices += [
            (chosen, f"{each.name} (archived)")
            for each in templates.filter(archived_at__isnull=False)
            if str(each.pk) == chosen
        ]
    return choices


def build_parameter_rows(entry: Any, given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The lines of the parameter table: the given values, the template's other variables, and two empty lines."""
    filled = {name for name, _ in given}
    version = entry.template.published_version() if isinstance(entry, Situation) and entry.template else None
    others = [each.name for each in version.typed_variables()] if version else []
    open_ = [(name, "") for name in others if name not in filled and name not in Situation.VALUES]
    return [*given, *open_, *[("", "")] * SPARE_PARAMETERS]


# --- actions -------------------------------------------------------------------------------------------


@require_POST
@login_required
def archive_entry(request: HttpRequest, kind: EntryKind, entry_id: UUID) -> HttpResponse:
    entry = find_editable(request, kind, entry_id)
    said = f"“{entry.name}” is archived: new plans do not use it."
    return run_action(request, entry, lambda: entry.archive(by=get_person(request)), said=said)


@require_POST
@login_required
def restore_entry(request: HttpRequest, kind: EntryKind, entry_id: UUID) -> HttpResponse:
    entry = find_editable(request, kind, entry_id)
    said = f"“{entry.name}” is restored: plans may use it again."
    return run_action(request, entry, lambda: entry.restore(by=get_person(request)), said=said)


@require_POST
@login_required
def duplicate_entry(request: HttpRequest, kind: EntryKind, entry_id: UUID) -> HttpResponse:
    entry = find_editable(request, kind, entry_id)
    made = editing.duplicate(entry, by=get_person(request))
    messages.success(request, f"“{made.name}” is a copy; change what you like.")
    return redirect(kind.value, made.pk)


@require_POST
@login_required
def move_option(request: HttpRequest, kind: EntryKind, entry_id: UUID) -> HttpResponse:
    """One place up or down in its list."""
    option = cast(Option, find_editable(request, kind, entry_id))
    editing.move(option, steps=-1 if request.POST.get("to") == "up" else 1, by=get_person(request))
    return redirect(f"{get_list_url(option)}#option-{option.pk}")


@require_POST
@login_required
def install_starter_pack(request: HttpRequest) -> HttpResponse:
    """Install the starter pack in a workspace that lacks it or a part of it."""
    chosen = choose_editable_workspace(request)
    made = install_pack(chosen.workspace)
    said = (
        f"The starter pack is here: {made} entries were made."
        if made
        else "The starter pack was here already."
    )
    messages.success(request, said)
    return redirect(build_list_url(EntryKind.SCENARIO, chosen.workspace))


def run_action(request: HttpRequest, entry: Any, verb: Callable[[], Any], *, said: str) -> HttpResponse:
    try:
        verb()
    except StaleState as stale:
        messages.error(request, str(stale))
    else:
        messages.success(request, said)
    return redirect(get_list_url(entry))


def get_list_url(entry: Any) -> str:
    """The URL of the list that contains this entry."""
    kind = editing.get_kind(entry)
    return build_list_url(kind, entry.workspace, **name_list(kind, getattr(entry, "kind", "")))


def name_list(kind: EntryKind, name: object) -> dict[str, str]:
    """The part of the query that chooses one of the option lists; empty for situations and for a list that is none."""
    return {"list": str(name)} if kind == EntryKind.OPTION and name in OptionKind.values else {}


# --- permissions -------------------------------------------------------------------------------------


def find_visible(request: HttpRequest, kind: EntryKind, entry_id: UUID) -> Any:
    """Raises Http404 if it does not exist or belongs to somebody else."""
    return _with_related(kind).get_visible_or_404(request.user, entry_id)


def find_editable(request: HttpRequest, kind: EntryKind, entry_id: UUID) -> Any:
    """Raises Http404 if this person may not see it, and PermissionDenied if this person may see but not change it."""
    return _with_related(kind).get_editable_or_403(request.user, entry_id)


def _with_related(kind: EntryKind) -> Any:
    entries: Any = MODELS[kind]._default_manager
    return entries.select_related(*("workspace",) if kind == EntryKind.OPTION else ("workspace", "template"))


def may_edit(request: HttpRequest, kind: EntryKind, entry: LibraryEntry) -> bool:
    entries: Any = MODELS[kind]._default_manager
    return bool(entries.editable_by(request.user).contains(entry))
