"""The pages of scenarios, edge cases and options: lists, forms, and what one does with a row. Files: `import_views.py`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F, Func, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lib.paging import page_of
from lib.stale_state import StaleState
from templates_app.library import editing
from templates_app.library.checks import WrongRow, cleaned
from templates_app.library.kinds import MODELS, WORDS
from templates_app.models import Option, OptionKind, PlanRow, PromptTemplate, Situation
from templates_app.packs.installing import bring_in_pack
from templates_app.prompts.editing import Overtaken
from templates_app.states import RowKind
from templates_app.web.library_forms import RowForm, changed_only, fields_of, given_by, given_in
from workspaces.chosen import chosen_workspace, editable_workspace
from workspaces.models import Workspace
from workspaces.people import get_person

PER_PAGE = 50
MOST_TAGS_SHOWN = 200
SPARE_PARAMETERS = 2
LISTS = {RowKind.SCENARIO: "scenarios", RowKind.EDGE_CASE: "edge_cases", RowKind.OPTION: "options"}
SEARCHED = {
    RowKind.OPTION: ("name", "description"),
    RowKind.SCENARIO: ("name", "topic", "persona", "context"),
    RowKind.EDGE_CASE: ("name", "topic", "persona", "context"),
}
Methods = require_http_methods(["GET", "HEAD", "POST"])


def address(kind: RowKind, workspace: Workspace, **query: str) -> str:
    """Of the list of a kind, in this workspace."""
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"{reverse(LISTS[kind])}?workspace={workspace.pk}{more}"


def words_for(kind: RowKind) -> dict[str, Any]:
    """What the templates need to speak of a kind and to link to its pages."""
    return {
        "kind": kind.value,
        "words": WORDS[kind],
        "title": RowKind(kind).label,
        "names": {
            verb: f"{kind.value}_{verb}"
            for verb in (
                *("new", "import", "import_file", "export_csv", "export_json"),
                *("archive", "restore", "duplicate", "move"),
            )
        }
        | {"one": kind.value, "all": LISTS[kind]},
    }


# --- looking -----------------------------------------------------------------------------------------


@require_safe
@login_required
def listed(request: HttpRequest, kind: RowKind) -> HttpResponse:
    """The rows of a workspace: searched, of a tag, of an option list; the archived ones apart."""
    chosen = chosen_workspace(request)
    mine = MODELS[kind]._default_manager.visible_to(request.user).filter(workspace=chosen.workspace)  # type: ignore[attr-defined]
    wanted = filters(request, kind)
    shown = page_of(matching(mine, kind, wanted), request, per=PER_PAGE, searched=bool(wanted["q"]))
    context = {
        **words_for(kind),
        "chosen": chosen,
        "page": shown,
        "filters": wanted,
        "counted": name_rows(kind, wanted),
        **build_queries(kind, chosen.workspace, wanted),
        "filtered": bool(wanted["q"] or wanted["tag"] or wanted["archived"]),
        "tags": tags_of(mine) if kind != RowKind.OPTION else (),
        "lists": OptionKind.choices if kind == RowKind.OPTION else (),
    }
    page = "options.html" if kind == RowKind.OPTION else "situations.html"
    return render(request, f"templates_app/{page}", context)


def filters(request: HttpRequest, kind: RowKind) -> dict[str, Any]:
    which = request.GET.get("list", "")
    return {
        "q": request.GET.get("q", "").replace("\x00", "").strip()[:200],
        "tag": request.GET.get("tag", "").replace("\x00", ""),
        "archived": request.GET.get("archived") == "1",
        "list": (which if which in OptionKind.values else OptionKind.PERSONA.value)
        if kind == RowKind.OPTION
        else "",
    }


def name_rows(kind: RowKind, wanted: dict[str, Any]) -> dict[str, str]:
    """What one row of the list is called, and several: the options of a list by the name of that list."""
    if kind == RowKind.OPTION:
        return {"one": wanted["list"], "several": f"{wanted['list']}s"}
    return {"one": WORDS[kind].one, "several": WORDS[kind].several}


def build_queries(kind: RowKind, workspace: Workspace, wanted: dict[str, Any]) -> dict[str, str]:
    """The query of links to the list, and that of its export: a list of options is exported whole."""
    here = {"workspace": str(workspace.pk)}
    if kind == RowKind.OPTION:
        return {"list_query": urlencode(here | {"list": wanted["list"]}), "export_query": urlencode(here)}
    filters = {"q": wanted["q"], "tag": wanted["tag"], "archived": "1" if wanted["archived"] else ""}
    chosen = {name: value for name, value in filters.items() if value}
    return {"list_query": urlencode(here), "export_query": urlencode(here | chosen)}


def matching(rows: Any, kind: RowKind, wanted: dict[str, Any]) -> Any:
    rows = rows.filter(archived_at__isnull=not wanted["archived"])
    if wanted["q"]:
        texts = Q()
        for name in SEARCHED[kind]:
            texts |= Q(**{f"{name}__icontains": wanted["q"]})
        rows = rows.filter(texts)
    if kind == RowKind.OPTION:
        rows = rows.filter(kind=wanted["list"]) if wanted["list"] else rows
        return rows.order_by("kind", "position", "name")
    rows = rows.tagged([wanted["tag"]]) if wanted["tag"] else rows
    return rows.select_related("template").order_by("position", "name")


def tags_of(rows: Any) -> list[str]:
    found = rows.order_by().annotate(tag=Func(F("tags"), function="unnest")).values_list("tag", flat=True)
    return list(found.distinct().order_by("tag")[:MOST_TAGS_SHOWN])


# --- making and changing -----------------------------------------------------------------------------


@never_cache
@Methods
@login_required
def new(request: HttpRequest, kind: RowKind) -> HttpResponse:
    chosen = editable_workspace(request)
    if request.method != "POST":
        given = {"kind": filters(request, kind)["list"], "weight": "1"}
        return page(request, kind, given=given, workspace=chosen.workspace)
    form = RowForm(request.POST)
    try:
        fields = fields_of(kind, request.POST, workspace=chosen.workspace)
        made = editing.make(kind, chosen.workspace, fields, by=get_person(request))
    except WrongRow as wrong:
        form.blame(wrong)
        given = given_in(request.POST)
        return page(request, kind, given=given, workspace=chosen.workspace, form=form, status=422)
    messages.success(request, f"“{made.name}” is saved.")
    return redirect(list_of(made))


@never_cache
@Methods
@login_required
def edit(request: HttpRequest, kind: RowKind, row_id: UUID) -> HttpResponse:
    """One row in its form; who may only look sees it without buttons."""
    if request.method != "POST":
        row = visible_row(request, kind, row_id)
        return page(request, kind, given=given_by(row), workspace=row.workspace, row=row)
    row = editable_row(request, kind, row_id)
    form = RowForm(request.POST)
    try:
        fields = changed_only(row, cleaned(kind, fields_of(kind, request.POST, workspace=row.workspace)))
        editing.change(row, fields, by=get_person(request), seen=seen_in(request))
    except WrongRow as wrong:
        form.blame(wrong)
        return again(request, kind, row, form, status=422)
    except Overtaken:
        return overtaken(request, kind, row, form)
    messages.success(request, f"“{row.name}” is saved.")
    return redirect(list_of(row))


def seen_in(request: HttpRequest) -> datetime:
    try:
        return datetime.fromisoformat(request.POST.get("seen", ""))
    except ValueError as none:
        raise Overtaken from none


def overtaken(request: HttpRequest, kind: RowKind, row: Any, form: RowForm) -> HttpResponse:
    """409 with the person's own text still in the form; saving again is then a choice."""
    now = visible_row(request, kind, row.pk)
    form.is_valid()
    form.add_error(
        None,
        "Somebody has saved this since you opened it. Your text is below and nothing was written; "
        "saving again puts yours over theirs.",
    )
    return again(request, kind, now, form, status=409, seen=now.updated_at.isoformat())


