"""One conversation: the form with its live preview and price, and the page of an item until it is a conversation."""

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from batches.actions.controls import budget_for_retry, retry_failed, use_reply
from batches.actions.single import plan_one, price_one, start_one
from batches.models import BatchItem
from batches.models.states import JobKind
from batches.planning.estimate.estimate import Estimate
from batches.planning.plan import PlanError, PlannedItem
from batches.reports.monthly_spending import this_month
from batches.web.jobs.views import CANNOT_PRICE
from batches.web.single import item_page
from batches.web.single.forms import SingleForm
from conversations.details import HEADING, DetailsError, sort_names
from lib.htmx import is_htmx, is_target
from lib.stale_state import StaleState
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.text.preview import Piece, build_preview
from workspaces.people import get_person

MOST_TEMPLATES = 500
COUNTED = ("filled", "default", "missing", "wrong")


# --- the form -------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def generate_one(request: HttpRequest) -> HttpResponse:
    """POST `generate` starts it; any other POST shows the form with its preview, as the test render fills it."""
    template = chosen_template(request)
    if template is None:
        return render(request, "batches/generate_one.html", {"templates": []})
    version = version_of(template)
    form = form_of(request, version)
    if request.POST.get("action") != "generate":
        return form_page(request, form)
    plan = planned(form)
    if plan is None:
        return form_page(request, form, status=422)
    try:
        item = start_one(
            plan, by=get_person(request), key=request.POST.get("idempotency_key", "")[:200] or None
        )
    except CANNOT_PRICE as wrong:
        add_problems(form, wrong)
        return form_page(request, form, status=422)
    return redirect("item", item.pk)


@require_POST
@login_required
def preview(request: HttpRequest) -> HttpResponse:
    """The prompt as it would be sent, and its price. 422 keeps what was shown, and says what is wrong."""
    template = chosen_template(request)
    if template is None:
        raise Http404
    form = SingleForm.posted(version_of(template), request.POST)
    if not is_htmx(request):
        return form_page(request, form)
    context = seen(form)
    if "details" in form.wrong:
        response = render(
            request, "batches/generate_one.html#refused", {"refused": form.wrong["details"]}, status=422
        )
        response["HX-Retarget"], response["HX-Reswap"] = "#refused", "outerHTML"
        return response
    return render(request, "batches/generate_one.html#previewed", context)


def usable(request: HttpRequest) -> "QuerySet[PromptTemplate]":
    rows = PromptTemplate.objects.editable_by(request.user).usable()
    return rows.select_related("workspace").order_by("name", "pk")


def chosen_template(request: HttpRequest) -> PromptTemplate | None:
    """The one that is named, else that of the item whose values are wanted again, else the first; None if there is none."""
    wanted = request.POST.get("template") or request.GET.get("template") or ""
    if not wanted and (item := item_again(request)) is not None:
        wanted = str(item.template_version.template_id)
    if not wanted:
        return usable(request).first()
    try:
        found: PromptTemplate = get_object_or_404(usable(request), pk=UUID(wanted))
    except ValueError as wrong:
        raise Http404 from wrong
    return found


def item_again(request: HttpRequest) -> BatchItem | None:
    """The item of `?from=`, whose values fill the form."""
    wanted = request.GET.get("from", "")
    if not wanted:
        return None
    try:
        rows = BatchItem.objects.visible_to(request.user).select_related("template_version")
        found: BatchItem = get_object_or_404(rows, pk=UUID(wanted))
    except ValueError as wrong:
        raise Http404 from wrong
    return found


def version_of(template: PromptTemplate) -> TemplateVersion:
    version = template.published_version()
    if version is None:  # withdrawn this very moment
        raise Http404
    version.template = template
    return version


def form_of(request: HttpRequest, version: TemplateVersion) -> SingleForm:
    if request.method == "POST":
        return SingleForm.posted(version, request.POST)
    item = item_again(request)
    return SingleForm.of_item(version, item) if item else SingleForm(version=version)


def form_page(request: HttpRequest, form: SingleForm, *, status: int = 200) -> HttpResponse:
    context = {
        **seen(form),
        "form": form,
        "template": form.version.template,
        "version": form.version,
        "templates": list(usable(request)[:MOST_TEMPLATES]),
        "again": item_again(request),
        "idempotency_key": request.POST.get("idempotency_key") or uuid4(),
        "problems": [each for name in form.wrong for each in problems_at(form, name)]
        if status == 422
        else [],
        "refused": form.wrong.get("details", []),
    }
    context["rows"] = form.rows()
    return render(request, "batches/generate_one.html", context, status=status)


