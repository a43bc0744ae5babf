"""One conversation: the form with its live preview and price, and the page of an item until it is a conversation."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from batches.actions.controls import budget_for_retry, find_conversation_of, retry_failed, use_reply
from batches.actions.jobs import by_idempotency_key
from batches.actions.single import price_one, start_one
from batches.models import BatchItem, BatchJob
from batches.models.month_so_far import this_month
from batches.models.states import ItemKind, ItemStatus, JobKind
from batches.planning.estimate.estimate import CANNOT_PRICE
from batches.planning.plan import PlanError, PlannedItem
from batches.planning.recent_starts import find_same_start
from batches.web.access import find_editable_item, find_visible_item
from batches.web.posted import check_not_started, read_key
from batches.web.single import item_page
from batches.web.single.forms import SingleForm
from conversations.details import HEADING, sort_names
from conversations.models import Conversation
from conversations.regeneration import append_regeneration
from lib.htmx import is_htmx, is_target
from lib.row_problems import RowProblem
from lib.stale_state import StaleState
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.models.templates import PromptTemplateQuerySet
from templates_app.text.preview import Piece
from templates_app.text.preview import build_preview as mark_pieces
from templates_app.text.rendering import add_turn_range
from workspaces.people import get_person

MOST_TEMPLATES = 500
COUNTED = ("filled", "default", "missing", "wrong")


# --- the form -------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def generate_one(request: HttpRequest) -> HttpResponse:
    """The form. POST `generate` starts the item; any other POST shows the form with its preview.

    Choosing another template posts the form too, so that what was typed stays. What the form did not show is not started:
    neither another version, nor the same values a second time.
    """
    template = find_template(request)
    if template is None:
        return render(request, "batches/generate_one.html", {"templates": []})
    version = get_published_version(template)
    form = build_form(request, version)
    if request.POST.get("action") != "generate":
        return render_form(request, form)
    plan = form.build_plan()
    if plan is None:
        return render_form(request, form, status=422)
    try:
        check_was_shown(request, plan)
        item = start_one(plan, by=get_person(request), key=read_key(request))
    except CANNOT_PRICE as wrong:
        form.add_problems(wrong)
        return render_form(request, form, status=422)
    return redirect("item", item.pk)


def check_was_shown(request: HttpRequest, plan: list[PlannedItem]) -> None:
    """Raises PlanError when the page that was sent showed another version, or not that the same was started just now."""
    if by_idempotency_key(get_person(request), read_key(request)) is not None:
        return
    check_version_was_shown(request, plan)
    check_not_started(request, find_same_one(plan))


def check_version_was_shown(request: HttpRequest, plan: list[PlannedItem]) -> None:
    """Raises PlanError when the page that was sent showed another version of the template."""
    (item,) = plan
    shown = request.POST.get("shown_version", "")
    if shown and shown != str(item.version.pk):
        words = f"The form now has the template “{item.version}”. Look at its values and its price, then press Generate again."
        raise PlanError([RowProblem(None, "template", words)])


def find_same_one(plan: list[PlannedItem]) -> BatchJob | None:
    """The job that made the same a short while ago. A regeneration is meant to make something again."""
    if plan[0].regeneration is not None:
        return None
    return find_same_start(plan, workspace=plan[0].version.workspace, kind=JobKind.SINGLE)


@require_POST
@login_required
def preview_prompt(request: HttpRequest) -> HttpResponse:
    """The prompt as it would be sent, with its price. 422 says what is wrong and keeps the last preview on the page."""
    template = find_template(request)
    if template is None:
        raise Http404
    return render_preview(request, SingleForm.from_post(get_published_version(template), request.POST))


def render_preview(request: HttpRequest, form: SingleForm) -> HttpResponse:
    if not is_htmx(request):
        return render_form(request, form)
    context = build_preview(form)
    if refused := form.list_refusals():
        response = render(request, "batches/generate_one.html#refused", {"refused": refused}, status=422)
        response["HX-Retarget"], response["HX-Reswap"] = "#refused", "outerHTML"
        return response
    return render(request, "batches/generate_one.html#previewed", context)


def list_usable_templates(request: HttpRequest) -> PromptTemplateQuerySet:
    rows = PromptTemplate.objects.editable_by(request.user).usable()
    return rows.select_related("workspace").order_by("name", "pk")


def find_template(request: HttpRequest) -> PromptTemplate | None:
    """The template that the request names, else that of the item to repeat, else the first. None if there is none."""
    wanted = request.POST.get("template") or request.GET.get("template") or ""
    if not wanted and (item := find_repeated_item(request)) is not None:
        wanted = str(item.made_from.template_id)
    if not wanted:
        return list_usable_templates(request).first()
    found: PromptTemplate = list_usable_templates(request).get_visible_or_404(request.user, wanted)
    return found


def find_repeated_item(request: HttpRequest) -> BatchItem | None:
    """The item that `?from=` names; its values fill the form."""
    wanted = request.GET.get("from", "")
    if not wanted:
        return None
    rows = BatchItem.objects.exclude(kind=ItemKind.JUDGEMENT).select_related("template_version")
    found: BatchItem = rows.get_visible_or_404(request.user, wanted)
    return found


def get_published_version(template: PromptTemplate) -> TemplateVersion:
    version = template.published_version()
    if version is None:  # It was withdrawn a moment ago.
        raise Http404
    version.template = template
    return version


def build_form(request: HttpRequest, version: TemplateVersion) -> SingleForm:
    if request.method == "POST":
        return SingleForm.from_post(version, request.POST)
    item = find_repeated_item(request)
    return SingleForm.from_item(version, item) if item else SingleForm(version=version)


def render_form(
    request: HttpRequest,
    form: SingleForm,
    *,
    status: int = 200,
    templates: Sequence[PromptTemplate] | None = None,
    **more: Any,
) -> HttpResponse:
    """The page. `templates`: those to choose from, by default all that this person may use."""
    context = {
        **more,
        **build_preview(form),
        "form": form,
        "template": form.version.template,
        "version": form.version,
        "templates": list(
            list_usable_templates(request)[:MOST_TEMPLATES] if templates is None else templates
        ),
        "again": find_repeated_item(request),
        "idempotency_key": request.POST.get("idempotency_key") or uuid4(),
        "problems": form.list_problems() if status == 422 else [],
        "refused": form.list_refusals(),
    }
    form.offer_lists()
    context["rows"] = form.build_rows()
    part = "#one" if is_target(request, "one") else ""
    response = render(request, f"batches/generate_one.html{part}", context, status=status)
    if part:
        response["HX-Replace-Url"] = f"{form.address}?template={form.version.template_id}"
    return response


# --- what is seen beside the form -------------------------------------------------------------------------


def build_preview(form: SingleForm) -> dict[str, Any]:
    """The texts with their marks, the number of marks of each kind, and the price once nothing is missing."""
    version, plan = form.version, form.build_plan()
    marked, system = (
        mark_pieces(text, version.variables, form.values, syntax=version.syntax) if text else ()
        for text in (version.text, version.system_prompt)
    )
    kinds = {(each.kind, each.name) for each in (*marked, *system)}
    counts = {kind: len({name for found, name in kinds if found == kind}) for kind in COUNTED}
    return {
        "verb": form.verb,
        "version": version,
        "prompt": (*marked, *mark_turns(version), *(mark_rest(plan[0]) if plan else ())),
        "system": system,
        "counts": counts,
        "month": this_month(version.workspace),
        "started": find_same_one(plan) if plan else None,
        **(build_price(plan) if plan and not counts["missing"] and not counts["wrong"] else {}),
    }


def mark_turns(version: TemplateVersion) -> list[Piece]:
    """The line about the number of turns, as it follows the text."""
    line = add_turn_range("", version.turns_min, version.turns_max)
    return [Piece(line)] if line else []


def mark_rest(item: PlannedItem) -> list[Piece]:
    """What follows the text: the details, and what a regeneration asks for."""
    again = [Piece(append_regeneration("", item.regeneration))] if item.regeneration else []
    return [*mark_details(item.details), *again]


def mark_details(details: Any) -> list[Piece]:
    """The details as they will follow the text."""
    lines = [
        part
        for name in sort_names(details)
        for part in (Piece(f"\n- {name}: "), Piece(details[name], "filled", name))
    ]
    return [Piece(f"\n\n{HEADING}"), *lines] if lines else []


def build_price(plan: list[PlannedItem]) -> dict[str, Any]:
    try:
        return {"price": price_one(plan)}
    except CANNOT_PRICE as wrong:
        return {"cannot_price": str(wrong)}


# --- an item ----------------------------------------------------------------------------------------------


@never_cache
@require_safe
@login_required
def show_item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """The state of an item. Once it has become or judged a conversation, this leads to the conversation."""
    found = find_visible_item(request, item_id)
    made = find_conversation_of(found) if found.status == ItemStatus.COMPLETED else None
    if made is not None:
        if found.kind == ItemKind.REGENERATE:
            announce_version(request, made)
        return redirect_whole_page(request, reverse("conversation", args=[made.pk]))
    part = "#live" if is_target(request, "live") else ""
    return render(request, f"batches/item.html{part}", item_page.build_item_context(found))


def announce_version(request: HttpRequest, made: Conversation) -> None:
    if made.is_head:
        messages.success(request, f"Version {made.version} is there, and is the current one.")
    else:
        messages.warning(
            request, f"Version {made.version} is there. Its note says why it is not the current one."
        )


@require_POST
@login_required
def retry_item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Put the item back into the queue. The budget of a single generation is raised for one more call, as its button says."""
    found = find_editable_item(request, item_id)
    raised = budget_for_retry(found.job, 1) if found.job.kind == JobKind.SINGLE else None
    try:
        retry_failed(
            found.job, by=get_person(request), items=[found.pk], budget_usd=raised, key=read_key(request)
        )
    except StaleState as stale:
        messages.error(request, str(stale))
    return redirect("item", found.pk)


@require_POST
@login_required
def use_stored_reply(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Use a stored reply that was paid for."""
    found = find_editable_item(request, item_id)
    try:
        made = use_reply(found, by=get_person(request))
    except StaleState:
        messages.error(request, "The stored reply cannot be read. It stays in the log.")
        return redirect("item", found.pk)
    messages.success(request, "The stored reply is used now. It cost nothing more.")
    return redirect("conversation", made.pk)


def redirect_whole_page(request: HttpRequest, address: str) -> HttpResponse:
    """A redirect that htmx follows with the whole page."""
    if is_htmx(request):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)