def again(
    request: HttpRequest, kind: RowKind, row: Any, form: RowForm, *, status: int, **given: str
) -> HttpResponse:
    shown = {**given_in(request.POST), **given}
    return page(request, kind, given=shown, workspace=row.workspace, row=row, form=form, status=status)


def page(
    request: HttpRequest,
    kind: RowKind,
    *,
    given: dict[str, Any],
    workspace: Workspace,
    row: Any = None,
    form: RowForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        **words_for(kind),
        "form": form,
        "given": given,
        "row": row,
        "workspace": workspace,
        "back": address(kind, workspace, **({"list": given["kind"]} if kind == RowKind.OPTION else {})),
        "can_edit": row is None or may_edit(request, kind, row),
        "lists": OptionKind.choices,
    }
    if kind == RowKind.OPTION:
        return render(request, "templates_app/option.html", context, status=status)
    context |= {
        "templates": templates_for(kind, workspace, given.get("template", "")),
        "parameters": parameter_rows(row, given.get("parameters") or []),
    }
    return render(request, "templates_app/situation.html", context, status=status)


def templates_for(kind: RowKind, workspace: Workspace, chosen: str) -> list[tuple[str, str]]:
    rows = PromptTemplate.objects.filter(workspace=workspace, tier=kind.value).order_by("name")
    found = rows.filter(archived_at=None).values_list("pk", "name")
    choices = [(str(pk), name) for pk, name in found]
    if chosen and chosen not in {pk for pk, _ in choices}:
        choices += [
            (chosen, f"{each.name} (archived)")
            for each in rows.filter(archived_at__isnull=False)
            if str(each.pk) == chosen
        ]
    return choices