def problems_at(form: SingleForm, name: str) -> list[dict[str, str]]:
    known = {str(each["name"]) for each in form.version.variables}
    field = f"value-{name}" if name in known else "id_details" if name == "details" else ""
    label = name if field else ""
    return [{"field": field, "label": label, "message": message} for message in form.wrong[name]]


def planned(form: SingleForm) -> list[PlannedItem] | None:
    """The plan of one; None when the details cannot be read, which then stands at their field."""
    try:
        return plan_one(form.version, form.values, details=form.details())
    except DetailsError:
        return None


def add_problems(form: SingleForm, wrong: Exception) -> None:
    """What the plan says about a variable stands at its field."""
    if not isinstance(wrong, PlanError):
        form.wrong.setdefault("", []).append(str(wrong))
        return
    for problem in wrong.problems:
        form.wrong.setdefault(problem.column if problem.row else "", []).append(problem.message)


# --- what is seen beside the form -------------------------------------------------------------------------


def seen(form: SingleForm) -> dict[str, Any]:
    """The texts with their marks, how many of each kind, and the price once nothing is missing."""
    version, plan = form.version, planned(form)
    marked = build_preview(version.text, version.variables, form.values)
    system = (
        build_preview(version.system_prompt, version.variables, form.values) if version.system_prompt else ()
    )
    kinds = {(each.kind, each.name) for each in (*marked, *system)}
    counts = {kind: len({name for found, name in kinds if found == kind}) for kind in COUNTED}
    return {
        "version": version,
        "prompt": (*marked, *with_marks(plan[0].details)) if plan else marked,
        "system": system,
        "counts": counts,
        "month": this_month(version.workspace),
        **(priced(plan) if plan and not counts["missing"] and not counts["wrong"] else {}),
    }


def with_marks(details: Any) -> list[Piece]:
    """The details as they will follow the text."""
    lines = [
        part
        for name in sort_names(details)
        for part in (Piece(f"\n- {name}: "), Piece(details[name], "filled", name))
    ]
    return [Piece(f"\n\n{HEADING}"), *lines] if lines else []


def priced(plan: list[PlannedItem]) -> dict[str, Any]:
    try:
        found: Estimate = price_one(plan)
    except CANNOT_PRICE as wrong:
        return {"cannot_price": str(wrong)}
    return {"price": found}


# --- an item ----------------------------------------------------------------------------------------------


@never_cache
@require_safe
@login_required
def item(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Where an item stands; once it is a conversation, that."""
    found = visible_item(request, item_id)
    made = getattr(found, "conversation", None)
    if made is not None:
        return moved_on(request, reverse("conversation", args=[made.pk]))
    part = "#live" if is_target(request, "live") else ""
    return render(request, f"batches/item.html{part}", item_page.context(found))


@require_POST
@login_required
def item_retry(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Back into the queue; the budget of a single generation is raised to cover one more, as its button says."""
    found = editable_item(request, item_id)
    raised = budget_for_retry(found.job, 1) if found.job.kind == JobKind.SINGLE else None
    key = request.POST.get("idempotency_key", "")[:200] or None
    try:
        retry_failed(found.job, by=get_person(request), items=[found.pk], budget_usd=raised, key=key)
    except StaleState as stale:
        messages.error(request, str(stale))
    return redirect("item", found.pk)


@require_POST
@login_required
def item_use(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """Make the conversation of a reply that is paid and kept."""
    found = editable_item(request, item_id)
    try:
        made = use_reply(found, by=get_person(request))
    except StaleState:
        messages.error(request, "The kept reply cannot be read as a conversation. It stays in the log.")
        return redirect("item", found.pk)
    messages.success(request, "The kept reply is a conversation now. It cost nothing more.")
    return redirect("conversation", made.pk)


def moved_on(request: HttpRequest, address: str) -> HttpResponse:
    """A redirect that htmx follows with the whole page."""
    if is_htmx(request):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def visible_item(request: HttpRequest, item_id: UUID) -> BatchItem:
    rows = BatchItem.objects.visible_to(request.user)
    related = ("job", "conversation", "template_version__template")
    found: BatchItem = get_object_or_404(rows.select_related(*related), pk=item_id)
    return found


def editable_item(request: HttpRequest, item_id: UUID) -> BatchItem:
    """404 for what one may not see, 403 for what one may see but not change."""
    found = visible_item(request, item_id)
    if not BatchItem.objects.editable_by(request.user).filter(pk=found.pk).exists():
        raise PermissionDenied
    return found