def parameter_rows(row: Any, given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is filled, what the template of the row would take besides, and two empty lines."""
    filled = {name for name, _ in given}
    version = row.template.published_version() if isinstance(row, Situation) and row.template else None
    others = [each.name for each in version.typed_variables()] if version else []
    open_ = [(name, "") for name in others if name not in filled and name not in Situation.VALUES]
    return [*given, *open_, *[("", "")] * SPARE_PARAMETERS]


# --- what one does with a row ------------------------------------------------------------------------


@require_POST
@login_required
def archive(request: HttpRequest, kind: RowKind, row_id: UUID) -> HttpResponse:
    row = editable_row(request, kind, row_id)
    said = f"“{row.name}” is archived: new plans do not use it."
    return done(request, row, lambda: row.archive(by=get_person(request)), said=said)


@require_POST
@login_required
def restore(request: HttpRequest, kind: RowKind, row_id: UUID) -> HttpResponse:
    row = editable_row(request, kind, row_id)
    said = f"“{row.name}” is restored: plans may use it again."
    return done(request, row, lambda: row.restore(by=get_person(request)), said=said)


@require_POST
@login_required
def duplicate(request: HttpRequest, kind: RowKind, row_id: UUID) -> HttpResponse:
    row = editable_row(request, kind, row_id)
    made = editing.duplicate(row, by=get_person(request))
    messages.success(request, f"“{made.name}” is a copy; change what you like.")
    return redirect(kind.value, made.pk)


@require_POST
@login_required
def move(request: HttpRequest, kind: RowKind, row_id: UUID) -> HttpResponse:
    """One place up or down in its list."""
    option = cast(Option, editable_row(request, kind, row_id))
    editing.move(option, steps=-1 if request.POST.get("to") == "up" else 1, by=get_person(request))
    return redirect(f"{list_of(option)}#option-{option.pk}")


@require_POST
@login_required
def bring_in(request: HttpRequest) -> HttpResponse:
    """The starter pack, into a workspace that does not have it, or not all of it any more."""
    chosen = editable_workspace(request)
    made = bring_in_pack(chosen.workspace)
    said = (
        f"The starter pack is here: {made} rows were made." if made else "The starter pack was here already."
    )
    messages.success(request, said)
    return redirect(address(RowKind.SCENARIO, chosen.workspace))


def done(request: HttpRequest, row: Any, verb: Callable[[], Any], *, said: str) -> HttpResponse:
    try:
        verb()
    except StaleState as stale:
        messages.error(request, str(stale))
    else:
        messages.success(request, said)
    return redirect(list_of(row))


def list_of(row: Any) -> str:
    """The list in which this row stands."""
    kind = editing.kind_of(row)
    return address(kind, row.workspace, **({"list": row.kind} if kind == RowKind.OPTION else {}))


# --- who may -----------------------------------------------------------------------------------------


def visible_row(request: HttpRequest, kind: RowKind, row_id: UUID) -> Any:
    """Http404 for what is not there or belongs to somebody else."""
    return _with_related(kind).get_visible_or_404(request.user, row_id)


def editable_row(request: HttpRequest, kind: RowKind, row_id: UUID) -> Any:
    """404 for what one may not see, 403 for what one may see but not change."""
    return _with_related(kind).get_editable_or_403(request.user, row_id)


def _with_related(kind: RowKind) -> Any:
    rows: Any = MODELS[kind]._default_manager
    return rows.select_related(*("workspace",) if kind == RowKind.OPTION else ("workspace", "template"))


def may_edit(request: HttpRequest, kind: RowKind, row: PlanRow) -> bool:
    rows: Any = MODELS[kind]._default_manager
    return bool(rows.editable_by(request.user).contains(row))
